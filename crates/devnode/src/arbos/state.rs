//! What ArbOS knows, and in which slot.

use alloy_primitives::{Address, B256, U256};

use super::storage::{Slots, Space};
use crate::rules::Rules;
use crate::wasm::{ProgramCosts, StylusParams};

/// Offsets in the root space.
pub mod root {
    /// ArbOS version.
    pub const VERSION: u64 = 0;
    /// Version of a scheduled upgrade.
    pub const UPGRADE_VERSION: u64 = 1;
    /// Time of a scheduled upgrade.
    pub const UPGRADE_TIMESTAMP: u64 = 2;
    /// Account that earns the base fee and the data fees of activations.
    pub const NETWORK_FEE_ACCOUNT: u64 = 3;
    /// Chain id.
    pub const CHAIN_ID: u64 = 4;
    /// Number of the block before ArbOS.
    pub const GENESIS_BLOCK: u64 = 5;
    /// Account that earns the least base fee's part, if there is one.
    pub const INFRA_FEE_ACCOUNT: u64 = 6;
    /// Quality of the brotli compression by which L1 data is priced.
    pub const BROTLI_LEVEL: u64 = 7;
}

/// Offsets in the space of L1 pricing.
pub mod l1 {
    /// Units of calldata over which the price settles.
    pub const EQUILIBRATION_UNITS: u64 = 1;
    /// How slowly the price moves.
    pub const INERTIA: u64 = 2;
    /// Wei for a unit of calldata that the batch poster earns.
    pub const PER_UNIT_REWARD: u64 = 3;
    /// Wei for a unit of calldata.
    pub const PRICE_PER_UNIT: u64 = 7;
}

/// Offsets in the space of L2 pricing.
pub mod l2 {
    /// Gas a second that the chain is meant to run.
    pub const SPEED_LIMIT: u64 = 0;
    /// Gas limit of a block before it became one of a transaction.
    pub const BLOCK_GAS_LIMIT: u64 = 1;
    /// Base fee in wei.
    pub const BASE_FEE: u64 = 2;
    /// Least base fee in wei.
    pub const MIN_BASE_FEE: u64 = 3;
    /// Gas beyond the speed limit.
    pub const BACKLOG: u64 = 4;
    /// How slowly the base fee moves.
    pub const INERTIA: u64 = 5;
    /// Seconds of backlog that leave the base fee alone.
    pub const TOLERANCE: u64 = 6;
    /// Execution gas of a transaction.
    pub const PER_TX_GAS_LIMIT: u64 = 7;
}

/// Offsets in the space of L1 blocks.
pub mod block_hashes {
    /// Number of the latest L1 block that is known.
    pub const L1_NUMBER: u64 = 0;
}

/// Sub-spaces of the root.
pub mod space {
    use super::Space;

    /// L1 pricing.
    pub fn l1() -> Space {
        Space::ROOT.child(&[0])
    }
    /// L2 pricing.
    pub fn l2() -> Space {
        Space::ROOT.child(&[1])
    }
    /// Addresses of the chain's owners.
    pub fn chain_owners() -> Space {
        Space::ROOT.child(&[4])
    }
    /// Accumulator of messages to L1.
    pub fn send_merkle() -> Space {
        Space::ROOT.child(&[5])
    }
    /// Number and hashes of L1 blocks.
    pub fn block_hashes() -> Space {
        Space::ROOT.child(&[6])
    }
    /// Stylus programs.
    pub fn programs() -> Space {
        Space::ROOT.child(&[8])
    }
    /// Parameters of programs.
    pub fn program_params() -> Space {
        programs().child(&[0])
    }
    /// Activated programs by code hash.
    pub fn program_data() -> Space {
        programs().child(&[1])
    }
    /// Module hashes by code hash.
    pub fn module_hashes() -> Space {
        programs().child(&[2])
    }
    /// The price of activation data.
    pub fn data_pricer() -> Space {
        programs().child(&[3])
    }
    /// Addresses that may put programs into the cache.
    pub fn cache_managers() -> Space {
        programs().child(&[4])
    }
    /// Extra gas of activations.
    pub fn activation_gas() -> Space {
        programs().child(&[5])
    }
}

/// Reads an address from a slot.
pub fn address_of(word: U256) -> Address {
    Address::from_word(B256::from(word))
}

/// The word that holds an address.
pub fn word_of(address: Address) -> U256 {
    address.into_word().into()
}

/// Reads the low 64 bits of a slot.
pub fn u64_of(word: U256) -> u64 {
    word.as_limbs()[0]
}

/// Bytes of one packed word, written and read from the left.
struct Packed {
    bytes: [u8; 32],
    at: usize,
}

impl Packed {
    const fn new(bytes: [u8; 32]) -> Self {
        Self { bytes, at: 0 }
    }

    fn put<const N: usize>(&mut self, value: u64) {
        self.bytes[self.at..self.at + N].copy_from_slice(&value.to_be_bytes()[8 - N..]);
        self.at += N;
    }

    fn take<const N: usize>(&mut self) -> u64 {
        let mut wide = [0; 8];
        wide[8 - N..].copy_from_slice(&self.bytes[self.at..self.at + N]);
        self.at += N;
        u64::from_be_bytes(wide)
    }
}

/// The word of ArbOS's parameters of programs.
///
/// `version u16 | inkPrice u24 | maxStackDepth u32 | freePages u16 | pageGas u16 | pageLimit u16 | minInitGas u8 |
/// minCachedInitGas u8 | initCostScalar u8 | cachedCostScalar u8 | expiryDays u16 | keepaliveDays u16 |
/// blockCacheSize u16 | maxWasmSize u32 | maxFragmentCount u8 (where fragments exist)`, from the left.
pub fn pack_params(params: &StylusParams, rules: &Rules) -> U256 {
    let mut word = Packed::new([0; 32]);
    word.put::<2>(params.version.into());
    word.put::<3>(params.ink_price.into());
    word.put::<4>(params.max_stack_depth.into());
    word.put::<2>(params.free_pages.into());
    word.put::<2>(params.page_gas.into());
    word.put::<2>(params.page_limit.into());
    word.put::<1>(params.min_init_gas.into());
    word.put::<1>(params.min_cached_init_gas.into());
    word.put::<1>(params.init_cost_scalar.into());
    word.put::<1>(params.cached_cost_scalar.into());
    word.put::<2>(params.expiry_days.into());
    word.put::<2>(params.keepalive_days.into());
    word.put::<2>(params.block_cache_size.into());
    word.put::<4>(params.max_wasm_size.into());
    if rules.fragments {
        word.put::<1>(params.max_fragment_count.into());
    }
    U256::from_be_bytes(word.bytes)
}

/// Reads what [`pack_params`] wrote.
pub fn unpack_params(word: U256) -> StylusParams {
    let mut word = Packed::new(word.to_be_bytes());
    StylusParams {
        version: word.take::<2>() as u16,
        ink_price: word.take::<3>() as u32,
        max_stack_depth: word.take::<4>() as u32,
        free_pages: word.take::<2>() as u16,
        page_gas: word.take::<2>() as u16,
        page_limit: word.take::<2>() as u16,
        min_init_gas: word.take::<1>() as u8,
        min_cached_init_gas: word.take::<1>() as u8,
        init_cost_scalar: word.take::<1>() as u8,
        cached_cost_scalar: word.take::<1>() as u8,
        expiry_days: word.take::<2>() as u16,
        keepalive_days: word.take::<2>() as u16,
        block_cache_size: word.take::<2>() as u16,
        max_wasm_size: word.take::<4>() as u32,
        max_fragment_count: word.take::<1>() as u8,
    }
}

/// Reads the parameters of programs.
pub fn load_params<S: Slots + ?Sized>(slots: &mut S) -> Result<StylusParams, S::Error> {
    slots.read(space::program_params().at(0)).map(unpack_params)
}

/// Writes the parameters of programs.
pub fn store_params<S: Slots + ?Sized>(slots: &mut S, params: &StylusParams, rules: &Rules) -> Result<(), S::Error> {
    slots.write(space::program_params().at(0), pack_params(params, rules))
}

/// Seconds since 1970 at which ArbOS's clock of activations begins.
pub const ARBITRUM_START: u64 = 1_421_388_000;

/// What ArbOS keeps about an activated program.
///
/// `version u16 | init u16 | cached u16 | footprint u16 | activatedAt u24 | asmEstimateKb u24 | isCached bool`, from the left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// Stylus version of the activation; 0: never activated.
    pub version: u16,
    /// Cost of a call when not cached, in its own units.
    pub init: u16,
    /// Cost of a call when cached, in its own units.
    pub cached: u16,
    /// Pages of memory at the start.
    pub footprint: u16,
    /// Hours after [`ARBITRUM_START`] of the activation.
    pub activated_at: u32,
    /// Size of the native code in units of 1,024 bytes, rounded up.
    pub asm_kb: u32,
    /// A cache manager put it into the cache.
    pub is_cached: bool,
}

impl Program {
    /// Reads the program of a code hash.
    pub fn load<S: Slots + ?Sized>(slots: &mut S, code_hash: B256) -> Result<Self, S::Error> {
        slots.read(space::program_data().slot(code_hash)).map(Self::unpack)
    }

    /// Writes the program of a code hash.
    pub fn store<S: Slots + ?Sized>(&self, slots: &mut S, code_hash: B256) -> Result<(), S::Error> {
        slots.write(space::program_data().slot(code_hash), self.pack())
    }

    /// Hours after [`ARBITRUM_START`] of a time, as activations keep it.
    pub fn hours_at(timestamp: u64) -> u32 {
        (timestamp.saturating_sub(ARBITRUM_START) / 3600).min(0xFF_FFFF) as u32
    }

    /// Seconds since the activation.
    pub fn age(&self, timestamp: u64) -> u64 {
        timestamp.saturating_sub(u64::from(self.activated_at) * 3600 + ARBITRUM_START)
    }

    /// Whether the activation has expired.
    pub fn is_expired(&self, timestamp: u64, params: &StylusParams) -> bool {
        self.age(timestamp) > days(params.expiry_days)
    }

    /// Estimated bytes of native code, rounded up to 1,024.
    pub const fn asm_size(&self) -> u32 {
        self.asm_kb.saturating_mul(1024)
    }

    /// What a call needs.
    pub const fn costs(&self) -> ProgramCosts {
        ProgramCosts {
            version: self.version,
            init: self.init,
            cached: self.cached,
            footprint: self.footprint,
            is_cached: self.is_cached,
        }
    }

    fn pack(&self) -> U256 {
        let mut word = Packed::new([0; 32]);
        word.put::<2>(self.version.into());
        word.put::<2>(self.init.into());
        word.put::<2>(self.cached.into());
        word.put::<2>(self.footprint.into());
        word.put::<3>(self.activated_at.into());
        word.put::<3>(self.asm_kb.into());
        word.put::<1>(self.is_cached.into());
        U256::from_be_bytes(word.bytes)
    }

    fn unpack(word: U256) -> Self {
        let mut word = Packed::new(word.to_be_bytes());
        Self {
            version: word.take::<2>() as u16,
            init: word.take::<2>() as u16,
            cached: word.take::<2>() as u16,
            footprint: word.take::<2>() as u16,
            activated_at: word.take::<3>() as u32,
            asm_kb: word.take::<3>() as u32,
            is_cached: word.take::<1>() != 0,
        }
    }
}

/// Seconds in a number of days.
pub fn days(n: u16) -> u64 {
    u64::from(n) * 86_400
}

/// The price of the data that an activation adds to what every validator keeps: it rises exponentially while more than
/// [`DataPricer::BYTES_PER_SECOND`] is added.
pub struct DataPricer;

impl DataPricer {
    /// 2^40 bytes a year, divided by 8,760 and 3,600 in two integer steps.
    pub const BYTES_PER_SECOND: u32 = ((1_u64 << 40) / 8_760 / 3_600) as u32;
    /// Wei for a byte when nothing was added lately.
    pub const MIN_PRICE: u32 = 82_928_201;
    /// Bytes of demand that multiply the price by e.
    pub const INERTIA: u32 = 21_360_419;

    const DEMAND: u64 = 0;
    const RATE: u64 = 1;
    const LAST_UPDATE: u64 = 2;
    const MIN: u64 = 3;
    const SLOWNESS: u64 = 4;

    /// Writes the values of a fresh chain.
    pub fn initialize<S: Slots + ?Sized>(slots: &mut S) -> Result<(), S::Error> {
        let space = space::data_pricer();
        slots.write(space.at(Self::DEMAND), U256::ZERO)?;
        slots.write(space.at(Self::RATE), U256::from(Self::BYTES_PER_SECOND))?;
        slots.write(space.at(Self::LAST_UPDATE), U256::from(ARBITRUM_START))?;
        slots.write(space.at(Self::MIN), U256::from(Self::MIN_PRICE))?;
        slots.write(space.at(Self::SLOWNESS), U256::from(Self::INERTIA))
    }

    /// Adds the bytes of an activation to the demand and answers its fee in wei.
    pub fn charge<S: Slots + ?Sized>(slots: &mut S, bytes: u32, timestamp: u64) -> Result<U256, S::Error> {
        let space = space::data_pricer();
        let demand = u64_of(slots.read(space.at(Self::DEMAND))?) as u32;
        let rate = u64_of(slots.read(space.at(Self::RATE))?);
        let last = u64_of(slots.read(space.at(Self::LAST_UPDATE))?);
        let min = u64_of(slots.read(space.at(Self::MIN))?);
        let inertia = u64_of(slots.read(space.at(Self::SLOWNESS))?);

        let sold = u32::try_from(timestamp.saturating_sub(last).saturating_mul(rate)).unwrap_or(u32::MAX);
        let demand = demand.saturating_sub(sold).saturating_add(bytes);
        slots.write(space.at(Self::DEMAND), U256::from(demand))?;
        slots.write(space.at(Self::LAST_UPDATE), U256::from(timestamp))?;
        Ok(data_fee(demand, bytes, min, inertia))
    }
}

/// Fee in wei for `bytes` at a demand: `minPrice · e^(demand ÷ inertia) · bytes`, in basis points of the factor, rounded down.
fn data_fee(demand: u32, bytes: u32, min_price: u64, inertia: u64) -> U256 {
    let exponent = (u64::from(demand) * 10_000).checked_div(inertia).unwrap_or(0);
    let price = U256::from(min_price) * U256::from(exp_bips(exponent)) / U256::from(10_000);
    price * U256::from(bytes)
}

/// e^(x ÷ 10,000) in basis points, by twelve terms of the Taylor series evaluated from the last one; saturates.
pub fn exp_bips(x: u64) -> u64 {
    let mut sum = 10_000_u64.saturating_add(x / 12);
    for i in (1..12).rev() {
        sum = 10_000_u64.saturating_add(sum.saturating_mul(x) / (i * 10_000));
    }
    sum
}

/// A set of addresses: slot 0 holds the size, slots 1… the members, sub-space 0 the position of each member.
#[derive(Clone, Copy, Debug)]
pub struct AddressSet(pub Space);

impl AddressSet {
    fn position(self, address: Address) -> U256 {
        self.0.child(&[0]).slot(address.into_word())
    }

    /// Whether an address is a member. One read.
    pub fn contains<S: Slots + ?Sized>(self, slots: &mut S, address: Address) -> Result<bool, S::Error> {
        Ok(!slots.read(self.position(address))?.is_zero())
    }

    /// Number of members. One read.
    pub fn len<S: Slots + ?Sized>(self, slots: &mut S) -> Result<u64, S::Error> {
        slots.read(self.0.at(0)).map(u64_of)
    }

    /// Adds a member, if it is none yet.
    pub fn insert<S: Slots + ?Sized>(self, slots: &mut S, address: Address) -> Result<(), S::Error> {
        if self.contains(slots, address)? {
            return Ok(());
        }
        let position = self.len(slots)?.saturating_add(1);
        slots.write(self.position(address), U256::from(position))?;
        slots.write(self.0.at(position), word_of(address))?;
        self.resize(slots, |size| size.saturating_add(1))
    }

    /// Takes a member out; the last one takes its place.
    pub fn remove<S: Slots + ?Sized>(self, slots: &mut S, address: Address) -> Result<(), S::Error> {
        let position = u64_of(slots.read(self.position(address))?);
        if position == 0 {
            return Ok(());
        }
        slots.write(self.position(address), U256::ZERO)?;
        let size = self.len(slots)?;
        if position < size {
            let last = address_of(slots.read(self.0.at(size))?);
            slots.write(self.0.at(position), word_of(last))?;
            slots.write(self.position(last), U256::from(position))?;
        }
        slots.write(self.0.at(size), U256::ZERO)?;
        self.resize(slots, |size| size.saturating_sub(1))
    }

    /// The members in order, at most `max`.
    pub fn members<S: Slots + ?Sized>(self, slots: &mut S, max: u64) -> Result<Vec<Address>, S::Error> {
        let size = self.len(slots)?.min(max);
        (1..=size).map(|i| slots.read(self.0.at(i)).map(address_of)).collect()
    }

    fn resize<S: Slots + ?Sized>(self, slots: &mut S, by: impl Fn(u64) -> u64) -> Result<(), S::Error> {
        let size = self.len(slots)?;
        slots.write(self.0.at(0), U256::from(by(size)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy_primitives::{address, uint};

    use super::*;

    #[test]
    fn params_of_a_new_chain_pack_from_the_left() {
        let params = StylusParams::default();
        let word = pack_params(&params, &Rules::default());
        // 2 | 10,000 | 22,000 | 2 | 1,000 | 128 | 69 | 11 | 50 | 50 | 365 | 31 | 32 | 131,072
        assert_eq!(word, uint!(0x0002_002710_000055f0_0002_03e8_0080_45_0b_32_32_016d_001f_0020_00020000_00_0000_U256));
        let read = unpack_params(word);
        assert_eq!(read, StylusParams { max_fragment_count: 0, ..params });
    }

    #[test]
    fn params_keep_the_fragment_count_where_fragments_exist() {
        let rules = Rules::of(61).expect("known");
        let params = StylusParams::default();
        assert_eq!(unpack_params(pack_params(&params, &rules)), params);
    }

    #[test]
    fn a_program_packs_from_the_left_and_comes_back() {
        let program = Program {
            version: 2,
            init: 0x1122,
            cached: 0x3344,
            footprint: 5,
            activated_at: 0x06_6677,
            asm_kb: 0x01_8899,
            is_cached: true,
        };
        let word = program.pack();
        assert_eq!(word, uint!(0x0002_1122_3344_0005_066677_018899_01_0000000000000000000000000000000000_U256));
        assert_eq!(Program::unpack(word), program);
        assert_eq!(program.asm_size(), 0x01_8899 * 1024);
    }

    #[test]
    fn programs_age_from_the_hour_of_their_activation() {
        let now = ARBITRUM_START + 100 * 3600 + 1800;
        let program = Program { activated_at: Program::hours_at(now), ..Program::default() };
        assert_eq!((program.activated_at, program.age(now)), (100, 1800));
        let params = StylusParams::default();
        let end = ARBITRUM_START + 100 * 3600 + 365 * 86_400;
        assert!(!program.is_expired(end, &params) && program.is_expired(end + 1, &params));
    }

    #[test]
    fn exp_bips_follows_the_exponential() {
        assert_eq!((exp_bips(0), exp_bips(10_000)), (10_000, 27_182));
        for x in (0..60_000).step_by(997) {
            let exact = (x as f64 / 1e4).exp() * 1e4;
            let got = exp_bips(x) as f64;
            // truncation of each of the eleven steps, and the terms beyond the twelfth
            assert!(got <= exact && got >= exact * 0.98 - 20.0, "e^{x}: {got} for {exact}");
        }
        assert_eq!(exp_bips(u64::MAX), exp_bips(u64::MAX - 1));
    }

    #[test]
    fn the_first_data_fee_is_the_least_price_raised_by_its_own_bytes() {
        let mut slots = BTreeMap::new();
        let Ok(()) = DataPricer::initialize(&mut slots);
        let Ok(fee) = DataPricer::charge(&mut slots, 600_000, 1_700_000_000);
        // e^(600,000 / 21,360,419) = e^0.0280 → 10,283 bp
        assert_eq!(fee, U256::from(82_928_201_u64 * 10_283 / 10_000) * U256::from(600_000));
        let Ok(second) = DataPricer::charge(&mut slots, 600_000, 1_700_000_000);
        assert!(second > fee, "demand that was not yet sold raises the price");
        let Ok(later) = DataPricer::charge(&mut slots, 600_000, 1_700_000_000 + 60);
        assert_eq!(later, fee, "60 s sell two million bytes");
    }

    #[test]
    fn the_rate_is_what_the_chain_says() {
        assert_eq!(DataPricer::BYTES_PER_SECOND, 34_865);
    }

    #[test]
    fn an_address_set_keeps_members_dense() {
        let [a, b, c] = [
            address!("00000000000000000000000000000000000000aa"),
            address!("00000000000000000000000000000000000000bb"),
            address!("00000000000000000000000000000000000000cc"),
        ];
        let set = AddressSet(space::cache_managers());
        let mut slots = BTreeMap::new();
        for member in [a, b, c, b] {
            let Ok(()) = set.insert(&mut slots, member);
        }
        assert_eq!(set.members(&mut slots, 10), Ok(vec![a, b, c]));
        let Ok(()) = set.remove(&mut slots, a);
        let Ok(()) = set.remove(&mut slots, a);
        assert_eq!(set.members(&mut slots, 10), Ok(vec![c, b]));
        assert_eq!(set.members(&mut slots, 1), Ok(vec![c]));
        assert_eq!(set.contains(&mut slots, a), Ok(false));
        for member in [b, c] {
            let Ok(()) = set.remove(&mut slots, member);
        }
        assert!(slots.is_empty(), "nothing is left behind: {slots:?}");
    }
}

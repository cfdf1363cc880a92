//! Every number of programs: host-call and opcode prices, the page model, the cost of calls and of activation.
//!
//! Ink is gas at `ink_price` ink a unit of gas (10,000 by default). Sums saturate.

use wasmparser::Operator;

use super::StorageWrite;

/// Ink of entering any host function.
pub const HOSTIO: u64 = 8_400;
/// Ink of a pointer that a host function follows.
pub const PTR: u64 = 5_040;
/// Ink of a host function that asks the EVM.
pub const EVM_API: u64 = 59_673;
/// Ink of a 256-bit division, in addition.
pub const DIV: u64 = 20_000;
/// Ink of a 256-bit modular addition, in addition.
pub const ADD_MOD: u64 = 21_000;
/// Ink of a 256-bit modular multiplication, in addition.
pub const MUL_MOD: u64 = 24_100;
/// Ink that each basic block costs beside its instructions.
pub const BLOCK: u64 = 2_450;
/// Ink of a byte that `memory.fill` or `memory.copy` touches.
pub const BULK_BYTE: u64 = 100;

/// Gas that must be left before a storage write.
pub const SSTORE_SENTRY: u64 = 2_300;
/// Gas of the first touch of an account.
pub const COLD_ACCOUNT: u64 = 2_600;
/// Gas of the first touch of a slot.
pub const COLD_SLOT: u64 = 2_100;
/// Gas of a touch of what is warm.
pub const WARM: u64 = 100;
/// Gas of reading or writing transient storage.
pub const TRANSIENT: u64 = 100;
/// Gas of a log, and of each of its topics.
pub const LOG: u64 = 375;
/// Gas of a byte of a log's data.
pub const LOG_BYTE: u64 = 8;

/// Gas for the fixed work of an activation, charged before anything is read.
pub const ACTIVATION: u64 = 1_659_168;

/// Longest module that the parameters of a new chain allow, in bytes.
pub const MAX_WASM_SIZE: u32 = 128 * 1024;

/// Ink for `len` bytes that the host writes into the program's memory.
pub fn write_price(len: u32) -> u64 {
    PTR + 30 * u64::from(len.saturating_sub(32))
}

/// Ink for `len` bytes that the host reads from the program's memory.
pub fn read_price(len: u32) -> u64 {
    16_381 + 55 * u64::from(len.saturating_sub(32))
}

/// Ink for hashing `len` bytes, everything included.
pub fn keccak_price(len: u32) -> u64 {
    121_800 + 21_000 * u64::from(len.div_ceil(32)).saturating_sub(2)
}

/// Ink for a power, by the exponent's big-endian bytes, in addition to the call.
pub fn pow_price(exponent: &[u8; 32]) -> u64 {
    let leading = exponent.iter().take_while(|&&byte| byte == 0).count() as u64;
    3_000 + 17_500 * (33 - leading)
}

/// Gas of a log of `data` bytes beside its topics.
pub fn log_gas(topics: u32, data: u32) -> u64 {
    LOG * (1 + u64::from(topics)) + LOG_BYTE * u64::from(data)
}

/// Gas of touching an account.
pub fn account_gas(cold: bool) -> u64 {
    if cold { COLD_ACCOUNT } else { WARM }
}

/// Gas of reading an account's code, the touch included. A chain with larger codes charges more for each.
pub fn code_gas(cold: bool, max_code_size: u64) -> u64 {
    account_gas(cold) + 700 * (max_code_size / 24_576)
}

/// Gas of reading a slot.
pub fn sload_gas(cold: bool) -> u64 {
    if cold { COLD_SLOT } else { WARM }
}

/// Gas and refund of writing a slot (EIP-2200, EIP-2929, EIP-3529).
pub fn sstore_gas(write: &StorageWrite) -> (u64, i64) {
    const SET: u64 = 20_000;
    const RESET: u64 = 5_000 - COLD_SLOT;
    const CLEAR_REFUND: i64 = 4_800;
    let StorageWrite { cold, original, present, new } = *write;
    let touch = if cold { COLD_SLOT } else { 0 };
    if present == new {
        return (touch + WARM, 0);
    }
    if original == present {
        let gas = if original.is_zero() { SET } else { RESET };
        let refund = if !original.is_zero() && new.is_zero() { CLEAR_REFUND } else { 0 };
        return (touch + gas, refund);
    }
    let mut refund = 0;
    if !original.is_zero() {
        if present.is_zero() {
            refund -= CLEAR_REFUND;
        } else if new.is_zero() {
            refund += CLEAR_REFUND;
        }
    }
    if original == new {
        refund += (if original.is_zero() { SET } else { RESET } - WARM) as i64;
    }
    (touch + WARM, refund)
}

/// Gas that the EVM charges for memory as long as a result of `len` bytes; a program's caller pays at least this.
pub fn result_gas(len: usize) -> u64 {
    let words = (len as u64).div_ceil(32);
    3 * words + words * words / 512
}

/// Ink of an instruction. What has no price here can be activated but never run.
///
/// `params` answers how many parameters a function type has.
pub fn opcode_price(op: &Operator<'_>, params: impl Fn(u32) -> u64) -> u64 {
    use Operator as O;
    match op {
        O::Unreachable | O::Return | O::Nop | O::I32Const { .. } | O::I64Const { .. } => 1,
        O::Block { .. } | O::Loop { .. } | O::Else | O::End => 1,
        O::Drop => 9,
        O::Select => 1_250,
        O::Br { .. } | O::BrIf { .. } | O::If { .. } => 765,
        O::BrTable { targets } => 2_400 + 325 * u64::from(targets.len()),
        O::Call { .. } => 3_800,
        O::CallIndirect { type_index, .. } => 13_610 + 650 * params(*type_index),

        O::LocalGet { .. } | O::LocalTee { .. } => 75,
        O::LocalSet { .. } => 210,
        O::GlobalGet { .. } => 225,
        O::GlobalSet { .. } => 575,

        O::I32Load { .. } | O::I32Load8S { .. } | O::I32Load8U { .. } | O::I32Load16S { .. } | O::I32Load16U { .. } => {
            670
        }
        O::I64Load { .. }
        | O::I64Load8S { .. }
        | O::I64Load8U { .. }
        | O::I64Load16S { .. }
        | O::I64Load16U { .. }
        | O::I64Load32S { .. }
        | O::I64Load32U { .. } => 680,
        O::I32Store { .. } | O::I32Store8 { .. } | O::I32Store16 { .. } => 825,
        O::I64Store { .. } | O::I64Store8 { .. } | O::I64Store16 { .. } | O::I64Store32 { .. } => 950,
        O::MemorySize { .. } => 3_000,
        O::MemoryGrow { .. } => 8_050,
        O::MemoryCopy { .. } | O::MemoryFill { .. } => 950,

        O::I32Eqz | O::I32Eq | O::I32Ne | O::I32LtS | O::I32LtU | O::I32GtS | O::I32GtU => 170,
        O::I32LeS | O::I32LeU | O::I32GeS | O::I32GeU => 170,
        O::I64Eqz | O::I64Eq | O::I64Ne | O::I64LtS | O::I64LtU | O::I64GtS | O::I64GtU => 225,
        O::I64LeS | O::I64LeU | O::I64GeS | O::I64GeU => 225,

        O::I32Add | O::I32Sub | O::I32And | O::I32Or | O::I32Xor => 70,
        O::I32Shl | O::I32ShrS | O::I32ShrU | O::I32Rotl | O::I32Rotr => 70,
        O::I64Add | O::I64Sub | O::I64And | O::I64Or | O::I64Xor => 100,
        O::I64Shl | O::I64ShrS | O::I64ShrU | O::I64Rotl | O::I64Rotr => 100,
        O::I32Mul | O::I64Mul => 160,
        O::I32Clz | O::I32Ctz | O::I64Clz | O::I64Ctz => 210,
        O::I32DivS | O::I32DivU | O::I32RemS | O::I32RemU => 1_120,
        O::I64DivS | O::I64DivU | O::I64RemS | O::I64RemU => 1_270,
        O::I32Popcnt => 2_650,
        O::I64Popcnt => 6_000,
        O::I32WrapI64 | O::I64ExtendI32S | O::I64ExtendI32U => 100,
        O::I32Extend8S | O::I32Extend16S | O::I64Extend8S | O::I64Extend16S | O::I64Extend32S => 100,
        _ => u64::MAX,
    }
}

/// ArbOS's parameters of programs, one word of its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StylusParams {
    /// Stylus version that the chain runs.
    pub version: u16,
    /// Ink for one gas; at most 24 bits.
    pub ink_price: u32,
    /// Words of stack that a program may use.
    pub max_stack_depth: u32,
    /// Pages of a transaction that cost nothing.
    pub free_pages: u16,
    /// Gas for each page beyond.
    pub page_gas: u16,
    /// Pages that may be open at once when a program is activated.
    pub page_limit: u16,
    /// Least cost of starting a program that is not cached, in units of 128 gas.
    pub min_init_gas: u8,
    /// Least cost of starting a cached program, in units of 32 gas.
    pub min_cached_init_gas: u8,
    /// Scale of the init cost, in units of 2 %.
    pub init_cost_scalar: u8,
    /// Scale of the cached cost, in units of 2 %.
    pub cached_cost_scalar: u8,
    /// Days until an activation expires.
    pub expiry_days: u16,
    /// Days after which an activation may be renewed.
    pub keepalive_days: u16,
    /// Programs of a block that count as cached after they ran.
    pub block_cache_size: u16,
    /// Longest module after decompression, in bytes.
    pub max_wasm_size: u32,
    /// Most fragments of one program.
    pub max_fragment_count: u8,
}

impl Default for StylusParams {
    /// What a new chain starts with (its stack depth already under the cap of ArbOS 50).
    fn default() -> Self {
        Self {
            version: 2,
            ink_price: 10_000,
            max_stack_depth: 22_000,
            free_pages: 2,
            page_gas: 1_000,
            page_limit: 128,
            min_init_gas: 69,
            min_cached_init_gas: 11,
            init_cost_scalar: 50,
            cached_cost_scalar: 50,
            expiry_days: 365,
            keepalive_days: 31,
            block_cache_size: 32,
            max_wasm_size: MAX_WASM_SIZE,
            max_fragment_count: 2,
        }
    }
}

/// Memory pages of a transaction. `open` is restored when a program returns, `ever` only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Pages that running programs hold now.
    pub open: u16,
    /// Most pages that were ever open.
    pub ever: u16,
}

/// Gas of the `p`-th page ever opened: ⌊31,874,000^(p/128)⌋, less one at the end as Nitro's floats have it.
const PAGE_RAMP: [u32; 129] = [
    1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 12, 14, 17, 19, 22, 25, 29, 33, 38, 43, 50, 57, 65, 75,
    85, 98, 112, 128, 147, 168, 193, 221, 253, 289, 331, 379, 434, 497, 569, 651, 745, 853, 976, 1117, 1279, 1463,
    1675, 1917, 2194, 2511, 2874, 3290, 3765, 4309, 4932, 5645, 6461, 7395, 8464, 9687, 11_087, 12_689, 14_523, 16_621,
    19_024, 21_773, 24_919, 28_521, 32_642, 37_359, 42_758, 48_938, 56_010, 64_104, 73_368, 83_971, 96_106, 109_994,
    125_890, 144_082, 164_904, 188_735, 216_010, 247_226, 282_953, 323_844, 370_643, 424_206, 485_509, 555_672,
    635_973, 727_880, 833_067, 953_456, 1_091_243, 1_248_941, 1_429_429, 1_636_000, 1_872_423, 2_143_012, 2_452_704,
    2_807_151, 3_212_820, 3_677_113, 4_208_502, 4_816_684, 5_512_756, 6_309_419, 7_221_210, 8_264_766, 9_459_129,
    10_826_093, 12_390_601, 14_181_199, 16_230_562, 18_576_084, 21_260_563, 24_332_984, 27_849_408, 31_873_999,
];

impl Pages {
    /// Gas for opening `new` more pages: linear in what is open at once, exponential in what was ever open.
    pub fn cost(&self, new: u16, params: &StylusParams) -> u64 {
        let open = self.open.saturating_add(new);
        let ever = self.ever.max(open);
        if ever <= params.free_pages {
            return 0;
        }
        let paid = |pages: u16| u64::from(pages.saturating_sub(params.free_pages));
        let linear = u64::from(params.page_gas) * (paid(open) - paid(self.open));
        let ramp = |pages: u16| PAGE_RAMP.get(usize::from(pages)).map_or(u64::MAX, |&gas| u64::from(gas));
        linear.saturating_add(ramp(ever) - ramp(self.ever))
    }

    /// Opens `new` pages.
    pub fn open(&mut self, new: u16) {
        self.open = self.open.saturating_add(new);
        self.ever = self.ever.max(self.open);
    }
}

/// Gas for starting a cached program; the second answer of `ArbWasm.programInitGas`.
pub fn cached_gas(params: &StylusParams, cached: u16) -> u64 {
    32 * u64::from(params.min_cached_init_gas) + scaled(cached, params.cached_cost_scalar)
}

/// Gas for starting a program that is not cached, in addition to [`cached_gas`] from Stylus version 2 on.
pub fn init_gas(params: &StylusParams, init: u16) -> u64 {
    128 * u64::from(params.min_init_gas) + scaled(init, params.init_cost_scalar)
}

/// Gas for starting a program of a version, its pages not included.
pub fn call_gas(params: &StylusParams, version: u16, init: u16, cached: u16, is_cached: bool) -> u64 {
    let cached = if is_cached || version > 1 { cached_gas(params, cached) } else { 0 };
    let init = if is_cached { 0 } else { init_gas(params, init) };
    cached + init
}

/// A cost at a scalar of 2 % units, rounded up.
fn scaled(cost: u16, scalar: u8) -> u64 {
    (u64::from(cost) * u64::from(scalar) * 2).div_ceil(100)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use proptest::prelude::*;

    use super::*;

    /// Gas as ink at the default price.
    fn ink(gas: u64) -> u64 {
        gas * 10_000
    }

    #[test]
    fn host_calls_cost_their_closed_forms() {
        let api = EVM_API / 10_000;
        assert_eq!(HOSTIO + 2 * PTR + ink(COLD_SLOT + api), 21_068_480, "cold load");
        assert_eq!(HOSTIO + 2 * PTR, 18_480, "load of what is cached");
        assert_eq!(HOSTIO + 2 * PTR + ink(WARM + api), 1_068_480, "warm load");
        assert_eq!(HOSTIO + EVM_API + read_price(0) + ink(log_gas(0, 0)), 3_834_454, "empty log");
        assert_eq!(HOSTIO + EVM_API + read_price(100) + ink(log_gas(0, 100)), 11_838_194, "log of 100 bytes");
        assert_eq!(HOSTIO + EVM_API + read_price(132) + ink(log_gas(1, 100)), 15_589_954, "and one topic");
        assert_eq!(HOSTIO + EVM_API + read_price(228) + ink(log_gas(4, 100)), 26_845_234, "and four topics");
        assert_eq!(HOSTIO + 3 * PTR + DIV, 43_520, "division");
        assert_eq!(HOSTIO + 4 * PTR + ADD_MOD, 49_560, "modular addition");
        assert_eq!(HOSTIO + 4 * PTR + MUL_MOD, 52_660, "modular multiplication");
        assert_eq!(HOSTIO + 2 * PTR + EVM_API + ink(TRANSIENT), 1_078_153, "transient storage");
        assert_eq!(HOSTIO + EVM_API + ink(code_gas(true, 24_576)), 33_068_073, "cold code size");
        assert_eq!(HOSTIO + 2 * PTR + EVM_API + ink(account_gas(true)), 26_078_153, "cold code hash");
    }

    #[test]
    fn powers_cost_by_the_bytes_of_the_exponent() {
        for (bytes, cost) in [(0, 61_520), (1, 61_520), (2, 79_020), (10, 219_020), (32, 604_020)] {
            let mut exponent = [0; 32];
            exponent[32 - bytes..].fill(1);
            let expected = if bytes == 0 { cost - 17_500 } else { cost };
            assert_eq!(HOSTIO + 3 * PTR + pow_price(&exponent), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn a_flushed_word_costs_what_the_evm_charges() {
        let flush = |original: u64, present: u64, new: u64, cold| {
            let word = |value| U256::from(value);
            let write = StorageWrite { cold, original: word(original), present: word(present), new: word(new) };
            let (gas, refund) = sstore_gas(&write);
            (HOSTIO + EVM_API + ink(gas), refund)
        };
        assert_eq!(flush(0, 0, 1, true), (221_068_073, 0), "0 to x");
        assert_eq!(flush(1, 1, 2, true), (50_068_073, 0), "x to y");
        assert_eq!(flush(1, 1, 1, false), (1_068_073, 0), "unchanged");
        assert_eq!(flush(1, 2, 3, false), (1_068_073, 0), "changed already");
        assert_eq!(flush(1, 1, 0, false), (29_068_073, 4_800), "cleared");
        assert_eq!(flush(1, 0, 1, false), (1_068_073, 2_800 - 4_800), "cleared, then restored");
        assert_eq!(flush(1, 0, 2, false), (1_068_073, -4_800), "cleared, then set");
        assert_eq!(flush(1, 2, 0, false), (1_068_073, 4_800), "changed, then cleared");
        assert_eq!(flush(1, 2, 1, false), (1_068_073, 2_800), "changed, then restored");
        assert_eq!(flush(0, 1, 0, false), (1_068_073, 19_900), "set, then cleared");
    }

    #[test]
    fn the_page_ramp_is_the_exponential() {
        let base = 31_874_000f64.powf(1.0 / 128.0);
        for (pages, gas) in PAGE_RAMP.into_iter().enumerate() {
            assert_eq!(f64::from(gas), base.powi(pages as i32).floor(), "{pages} pages");
        }
        assert_eq!(PAGE_RAMP[128], 31_873_999);
    }

    #[test]
    fn more_than_all_pages_cannot_be_paid_for() {
        let params = StylusParams::default();
        let pages = Pages { open: 128, ever: 128 };
        assert!(pages.cost(1, &params) > u64::MAX / 2);
        assert!(Pages::default().cost(u16::MAX, &params) > u64::MAX / 2);
        let over = Pages { open: 1, ever: u16::MAX };
        assert_eq!(over.cost(2, &params), 1_000, "who has tried pays no ramp again");
    }

    proptest! {
        /// However memory is opened, all of it costs the same.
        #[test]
        fn all_pages_cost_the_same_in_any_steps(steps in prop::collection::vec(0u16..40, 0..200)) {
            let params = StylusParams::default();
            let mut pages = Pages::default();
            let mut gas = 0;
            for step in steps.into_iter().chain([128]) {
                let step = step.min(128 - pages.open);
                gas += pages.cost(step, &params);
                pages.open(step);
            }
            prop_assert_eq!(gas, 31_999_998);
        }

        /// Pages that were open before cost only the linear part again.
        #[test]
        fn reopened_pages_pay_no_ramp(ever in 0u16..=128, open in 0u16..=128, new in 0u16..=128) {
            let params = StylusParams::default();
            let pages = Pages { open: open.min(ever), ever };
            let new = new.min(ever - pages.open);
            let above = |n: u16| u64::from(n.saturating_sub(2));
            let linear = if ever <= 2 { 0 } else { 1_000 * (above(pages.open + new) - above(pages.open)) };
            prop_assert_eq!(pages.cost(new, &params), linear);
        }
    }

    #[test]
    fn a_result_costs_the_memory_of_its_length() {
        assert_eq!([0, 1, 32, 33, 65_536].map(result_gas), [0, 3, 3, 6, 14_336]);
    }

    #[test]
    fn starting_costs_what_is_stored() {
        let params = StylusParams::default();
        assert_eq!(cached_gas(&params, 6), 358);
        assert_eq!(init_gas(&params, 34), 8_866);
        assert_eq!(call_gas(&params, 2, 34, 6, true), 358);
        assert_eq!(call_gas(&params, 2, 34, 6, false), 358 + 8_866);
        assert_eq!(call_gas(&params, 1, 34, 6, false), 8_866);
    }
}

//! The storage that both programs of the contract work on, and what both do with it.

use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256,
    aliases::{U16, U32, U48, U64},
};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{EnforcedPause, IERC20, IERC4626, IPolicy, IRisk, IVault, NotWired, UnauthorizedCaller},
    call::{ask, require_code, try_ask},
    error,
    ext::Extension,
    pause::Pause,
    roles::Roles,
};
use standards::{erc721::Erc721, packed::Packed, permit::Nonces};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageB256, StorageMap, StorageU16, StorageU32, StorageU64, StorageU256, StorageUint},
    stylus_core::host::{BlockAccess, CryptographyAccess, MessageAccess},
};

use crate::{
    record::{Amounts, CANCELLED, ENTRY, EXPIRED, INSURED, Interest, KEEPER, LOCKED, Terms, Token, fit},
    split::Shares,
};

/// Everything that the contract stores.
#[storage]
pub struct Book {
    /// Owner, set-up key, guardian.
    pub roles: Roles,
    /// The second program.
    pub extension: Extension,
    /// The pause of purchases.
    pause: Pause,
    /// `|252 short rate 242|241 shares 200|199 purchases paused until 160|159 risk 0|`: what everyday operations read.
    head: StorageU256,
    assessor: StorageAddress,
    certificate: StorageAddress,
    /// Holders; beside each the policy's [`Token`] fields.
    pub token: Erc721,
    policies: StorageMap<U256, Entry>,
    products: StorageMap<U256, Line>,
    interests: StorageMap<B256, StorageU256>,
    subject_numbers: StorageMap<B256, StorageU32>,
    subjects: StorageMap<U256, StorageB256>,
    positions: StorageMap<U256, StorageB256>,
    trigger_numbers: StorageMap<Address, StorageU16>,
    /// How many policies were sold, and how many subjects, positions and triggers are numbered: one word.
    sold: StorageUint<48, 1>,
    subject_count: StorageU32,
    position_count: StorageU32,
    trigger_count: StorageU16,
    /// Of those who sign for others to insure them.
    pub nonces: Nonces,
}

/// A policy's words beside its token's; those after the second only where flags say so.
#[storage]
struct Entry {
    amounts: StorageU256,
    terms: StorageU256,
    insured: StorageAddress,
    entry_hash: StorageB256,
    keeper: StorageU256,
    keeper_until: StorageU64,
}

/// A product's [`Route`] in three words.
///
/// `|255 decimals 248|247 cover 240|239 asset, upper half 160|159 trigger 0|`
/// `|255 trigger's number 240|239 asset, lower half 160|159 vault 0|`: all that an end of cover needs, and the asset's
/// symbol.
#[storage]
struct Line {
    first: StorageU256,
    second: StorageU256,
    symbol: StorageB256,
}

/// Where a product's calls and money go. It never changes: a revision of a product is a new product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Decides about losses.
    pub trigger: Address,
    /// The trigger's number; 0 before a product of it was sold.
    pub number: u16,
    /// Holds the capital.
    pub vault: Address,
    /// The vault's asset, in which amounts and premiums are.
    pub asset: Address,
    /// The type of cover, as `IRisk.Cover`.
    pub cover: u8,
    /// The asset's decimals; 0 where it tells none.
    pub decimals: u8,
}

/// Who may extend a policy at its holder's cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeper {
    /// Who.
    pub account: Address,
    /// For at most so much.
    pub most: U256,
    /// Until when.
    pub until: u64,
}

/// A new policy.
pub struct Sale {
    /// Who gets the certificate.
    pub receiver: Address,
    /// The product's id.
    pub product: U256,
    /// What the cover is about.
    pub subject: B256,
    /// Whose loss is covered.
    pub insured: Address,
    /// What of the insured's is covered.
    pub position: B256,
    /// Cover bought.
    pub amount: U256,
    /// Premium, times and ratios.
    pub terms: Terms,
    /// The hash of the trigger's entry; `None` where it is empty.
    pub entry_hash: Option<B256>,
}

impl Book {
    // ———————————————————————————————————————————————————————————————————————————————————————————————— peers

    /// Risk.
    ///
    /// # Errors
    /// `NotWired`.
    pub fn risk(&self) -> Result<Address> {
        match self.head().address(0) {
            Address::ZERO => Err(error!(NotWired)),
            risk => Ok(risk),
        }
    }

    /// Risk, Assessor and Certificate; zeros before they are wired.
    #[must_use]
    pub fn peers(&self) -> [Address; 3] {
        [self.head().address(0), self.assessor.get(), self.certificate.get()]
    }

    /// Sets the peers.
    pub fn set_peers(&mut self, [risk, assessor, certificate]: [Address; 3]) {
        let head = self.head().with_address(0, risk);
        self.head.set(head.0);
        self.assessor.set(assessor);
        self.certificate.set(certificate);
    }

    /// Fails unless Assessor calls.
    ///
    /// # Errors
    /// `UnauthorizedCaller`.
    pub fn only_assessor(&self) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller == self.assessor.get() {
            return Ok(());
        }
        Err(error!(UnauthorizedCaller, caller))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————— counts, shares

    /// How many policies were sold.
    #[must_use]
    pub fn count(&self) -> U256 {
        U256::from(self.sold.get())
    }

    /// The shares in a premium.
    #[must_use]
    pub fn shares(&self) -> Shares {
        Shares::unpack(Packed(self.head().get(200, 42)))
    }

    /// Sets the shares in a premium, for sales from now on.
    pub fn set_shares(&mut self, shares: Shares) {
        let head = self.head().with_u64(200, 42, shares.pack());
        self.head.set(head.0);
    }

    /// What is kept of a refund, basis points.
    #[must_use]
    pub fn short_rate(&self) -> u64 {
        self.head().u64(242, 11)
    }

    /// Sets what is kept of a refund: at most 2,047 basis points.
    pub fn set_short_rate(&mut self, bps: u16) {
        let head = self.head().with_u64(242, 11, bps.into());
        self.head.set(head.0);
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— pause

    /// When the pause of purchases ends; in the past where there is none.
    #[must_use]
    pub fn paused_until(&self) -> u64 {
        self.head().u64(160, 40)
    }

    /// Fails while purchases are paused.
    ///
    /// # Errors
    /// `EnforcedPause`.
    pub fn require_running(&self) -> Result<()> {
        if self.vm().block_timestamp() < self.paused_until() {
            return Err(error!(EnforcedPause));
        }
        Ok(())
    }

    /// Pauses purchases for `duration` seconds, and answers until when.
    ///
    /// # Errors
    /// Those of [`Pause::set`].
    pub fn pause(&mut self, duration: u64, by_owner: bool) -> Result<u64> {
        let until = self.pause.set(duration, by_owner)?;
        let head = self.head().with_u64(160, 40, until);
        self.head.set(head.0);
        Ok(until)
    }

    fn head(&self) -> Packed {
        Packed(self.head.get())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— policies

    /// A policy's token word.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    pub fn policy(&self, id: U256) -> Result<Token> {
        Ok(Token(self.token.minted(id)?))
    }

    /// The token word of a policy that nothing holds up.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`, `PolicyIsCancelled`, `PolicyIsExpired`, `PolicyLocked`.
    pub fn live(&self, id: U256) -> Result<Token> {
        let token = self.policy(id)?;
        if token.has(CANCELLED) {
            return Err(error!(IPolicy::PolicyIsCancelled, id));
        }
        if token.has(EXPIRED) {
            return Err(error!(IPolicy::PolicyIsExpired, id));
        }
        if token.has(LOCKED) {
            return Err(error!(IPolicy::PolicyLocked, id));
        }
        Ok(token)
    }

    /// Whether an account may act for a policy's holder: itself, or one of its operators.
    #[must_use]
    pub fn acts_for(&self, holder: Address, account: Address) -> bool {
        account == holder || self.token.is_approved_for_all(holder, account)
    }

    /// Writes the fields of a policy's token word; its holder stays.
    pub fn set_policy(&mut self, id: U256, token: Token) {
        self.token.set_beside(id, token.0);
    }

    /// Cover bought, claims confirmed, and since when the premium is earned.
    #[must_use]
    pub fn amounts(&self, id: U256) -> Amounts {
        Amounts(Packed(self.policies.getter(id).amounts.get()))
    }

    /// Writes them.
    pub fn set_amounts(&mut self, id: U256, amounts: Amounts) {
        self.policies.setter(id).amounts.set(amounts.0.0);
    }

    /// Net premium, times and ratios.
    #[must_use]
    pub fn terms(&self, id: U256) -> Terms {
        Terms(Packed(self.policies.getter(id).terms.get()))
    }

    /// Writes them.
    pub fn set_terms(&mut self, id: U256, terms: Terms) {
        self.policies.setter(id).terms.set(terms.0.0);
    }

    /// Who may extend a policy at its holder's cost; nobody by default.
    #[must_use]
    pub fn keeper(&self, id: U256, token: Token) -> Keeper {
        if !token.has(KEEPER) {
            return Keeper::default();
        }
        let policy = self.policies.getter(id);
        let word = Packed(policy.keeper.get());
        Keeper { account: word.address(0), most: word.get(160, 96), until: policy.keeper_until.get().to() }
    }

    /// Lets a keeper extend a policy, or nobody where it is the zero address.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a premium above 2⁹⁶ − 1.
    pub fn set_keeper(&mut self, id: U256, token: Token, keeper: Keeper) -> Result<()> {
        if keeper.account.is_zero() {
            self.set_policy(id, token.without(KEEPER));
            return Ok(());
        }
        let word = Packed::default().with_address(0, keeper.account).with(160, 96, fit(keeper.most, 96)?);
        let mut policy = self.policies.setter(id);
        policy.keeper.set(word.0);
        policy.keeper_until.set(U64::from(keeper.until));
        self.set_policy(id, token.with(KEEPER));
        Ok(())
    }

    /// Whose loss a policy covers.
    #[must_use]
    pub fn insured(&self, id: U256, token: Token) -> Address {
        if token.has(INSURED) { self.policies.getter(id).insured.get() } else { token.holder() }
    }

    /// What of the insured's a policy covers.
    #[must_use]
    pub fn position(&self, token: Token) -> B256 {
        let number = token.position();
        if number.is_zero() { B256::ZERO } else { self.positions.get(number) }
    }

    /// The hash of the trigger's entry at the sale.
    #[must_use]
    pub fn entry_hash(&self, id: U256, token: Token) -> B256 {
        if token.has(ENTRY) { self.policies.getter(id).entry_hash.get() } else { KECCAK256_EMPTY }
    }

    /// The subject of a policy.
    #[must_use]
    pub fn subject(&self, token: Token) -> B256 {
        self.subjects.get(token.subject())
    }

    /// Records a sale on an interest whose subject and position have numbers, and gives the certificate to its
    /// receiver. Answers with the policy's number.
    ///
    /// # Errors
    /// `ERC721InvalidReceiver` for the zero address; `SafeCastOverflowedUintDowncast` for a product above 2²⁴ − 1
    /// or an amount above 2⁹⁶ − 1.
    ///
    /// # Events
    /// `Transfer` from the zero address.
    pub fn record(&mut self, sale: &Sale, interest: Interest) -> Result<U256> {
        let id = fit(self.count().wrapping_add(U256::ONE), 48)?;
        self.sold.set(U48::wrapping_from(id));

        let mut flags = 0;
        let mut policy = self.policies.setter(id);
        policy.amounts.set(Amounts::new(sale.amount, sale.terms.start())?.0.0);
        policy.terms.set(sale.terms.0.0);
        if sale.insured != sale.receiver {
            policy.insured.set(sale.insured);
            flags |= INSURED;
        }
        if let Some(entry_hash) = sale.entry_hash {
            policy.entry_hash.set(entry_hash);
            flags |= ENTRY;
        }
        self.token.mint(sale.receiver, id, Token::new(sale.product, interest, flags)?.0)?;
        Ok(id)
    }

    /// Moves a certificate by the caller's right. Where the holder is the insured, it is written down that he
    /// stays so; what he allowed a keeper ends.
    ///
    /// # Errors
    /// Those of [`Erc721::transfer_from`]; `PolicyLocked` while a claim is open.
    ///
    /// # Events
    /// `Transfer`.
    pub fn transfer(&mut self, from: Address, to: Address, id: U256) -> Result<()> {
        let token = Token(self.token.transfer_from(from, to, id)?);
        if token.has(LOCKED) {
            return Err(error!(IPolicy::PolicyLocked, id));
        }
        let mut moved = token.without(KEEPER);
        if !token.has(INSURED) && from != to {
            self.policies.setter(id).insured.set(from);
            moved = moved.with(INSURED);
        }
        if moved != token {
            self.set_policy(id, moved);
        }
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— products

    /// Where the product's calls and money go, if a policy of it was ever sold.
    #[must_use]
    pub fn route(&self, product: U256) -> Option<Route> {
        let line = self.products.getter(product);
        let first = Packed(line.first.get());
        let trigger = first.address(0);
        if trigger.is_zero() {
            return None;
        }
        let second = Packed(line.second.get());
        let asset = Packed(second.get(160, 80)).with(80, 80, first.get(160, 80)).address(0);
        Some(Route {
            trigger,
            number: second.u64(240, 16) as u16,
            vault: second.address(0),
            asset,
            cover: first.u64(240, 8) as u8,
            decimals: first.u64(248, 8) as u8,
        })
    }

    /// Where the calls and the money of a policy's product go.
    ///
    /// # Errors
    /// None: a sale keeps its product's route.
    pub fn route_of(&self, token: Token) -> Result<Route> {
        self.route(token.product()).ok_or_else(|| error!(NotWired))
    }

    /// The vault of a policy's product, and its trigger's number.
    ///
    /// # Errors
    /// None: a sale keeps its product's route.
    pub fn carrier(&self, token: Token) -> Result<(Address, u16)> {
        let second = Packed(self.products.getter(token.product()).second.get());
        match second.address(0) {
            Address::ZERO => Err(error!(NotWired)),
            vault => Ok((vault, second.u64(240, 16) as u16)),
        }
    }

    /// The symbol of a product's asset, cut to 32 bytes; zeros where it tells none, or nothing was ever sold.
    #[must_use]
    pub fn symbol(&self, product: U256) -> B256 {
        self.products.getter(product).symbol.get()
    }

    /// Asks Risk, the vault and the asset for a product's route.
    ///
    /// # Errors
    /// What they revert with (`UnknownProduct`); `AddressEmptyCode` where trigger, vault or asset is no contract.
    pub fn find_route(&self, risk: Address, product: U256) -> Result<Route> {
        let vm = self.vm();
        let answer = ask(vm, risk, IRisk::productCall::SELECTOR, &[product])?;
        let (vault, trigger) = (answer.address(0)?, answer.address(1)?);
        require_code(vm, vault)?;
        require_code(vm, trigger)?;
        let asset = ask(vm, vault, IERC4626::assetCall::SELECTOR, &[])?.address(0)?;
        require_code(vm, asset)?;
        let decimals = try_ask(vm, asset, IERC20::decimalsCall::SELECTOR, &[], 1).and_then(|answer| answer.u64(0).ok());
        Ok(Route {
            trigger,
            number: self.trigger_numbers.get(trigger).to(),
            vault,
            asset,
            cover: u8::try_from(answer.u64(2)?).unwrap_or(u8::MAX),
            decimals: decimals.and_then(|decimals| u8::try_from(decimals).ok()).unwrap_or(0),
        })
    }

    /// Keeps a product's route and its asset's symbol, which then never change. Numbers its trigger, where it is the first
    /// product of it; numbers begin at 1.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` where there are no more numbers.
    pub fn set_route(&mut self, product: U256, route: &Route, symbol: B256) -> Result<()> {
        let mut number = U256::from(route.number);
        if number.is_zero() {
            number = fit(U256::from(self.trigger_count.get()).wrapping_add(U256::ONE), 16)?;
            self.trigger_count.set(U16::wrapping_from(number));
            self.trigger_numbers.setter(route.trigger).set(U16::wrapping_from(number));
        }
        let asset = Packed::default().with_address(0, route.asset);
        let first = Packed::default()
            .with_address(0, route.trigger)
            .with(160, 80, asset.get(80, 80))
            .with_u64(240, 8, u64::from(route.cover))
            .with_u64(248, 8, u64::from(route.decimals));
        let second =
            Packed::default().with_address(0, route.vault).with(160, 80, asset.get(0, 80)).with(240, 16, number);
        let mut line = self.products.setter(product);
        line.first.set(first.0);
        line.second.set(second.0);
        line.symbol.set(symbol);
        Ok(())
    }

    /// Asks an asset for its symbol, cut to whole characters within 32 bytes. Tokens from before the standard answer with
    /// 32 bytes instead of a string.
    #[must_use]
    pub fn find_symbol(&self, asset: Address) -> B256 {
        let mut symbol = B256::ZERO;
        let Some(answer) = try_ask(self.vm(), asset, IERC20::symbolCall::SELECTOR, &[], 1) else { return symbol };
        if answer.data().len() == 32 {
            symbol.copy_from_slice(answer.data());
        } else if let Ok(text) = answer.bytes(0) {
            let mut len = text.len().min(32);
            while len < text.len() && len > 0 && text[len] & 0xc0 == 0x80 {
                len -= 1; // within a character of UTF-8
            }
            symbol[..len].copy_from_slice(&text[..len]);
        }
        symbol
    }

    /// The vault's capital for capacity.
    ///
    /// # Errors
    /// `PurchasesClosed` where the vault is closed for business.
    pub fn capital(&self, vault: Address) -> Result<U256> {
        let answer = ask(self.vm(), vault, IVault::capitalCall::SELECTOR, &[])?;
        if answer.bool(1)? {
            return Err(error!(IPolicy::PurchasesClosed));
        }
        answer.word(0)
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— interest

    /// The key of one interest: a position of an insured in a subject of a trigger, which has a number.
    #[must_use]
    pub fn interest_key(&self, trigger: u16, subject: B256, insured: Address, position: B256) -> B256 {
        let key = [&trigger.to_be_bytes()[..], subject.as_slice(), insured.as_slice(), position.as_slice()].concat();
        self.vm().native_keccak256(&key)
    }

    /// The key of the interest that a policy insures.
    #[must_use]
    pub fn interest_of(&self, trigger: u16, id: U256, token: Token) -> B256 {
        self.interest_key(trigger, self.subject(token), self.insured(id, token), self.position(token))
    }

    /// What is insured in an interest.
    #[must_use]
    pub fn interest(&self, key: B256) -> Interest {
        Interest(Packed(self.interests.get(key)))
    }

    /// Writes what is insured in an interest.
    pub fn set_interest(&mut self, key: B256, interest: Interest) {
        self.interests.setter(key).set(interest.0.0);
    }

    /// Numbers subject and position of an interest that nobody has bought cover on before; numbers begin at 1.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` where there are no more numbers.
    pub fn numbered(&mut self, interest: Interest, subject: B256, position: B256) -> Result<Interest> {
        if !interest.subject().is_zero() {
            return Ok(interest);
        }
        let mut subject_number = U256::from(self.subject_numbers.get(subject));
        if subject_number.is_zero() {
            subject_number = U256::from(self.subject_count.get()).wrapping_add(U256::ONE);
            self.subjects.setter(subject_number).set(subject);
            self.subject_numbers.setter(subject).set(U32::wrapping_from(subject_number));
            self.subject_count.set(U32::wrapping_from(subject_number));
        }
        let mut position_number = U256::ZERO;
        if !position.is_zero() {
            position_number = U256::from(self.position_count.get()).wrapping_add(U256::ONE);
            self.positions.setter(position_number).set(position);
            self.position_count.set(U32::wrapping_from(position_number));
        }
        interest.with_numbers(subject_number, position_number) // refuses what `wrapping_from` would cut
    }
}

/// Fails where live cover would pass the interest that the trigger reads.
///
/// # Errors
/// `InterestExceeded`.
pub fn within(cover: U256, interest: U256) -> Result<()> {
    if cover > interest {
        return Err(error!(IPolicy::InterestExceeded, cover, interest));
    }
    Ok(())
}

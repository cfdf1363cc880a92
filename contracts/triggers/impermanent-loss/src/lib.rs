//! Impermanent-loss trigger: a Uniswap position against holding, at the end of a policy's term.
//!
//! Governance registers subjects: a reference pool and a feed that must agree on the price, and where positions are.
//! An owner deposits a position ([`ImpermanentLoss::deposit`]) and is insured for it as long as it stays. The prices of
//! a policy's start and end are stored by anyone ([`ImpermanentLoss::observe`]), and its claim is a matter of
//! arithmetic ([`ImpermanentLoss::prove`], [`actuary::amm`]).
//!
//! - [`config`]: what a subject is; [`market`]: prices; [`position`]: positions and their loss.
//!
//! What takes or gives a position holds the lock; all other calls that leave this contract are static.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

mod config;
mod market;
mod position;

use alloc::vec::Vec;

use actuary::{math::mul_div_down, variance::realised};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Revert, Word,
    abi::{
        IImpermanentLossTrigger::{
            self, InvalidEvidence, InvalidReceiver, NoPrice, NotPositionOwner, PositionDeposited, PositionWithdrawn,
            PriceStored, SubjectExists, SubjectRegistered, UnknownIncident, UnknownSubject, VarianceSampled,
            WrongMarket, WrongPosition,
        },
        IOwned, ITrigger, IVarianceSource,
    },
    call::{self, tell, token},
    emit, error,
    guard::Lock,
    oracle,
    roles::Roles,
    routes,
    trigger::{Newest, Terms, Verdict},
};
use standards::{
    dispatch::{Arguments, Encoded},
    encoder::Encoder,
    packed::Packed,
};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageB256, StorageMap, StorageU32, StorageU256},
    stylus_core::host::{AccountAccess, BlockAccess, MessageAccess},
};

use config::{Config, Subject, out_of_bounds};
use market::{Hint, Prices, Quote};
use position::{Entry, IManager};

/// By what the price that is stored of a moment moves: a square root's variance is a quarter of the price's.
const ROOT_VARIANCE: u64 = 4;

/// A price that moves by ten percent moves its square root by a little more than this part of it.
const TEN_PERCENT: u64 = 21;

/// What is kept of one subject. The layouts of the words are described where they are packed.
#[storage]
pub(crate) struct Book {
    config_0: StorageU256,
    config_1: StorageU256,
    config_2: StorageU256,
    config_3: StorageU256,
    /// The pool's square-root price that was sampled last.
    sampled_price: StorageU256,
    /// When 48 | variance of the square-root price 64, WAD a year.
    sampled: StorageU256,
    /// By moment: the square-root prices by pool and by feed.
    pool_prices: StorageMap<U256, StorageU256>,
    feed_prices: StorageMap<U256, StorageU256>,
}

/// A position that was deposited.
#[storage]
pub(crate) struct Lot {
    subject: StorageB256,
    owner: StorageAddress,
    /// Shares of a pair, or the id of an NFT.
    value: StorageU256,
}

/// The contract.
#[entrypoint]
#[storage]
pub struct ImpermanentLoss {
    roles: Roles,
    /// The chain's uptime feed; zero where it has none.
    sequencer: StorageAddress,
    /// The least number of seconds of a subject's times.
    shortest: StorageU32,
    subjects: StorageMap<B256, Book>,
    lots: StorageMap<U256, Lot>,
    /// How many positions were deposited: the number of the last one.
    count: StorageU256,
}

routes! {
    ImpermanentLoss, constructor(owner, setup, sequencer_feed, shortest);
    ITrigger::proveCall => prove(terms, entry, number, evidence);
    ITrigger::enterCall => enter(subject, insured, position);
    ITrigger::observeCall => observe(subject, evidence);
    ITrigger::lossCall => loss(terms, entry, number);
    ITrigger::healthyCall => healthy(subject);
    ITrigger::incidentsCall => incidents(subject);
    ITrigger::incidentCall => incident(subject, number);
    IVarianceSource::varianceCall => variance(subject);
    IImpermanentLossTrigger::depositCall => deposit(subject, value);
    IImpermanentLossTrigger::withdrawCall => withdraw(position, to);
    IImpermanentLossTrigger::collectCall => collect(position, to);
    IImpermanentLossTrigger::subjectOfCall => subject_of(subject);
    IImpermanentLossTrigger::priceAtCall => price_at(subject, at);
    IImpermanentLossTrigger::positionOfCall => position_of(position);
    IImpermanentLossTrigger::sequencerFeedCall => sequencer_feed();
    IImpermanentLossTrigger::shortestCall => shortest();
    IImpermanentLossTrigger::registerCall => register(subject, config);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(ImpermanentLoss, roles);

impl ImpermanentLoss {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up. `sequencer_feed` is the
    /// chain's uptime feed (zero where it has none), `shortest` the least number of seconds of a subject's times.
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        sequencer_feed: Address,
        shortest: u32,
    ) -> Result<()> {
        self.roles.construct(owner, setup)?;
        if !sequencer_feed.is_zero() {
            call::require_code(self.vm(), sequencer_feed)?;
        }
        if shortest == 0 {
            return Err(out_of_bounds(b"shortest", 0));
        }
        self.sequencer.set(sequencer_feed);
        self.shortest.set(shortest.try_into().unwrap_or_default());
        Ok(())
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— positions

    /// Takes a position of the caller: shares of the subject's pair, or an NFT. Answers with its number.
    ///
    /// # Errors
    /// `UnknownSubject`, `WrongPosition`, `ReentrancyGuardReentrantCall`; what the venue refuses.
    ///
    /// # Events
    /// `PositionDeposited`.
    pub fn deposit(&mut self, subject: B256, value: U256) -> Result<U256> {
        let lock = Lock::take()?;
        let config = self.config(subject)?;
        let known = if config.is_pair { !value.is_zero() } else { self.read(&config, value, false).is_some() };
        if !known {
            return Err(error!(WrongPosition, value));
        }
        let owner = self.vm().msg_sender();
        let number = actuary::math::add(self.count.get(), U256::ONE).unwrap_or_default(); // never as many as that
        self.count.set(number);
        let mut lot = self.lots.setter(number);
        lot.subject.set(subject);
        lot.owner.set(owner);
        lot.value.set(value);
        emit!(self.vm(), PositionDeposited, [number, subject, owner], [value]);
        // an NFT is taken by the same call as shares, and answers nothing
        token::transfer_from(self.vm(), config.venue, owner, self.vm().contract_address(), value)?;
        lock.release();
        Ok(number)
    }

    /// Gives a position of the caller back, all of it. It is insured no more.
    ///
    /// # Errors
    /// `NotPositionOwner`, `InvalidReceiver`, `ReentrancyGuardReentrantCall`; what the venue refuses.
    ///
    /// # Events
    /// `PositionWithdrawn`.
    pub fn withdraw(&mut self, position: U256, to: Address) -> Result<()> {
        let lock = Lock::take()?;
        let (config, value) = self.own(position, to)?;
        let mut lot = self.lots.setter(position);
        lot.subject.set(B256::ZERO);
        lot.owner.set(Address::ZERO);
        lot.value.set(U256::ZERO);
        emit!(self.vm(), PositionWithdrawn, [position, to], []);
        if config.is_pair {
            token::transfer(self.vm(), config.venue, to, value)?;
        } else {
            token::transfer_from(self.vm(), config.venue, self.vm().contract_address(), to, value)?;
        }
        lock.release();
        Ok(())
    }

    /// Collects what an NFT of the caller has earned. What was earned since a purchase counts all the same.
    ///
    /// # Errors
    /// `NotPositionOwner`, `InvalidReceiver`, `WrongPosition` for shares of a pair, `ReentrancyGuardReentrantCall`; what
    /// the venue refuses.
    pub fn collect(&mut self, position: U256, to: Address) -> Result<(U256, U256)> {
        let lock = Lock::take()?;
        let (config, id) = self.own(position, to)?;
        if config.is_pair {
            return Err(error!(WrongPosition, id));
        }
        let words = position::collect_call(id, to);
        let answer = tell(self.vm(), config.venue, IManager::collectCall::SELECTOR, &words)?;
        lock.release();
        Ok((answer.word(0)?, answer.word(1)?))
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— taking in

    /// Stores the price of a past moment, or samples the present one for the variance. Anyone. There is no incident.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`, `NoPrice`.
    ///
    /// # Events
    /// `PriceStored`, `VarianceSampled`.
    pub fn observe(&mut self, subject: B256, evidence: &[u8]) -> Result<Newest> {
        let config = self.config(subject)?;
        if evidence.is_empty() {
            let now = self.vm().block_timestamp();
            let quote = self.present(&config).ok_or_else(|| no_price(subject, now))?;
            self.sample(subject, &config, &quote);
        } else {
            let (at, hint) = moment(evidence).ok_or_else(|| -> Revert { error!(InvalidEvidence) })?;
            self.take_price(subject, &config, at, hint).ok_or_else(|| no_price(subject, at))?;
        }
        Ok((U256::ZERO, 0, 0, 0, 0))
    }

    /// What Policy asks at a purchase. Healthy: pool and feed tell a price and agree, the sequencer is up. No interest
    /// in what the insured has not deposited, or what is out of its range or in too narrow a one.
    ///
    /// # Errors
    /// `UnknownSubject`.
    ///
    /// # Events
    /// `VarianceSampled`.
    pub fn enter(&mut self, subject: B256, insured: Address, position: U256) -> Result<Encoded> {
        let config = self.config(subject)?;
        let quote = self.present(&config);
        let (mut entry, mut interest, mut size) = (Vec::new(), U256::ZERO, U256::ZERO);
        if let Some(quote) = &quote {
            self.sample(subject, &config, quote);
            size = size_of(&config, quote);
            let held = self.insured(subject, insured, position);
            let read = held.and_then(|held| self.read(&config, held, true));
            if let Some(found) = read.and_then(|read| position::enter(&config, &read, quote.prices)) {
                interest = position::in_asset(&config, found.value);
                entry = found.encode();
            }
        }
        let mut answer = Encoder::new(&[], 4);
        answer.word(quote.is_some().word()).bytes(&entry).word(interest).word(size);
        Ok(Encoded(answer.finish()))
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// A policy's verdict and loss: NotMet until its end is over. Stores the price of the end where it is missing and can
    /// be told.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence` (also for an entry that is none).
    ///
    /// # Events
    /// `PriceStored`.
    pub fn prove(&mut self, terms: Terms, entry: &[u8], number: U256, evidence: &[u8]) -> Result<(u8, u16)> {
        let config = self.config(terms.subject)?;
        let hint = if evidence.is_empty() { Some([0; 2]) } else { hint(evidence) };
        let hint = hint.ok_or_else(|| -> Revert { error!(InvalidEvidence) })?;
        if number.is_zero() {
            // without a price the claim is not conclusive, which is no error
            let _ = self.take_price(terms.subject, &config, terms.end, hint);
        }
        let (verdict, loss_bps) = self.assess(&config, &terms, entry, number)?;
        Ok((verdict as u8, loss_bps))
    }

    /// What [`ImpermanentLoss::prove`] answers by the prices that are stored.
    ///
    /// # Errors
    /// `UnknownSubject`, `InvalidEvidence`.
    pub fn loss(&self, terms: Terms, entry: &[u8], number: U256) -> Result<(u8, u16)> {
        let config = self.config(terms.subject)?;
        let (verdict, loss_bps) = self.assess(&config, &terms, entry, number)?;
        Ok((verdict as u8, loss_bps))
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— views

    /// Whether cover on the subject could be sold now. False for an unknown one.
    pub fn healthy(&self, subject: B256) -> bool {
        self.config(subject).is_ok_and(|config| self.present(&config).is_some())
    }

    /// None, ever.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn incidents(&self, subject: B256) -> Result<U256> {
        self.config(subject)?;
        Ok(U256::ZERO)
    }

    /// There is none.
    ///
    /// # Errors
    /// `UnknownSubject`, `UnknownIncident`.
    pub fn incident(&self, subject: B256, number: U256) -> Result<(u8, u64, u64, u16)> {
        self.config(subject)?;
        Err(error!(UnknownIncident, subject, number))
    }

    /// The realised variance, WAD a year, never below its floor, and the subject's range factor in basis points.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn variance(&self, subject: B256) -> Result<(u64, u16)> {
        let config = self.config(subject)?;
        let root = Packed(self.subjects.getter(subject).sampled.get()).u64(48, 64);
        Ok((root.saturating_mul(ROOT_VARIANCE).max(config.variance_floor), config.range_factor_bps))
    }

    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`; what the pool refuses.
    pub fn subject_of(&self, subject: B256) -> Result<Subject> {
        let config = self.config(subject)?;
        let selector = [market::IPool::token0Call::SELECTOR, market::IPool::token1Call::SELECTOR];
        let quote = call::ask(self.vm(), config.pool, selector[usize::from(config.quote_is_1)], &[])?.address(0)?;
        Ok(config.subject(quote))
    }

    /// The stored square-root prices of a moment, by pool and by feed; zeros: none.
    ///
    /// # Errors
    /// `UnknownSubject`.
    pub fn price_at(&self, subject: B256, at: u64) -> Result<[U256; 2]> {
        self.config(subject)?;
        Ok(self.prices(subject, at).unwrap_or_default())
    }

    /// A position that was deposited: its subject, its owner, and its shares or the id of its NFT; zeros: none.
    pub fn position_of(&self, position: U256) -> (B256, Address, U256) {
        let lot = self.lots.getter(position);
        (lot.subject.get(), lot.owner.get(), lot.value.get())
    }

    /// The chain's uptime feed; zero where it has none.
    pub fn sequencer_feed(&self) -> Address {
        self.sequencer.get()
    }

    /// The least number of seconds of a subject's times.
    pub fn shortest(&self) -> u32 {
        self.shortest.get().to::<u32>()
    }

    // ————————————————————————————————————————————————————————————————————————————————————————————————— owner

    /// Registers a subject for ever.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `SubjectExists`, `WrongMarket`, `ParameterOutOfBounds`, `NoPrice`.
    ///
    /// # Events
    /// `SubjectRegistered`.
    pub fn register(&mut self, subject: B256, config: Subject) -> Result<()> {
        self.roles.only_owner()?;
        if subject.is_zero() {
            return Err(out_of_bounds(b"subject", 0));
        }
        if self.config(subject).is_ok() {
            return Err(error!(SubjectExists, subject));
        }
        let now = self.vm().block_timestamp();
        let [pool, venue, quote, feed] = [0, 1, 3, 4].map(|index: usize| Packed(config[index]).address(0));
        let wrong = || error!(WrongMarket, pool, venue);
        let tokens = market::tokens(self.vm(), pool).ok_or_else(wrong)?;
        let decimals = oracle::decimals(self.vm(), feed).ok_or_else(|| no_price(subject, now))?;
        let config = Config::checked(&config, &tokens, decimals, u64::from(self.shortest()))?;
        if !tokens.tokens.contains(&quote) || !market::is_venue_of(self.vm(), venue, config.is_pair, pool, &tokens) {
            return Err(wrong());
        }
        let quoted = self.present(&config).filter(|_| market::reaches(self.vm(), &config));
        let quoted = quoted.ok_or_else(|| no_price(subject, now))?;
        let [first, second, third, fourth] = config.pack();
        let mut book = self.subjects.setter(subject);
        book.config_0.set(first);
        book.config_1.set(second);
        book.config_2.set(third);
        book.config_3.set(fourth);
        book.sampled_price.set(quoted.prices[0]);
        book.sampled.set(sampled(now, config.variance_floor.div_ceil(ROOT_VARIANCE)));
        emit!(self.vm(), SubjectRegistered, [subject, pool, venue], []);
        Ok(())
    }
}

impl ImpermanentLoss {
    /// A subject's configuration.
    ///
    /// # Errors
    /// `UnknownSubject`.
    fn config(&self, subject: B256) -> Result<Config> {
        let book = self.subjects.getter(subject);
        let words = [book.config_0.get(), book.config_1.get(), book.config_2.get(), book.config_3.get()];
        if words[0].is_zero() {
            return Err(error!(UnknownSubject, subject));
        }
        Ok(Config::unpack(words))
    }

    /// A position's subject's configuration and its shares or NFT, for its owner.
    ///
    /// # Errors
    /// `NotPositionOwner`, `InvalidReceiver`.
    fn own(&self, position: U256, to: Address) -> Result<(Config, U256)> {
        let (caller, lot) = (self.vm().msg_sender(), self.lots.getter(position));
        if lot.owner.get() != caller || caller.is_zero() {
            return Err(error!(NotPositionOwner, position, caller));
        }
        if to.is_zero() || to == self.vm().contract_address() {
            return Err(error!(InvalidReceiver, to));
        }
        Ok((self.config(lot.subject.get())?, lot.value.get()))
    }

    /// What the insured has deposited under this number; nothing where it is another's or another subject's.
    fn insured(&self, subject: B256, insured: Address, position: U256) -> Option<U256> {
        let lot = self.lots.getter(position);
        let owned = !insured.is_zero() && lot.owner.get() == insured && lot.subject.get() == subject;
        owned.then(|| lot.value.get())
    }

    fn read(&self, config: &Config, held: U256, at_purchase: bool) -> Option<position::Position> {
        position::read(self.vm(), config, held, at_purchase)
    }

    fn present(&self, config: &Config) -> Option<Quote> {
        market::present(self.vm(), self.sequencer.get(), config)
    }

    fn prices(&self, subject: B256, at: u64) -> Option<Prices> {
        let (book, at) = (self.subjects.getter(subject), U256::from(at));
        let pool = book.pool_prices.get(at);
        (!pool.is_zero()).then(|| [pool, book.feed_prices.get(at)])
    }

    /// Stores the prices of a past moment, unless they are stored; nothing where they cannot be told.
    fn take_price(&mut self, subject: B256, config: &Config, at: u64, hint: Hint) -> Option<()> {
        if self.prices(subject, at).is_some() {
            return Some(());
        }
        // in the second that has not ended yet another round may come
        if at >= self.vm().block_timestamp() {
            return None;
        }
        let [pool, feed] = market::prices(self.vm(), config, at, hint)?.prices;
        let mut book = self.subjects.setter(subject);
        book.pool_prices.setter(U256::from(at)).set(pool);
        book.feed_prices.setter(U256::from(at)).set(feed);
        emit!(self.vm(), PriceStored, [subject, U256::from(at)], [pool, feed]);
        Some(())
    }

    /// Takes the present price into the variance, where the last one is a window old.
    fn sample(&mut self, subject: B256, config: &Config, quote: &Quote) {
        let now = self.vm().block_timestamp();
        let mut book = self.subjects.setter(subject);
        let last = Packed(book.sampled.get());
        let elapsed = now.saturating_sub(last.u64(0, 48));
        if elapsed < config.window {
            return;
        }
        let (before, after) = (book.sampled_price.get(), quote.prices[0]);
        let root = realised(U256::from(last.u64(48, 64)), before, after, elapsed, config.half_life)
            .unwrap_or(U256::MAX) // what does not fit is as large as can be
            .saturating_to::<u64>();
        book.sampled_price.set(after);
        book.sampled.set(sampled(now, root));
        let yearly = root.saturating_mul(ROOT_VARIANCE).max(config.variance_floor);
        emit!(self.vm(), VarianceSampled, [subject], [after, U256::from(yearly)]);
    }

    /// The verdict and the loss of a policy by the prices that are stored.
    ///
    /// # Errors
    /// `InvalidEvidence` for an entry that is none.
    fn assess(&self, config: &Config, terms: &Terms, entry: &[u8], number: U256) -> Result<(Verdict, u16)> {
        let Terms { subject, insured, position, start, end } = *terms;
        let Some(entry) = Entry::decode(entry) else { return Err(error!(InvalidEvidence)) };
        let Some(held) = self.insured(subject, insured, position.into()) else {
            return Ok((Verdict::NotMet, 0)); // it was withdrawn
        };
        // There are no incidents. And before the end nothing is lost: were it not known, a claim could be filed all the
        // same, and what it asks for would be reserved until then.
        if !number.is_zero() || self.vm().block_timestamp() <= end {
            return Ok((Verdict::NotMet, 0));
        }
        let known = || -> Option<u16> {
            let [start, end] = [self.prices(subject, start)?, self.prices(subject, end)?];
            position::loss_bps(config, &entry, &self.read(config, held, false)?, start, end)
        };
        Ok(match known() {
            None => (Verdict::Inconclusive, 0),
            Some(0) => (Verdict::NotMet, 0),
            Some(loss_bps) => (Verdict::Confirmed, loss_bps),
        })
    }
}

/// `when 48 | variance of the square-root price 64`.
fn sampled(when: u64, root_variance: u64) -> U256 {
    Packed::default().with_u64(0, 48, when).with_u64(48, 64, root_variance).0
}

/// The quote tokens that move the price down by ten percent, as the mean liquidity is, and as much of the other one; in
/// the vault's asset.
fn size_of(config: &Config, quote: &Quote) -> U256 {
    let part = mul_div_down(quote.prices[0], U256::from(1), U256::from(TEN_PERCENT)).unwrap_or_default();
    let held = actuary::amm::Amounts {
        token0: U256::ZERO,
        token1: mul_div_down(U256::from(quote.liquidity), part, actuary::amm::Q96).unwrap_or_default(),
    };
    let value = actuary::amm::value(held, quote.prices[0], config.quote_is_1, actuary::amm::Rounding::Down);
    position::in_asset(config, value.unwrap_or_default().saturating_mul(U256::from(2)))
}

/// The moment and the hint of an `abi.encode(uint64, uint80)` or an `abi.encode(uint64, uint80, uint80)`.
fn moment(evidence: &[u8]) -> Option<(u64, Hint)> {
    let at = Arguments::new(evidence).read()?;
    Some((at, hint(evidence.get(32..)?)?))
}

/// The hint of an `abi.encode(uint80)` or an `abi.encode(uint80, uint80)`.
fn hint(evidence: &[u8]) -> Option<Hint> {
    let mut hint = [0; 2];
    if !matches!(evidence.len(), 32 | 64) {
        return None;
    }
    for (id, word) in hint.iter_mut().zip(evidence.chunks_exact(32)) {
        *id = u128::try_from(U256::from_be_slice(word)).ok().filter(|id| id >> 80 == 0)?;
    }
    Some(hint)
}

fn no_price(subject: B256, at: u64) -> Revert {
    error!(NoPrice, subject, at)
}

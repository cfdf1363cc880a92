//! The storage that both programs of the contract work on, and how a line is opened, brought up to date and closed.
//!
//! Words are packed so that a sale writes six of them: a line, a bucket, a family, a risk key, a group and a vault.
//! Amounts of cover have 96 bits; the requirement is worked out in units of 4,096 of the asset's smallest unit,
//! rounded up.
//!
//! ```text
//! policy       policy 160 | claims clock 96 (see clock)
//! assessor     assessor 160 | guardian rests until 32 | latent limit 32 | shortest time 32
//! counts       products 16 | risk keys 16
//! product      vault 160 | family 16 | cover type 4 | status 4 | lines with cover 24 | grace 24 | waiting 24
//!              trigger 160      four words of terms      hash      length of the wording's address, its words
//! family       two words (see family)      newest version 16 | seeds 32      seed: at 40 | loss 96 | exposure 96
//!              what its cover type knows of it: losses 96 | exposure 96 | as of 32
//! cover type   a family, and two words of a product's terms, under an id of its own (see more)
//! vault        SCR² 160 | largest x 96      asset key
//!              floor 96 | minimum 16 | target 16 | reserve 96 | unsettled 16 | listed 1
//! vault's key  x 96 | group 32 | held in strategies, part of x 96 | alone in its group 1 (at 254) | listed 1
//! vault's group  Σx² 160 | Σx 80 | correlation 14 | of one key alone 1 | listed 1
//!              while one key is alone in it, its sums are that key's: 0 160 | the key's number 80 instead of them
//! line         three words (see line)      buckets: two weeks a word, the even one low
//!              loss rate by variance 64 | variance 64 | range factor 32 | as of 32
//! ```

use actuary::{
    capital::{self, Group},
    math::{WAD, add, mul, mul_div_up, sub, to_u128},
};
use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result, Revert,
    abi::{IOwned::UnauthorizedCaller, IRisk},
    emit, error,
    ext::Extension,
    roles::Roles,
};
use standards::{abi::to_bytes, packed::Packed};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageB256, StorageMap, StorageU16, StorageU256, StorageVec},
    stylus_core::host::{BlockAccess, CryptographyAccess, MessageAccess},
};

use crate::{
    clock::Clock,
    family::Family,
    fit,
    line::{Line, State, Words},
    terms::{Terms, field},
};

/// How many weekly buckets one call brings a line forward; beyond, `catchUp` comes first.
pub const MOST_WEEKS: u64 = 64;

/// How many lines (products and versions) one subject may have in one vault and trigger.
pub const MOST_SIBLINGS: usize = 8;

/// The requirement's unit: 2¹² of the asset's smallest unit.
const UNIT_BITS: usize = 12;

/// A product may be sold.
pub const ON_SALE: u64 = 1;

/// The cover type that is priced by variance, as `IRisk.Cover` counts it.
pub const IMPERMANENT_LOSS: u64 = 1;

/// Where what is held in strategies is in the word of a vault's risk key.
const HELD: usize = 128;

/// Set in a group's word, and its key's, while a vault has one key in it: the key's word says all of the group.
pub(crate) const ALONE: usize = 254;

/// Where a vault's reserve is in its word of settings.
const RESERVE: usize = 128;

/// Where the count of its unsettled lines is.
const UNSETTLED: usize = 224;

/// Everything that the contract stores.
#[storage]
pub struct Book {
    /// Owner, set-up key, guardian.
    pub roles: Roles,
    /// The second program.
    pub extension: Extension,
    policy: StorageU256,
    assessor: StorageU256,
    pub(crate) counts: StorageU256,
    pub(crate) products: StorageMap<U256, ProductWords>,
    pub(crate) families: StorageMap<U256, FamilyWords>,
    pub(crate) vaults: StorageMap<Address, VaultWords>,
    pub(crate) vault_list: StorageVec<StorageAddress>,
    /// Correlation 14 | listed 1.
    pub(crate) groups: StorageMap<U256, StorageU256>,
    /// Number 16 | group 32.
    pub(crate) keys: StorageMap<B256, StorageU256>,
    pub(crate) key_names: StorageMap<U256, StorageB256>,
    lines: StorageMap<B256, LineWords>,
    /// The product of the newest line on a (vault, trigger, subject).
    pub(crate) heads: StorageMap<B256, StorageU256>,
    /// The third program.
    pub second_extension: Extension,
}

/// A product.
#[storage]
pub(crate) struct ProductWords {
    pub(crate) route: StorageU256,
    pub(crate) price: StorageU256,
    pub(crate) bounds: StorageU256,
    pub(crate) evidence: StorageU256,
    pub(crate) memory: StorageU256,
    pub(crate) trigger: StorageAddress,
    pub(crate) terms_hash: StorageB256,
    /// Where the wording is: how many bytes that has, and its bytes 32 a word.
    pub(crate) uri_length: StorageU256,
    pub(crate) uri: StorageMap<U256, StorageB256>,
}

/// A family of products.
#[storage]
pub(crate) struct FamilyWords {
    pub(crate) losses: StorageU256,
    pub(crate) exposure: StorageU256,
    pub(crate) versions: StorageU256,
    pub(crate) seeds: StorageMap<U256, StorageU256>,
    pub(crate) told: StorageU256,
}

/// A vault.
#[storage]
pub(crate) struct VaultWords {
    pub(crate) requirement: StorageU256,
    pub(crate) settings: StorageU256,
    pub(crate) asset_key: StorageB256,
    pub(crate) keys: StorageMap<U256, StorageU256>,
    pub(crate) groups: StorageMap<U256, StorageU256>,
    pub(crate) key_list: StorageVec<StorageU16>,
    pub(crate) families: StorageVec<StorageU16>,
}

/// A line.
#[storage]
pub(crate) struct LineWords {
    book: StorageU256,
    exposure: StorageU256,
    episode: StorageU256,
    buckets: StorageMap<U256, StorageU256>,
    variance: StorageU256,
}

/// What a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose capital carries it.
    pub vault: Address,
    /// Its first version.
    pub family: U256,
    /// The type of cover, as `IRisk.Cover`.
    pub cover: u64,
    /// As `IRisk.Status`.
    pub status: u64,
    /// How many of its lines have cover in the books.
    pub lines: u64,
    /// From the end of cover to the last claim, in seconds.
    pub grace: u64,
    /// From a sale to the start of cover, in seconds.
    pub waiting: u64,
}

impl Route {
    pub(crate) fn load(word: U256) -> Self {
        let word = Packed(word);
        Self {
            vault: word.address(0),
            family: word.get(160, 16),
            cover: word.u64(176, 4),
            status: word.u64(180, 4),
            lines: word.u64(184, 24),
            grace: word.u64(208, 24),
            waiting: word.u64(232, 24),
        }
    }

    pub(crate) fn store(&self) -> U256 {
        let word = Packed::default().with_address(0, self.vault).with(160, 16, self.family);
        let word = word.with_u64(176, 4, self.cover).with_u64(180, 4, self.status).with_u64(184, 24, self.lines);
        word.with_u64(208, 24, self.grace).with_u64(232, 24, self.waiting).0
    }
}

/// A line that was taken out of storage and brought up to date.
pub struct Open {
    /// Its product's id.
    pub product: U256,
    /// What it covers.
    pub subject: B256,
    /// What its product is.
    pub route: Route,
    /// The present.
    pub clock: Clock,
    /// The line as it is now.
    pub line: Line,
    /// Whether every bucket that is over has been processed.
    pub done: bool,
    /// The line as it was in storage.
    before: Line,
    words: Words,
    id: B256,
    /// Cover that left since, and the exposure that it had too much, in asset times seconds.
    released: u128,
    excess: U256,
}

impl Open {
    /// The cover of the line's family, without what left the line on the way here.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn sold_by_family(&self, family: &Family) -> Result<U256> {
        Ok(U256::from(moved(family.cover, self.before.cover, self.line.cover)?))
    }

    /// `ClaimAfterDeadline`, where the time for claims ended since the line was last touched.
    pub(crate) fn too_late(&self) -> Option<Revert> {
        let lapsed = self.before.state == State::Closed && self.line.state == State::Quiet;
        lapsed.then(|| error!(IRisk::ClaimAfterDeadline, self.before.episode.lapse_at, self.clock.claims()))
    }
}

/// What the exposures of a vault would be after a change: three words, or two where the key is alone in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    group: U256,
    key_word: Packed,
    group_word: Option<Packed>,
    requirement: Packed,
}

/// A change of a vault's reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// Before.
    pub before: u128,
    /// After.
    pub after: u128,
}

// ————————————————————————————————————————————————————————————————————————————————————————————— peers and the clock

impl Book {
    /// Sets the parameters that are fixed at construction.
    pub(crate) fn construct(&mut self, week: u64, latent_limit: u64, shortest: u64) {
        let clock = Clock::starting(self.vm().block_timestamp(), week);
        self.policy.set(clock.store(Packed::default()).0);
        self.assessor.set(Packed::default().with_u64(192, 32, latent_limit).with_u64(224, 32, shortest).0);
    }

    /// Policy and Assessor; zero before they are wired.
    pub(crate) fn peers(&self) -> (Address, Address) {
        (Packed(self.policy.get()).address(0), Packed(self.assessor.get()).address(0))
    }

    pub(crate) fn set_peers(&mut self, policy: Address, assessor: Address) {
        self.policy.set(Packed(self.policy.get()).with_address(0, policy).0);
        self.assessor.set(Packed(self.assessor.get()).with_address(0, assessor).0);
    }

    /// The claims clock now.
    pub(crate) fn clock(&self) -> Clock {
        Clock::new(self.vm().block_timestamp(), Packed(self.policy.get()))
    }

    /// Until when the guardian may not pause again.
    pub(crate) fn rest(&self) -> u64 {
        Packed(self.assessor.get()).u64(160, 32)
    }

    pub(crate) fn set_clock(&mut self, clock: Clock, rest: u64) {
        self.policy.set(clock.store(Packed(self.policy.get())).0);
        self.assessor.set(Packed(self.assessor.get()).with_u64(160, 32, rest).0);
    }

    /// How long latent evidence holds.
    pub(crate) fn latent_limit(&self) -> u64 {
        Packed(self.assessor.get()).u64(192, 32)
    }

    /// The shortest waiting, grace and term.
    pub(crate) fn shortest(&self) -> u64 {
        Packed(self.assessor.get()).u64(224, 32)
    }

    /// Fails unless Policy calls.
    ///
    /// # Errors
    /// `UnauthorizedCaller`.
    pub(crate) fn only_policy(&self) -> Result<()> {
        self.only(Packed(self.policy.get()).address(0))
    }

    /// Fails unless Assessor calls.
    ///
    /// # Errors
    /// `UnauthorizedCaller`.
    pub(crate) fn only_assessor(&self) -> Result<()> {
        self.only(Packed(self.assessor.get()).address(0))
    }

    fn only(&self, peer: Address) -> Result<()> {
        let caller = self.vm().msg_sender();
        if caller == peer { Ok(()) } else { Err(error!(UnauthorizedCaller, caller)) }
    }
}

// ————————————————————————————————————————————————————————————————————————————————————————— products and families

impl Book {
    /// What a product is.
    ///
    /// # Errors
    /// `UnknownProduct`.
    pub(crate) fn route(&self, product: U256) -> Result<Route> {
        let route = Route::load(self.products.getter(product).route.get());
        if route.vault.is_zero() { Err(error!(IRisk::UnknownProduct, product)) } else { Ok(route) }
    }

    /// What a price needs of a product's terms: rates, capacities and terms, but neither the amounts of a new cover, nor
    /// its coinsurance and deductible.
    pub(crate) fn prices(&self, product: U256) -> Terms {
        let price = Packed(self.products.getter(product).price.get());
        let mut terms = self.evidence(product);
        terms.0[0] = price;
        terms
    }

    /// What a new cover needs of a product's terms beside its price: amounts, coinsurance and deductible.
    pub(crate) fn bounds(&self, product: U256) -> Terms {
        let mut terms = Terms::default();
        terms.0[1] = Packed(self.products.getter(product).bounds.get());
        terms
    }

    /// Rates and loss cap of a product's terms: all that evidence needs.
    pub(crate) fn evidence(&self, product: U256) -> Terms {
        let mut terms = Terms::default();
        terms.0[2] = Packed(self.products.getter(product).evidence.get());
        terms
    }

    /// The rate that cover on a subject is priced by, for the rate in force of its family under these terms. For
    /// impermanent loss that is what its variance says, times `rate` over the terms' prior, at least the least rate
    /// and at most all; for everything else `rate`.
    ///
    /// # Errors
    /// `VarianceUnknown`; `MathOverflow`.
    pub(crate) fn priced(
        &self,
        route: &Route,
        product: U256,
        subject: B256,
        terms: &Terms,
        rate: U256,
    ) -> Result<U256> {
        if route.cover != IMPERMANENT_LOSS {
            return Ok(rate);
        }
        let expected = Packed(self.variance(product, subject)).get(0, 64);
        if expected.is_zero() {
            return Err(error!(IRisk::VarianceUnknown, product, subject));
        }
        let scaled = mul_div_up(expected, rate, terms.get(field::PRIOR_RATE))?;
        Ok(scaled.max(terms.get(field::MIN_RATE)).min(WAD))
    }

    /// What was observed of a line's variance, as the layout says; zero for nothing.
    pub(crate) fn variance(&self, product: U256, subject: B256) -> U256 {
        self.lines.getter(self.line_id(product, subject)).variance.get()
    }

    /// Sets what was observed of a line's variance.
    pub(crate) fn set_variance(&mut self, product: U256, subject: B256, word: U256) {
        let id = self.line_id(product, subject);
        self.lines.setter(id).variance.set(word);
    }

    /// A version's terms, all of them.
    pub(crate) fn all_terms(&self, product: U256) -> Terms {
        let mut terms = self.prices(product);
        let words = self.products.getter(product);
        terms.0[1] = self.bounds(product).0[1];
        [terms.0[3], terms.0[4]] = [words.memory.get(), words.route.get()].map(Packed);
        terms
    }

    /// The id, among families and products, of a cover type: of all its products in vaults of one asset.
    pub(crate) fn cover_type(&self, asset_key: B256, cover: u64) -> U256 {
        let mut input = [0; 64];
        input[..32].copy_from_slice(asset_key.as_slice());
        input[63] = cover as u8; // types are few
        U256::from_be_bytes(self.vm().native_keccak256(&input).0)
    }

    /// What the evidence of a vault's cover type says, in [`RATE_UNIT`](crate::terms::RATE_UNIT)s; 0 where governance
    /// has not set the type.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn cover_type_prior(&self, vault: Address, cover: u64) -> Result<u64> {
        let id = self.cover_type(self.vaults.getter(vault).asset_key.get(), cover);
        let terms = self.evidence(id);
        if terms.0[2].0.is_zero() {
            return Ok(0);
        }
        Ok(self.family(id)?.estimate(&terms)?.as_limbs()[0])
    }

    /// A family, brought up to date.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn family(&self, family: U256) -> Result<Family> {
        let words = self.families.getter(family);
        let now = self.vm().block_timestamp();
        Ok(Family::load(Packed(words.losses.get()), Packed(words.exposure.get()), now)?)
    }

    /// Writes a family back.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn set_family(&mut self, id: U256, family: &Family) -> Result<()> {
        let (losses, exposure) = family.store()?;
        let mut words = self.families.setter(id);
        if words.losses.get() != losses.0 {
            words.losses.set(losses.0);
        }
        words.exposure.set(exposure.0);
        Ok(())
    }

    /// Takes into the loss history that what a line's incidents cost rises: each counts up to the cap. Answers with the
    /// family where that changed it.
    pub(crate) fn learn(&self, open: &Open, before: u128, after: u128) -> Result<Option<Family>> {
        let terms = self.evidence(open.product).believed();
        let cap = amount(terms.get(field::LOSS_CAP))?;
        let loss = after.min(cap) - before.min(cap);
        if loss == 0 {
            return Ok(None);
        }
        let mut family = self.family(open.route.family)?;
        self.record(open.route.family, &mut family, &terms, loss, 0, 0)?;
        Ok(Some(family))
    }

    /// Takes a loss into a family's evidence: `loss` on `exposure` (asset times years) that happened `ago` seconds ago.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn record(
        &self,
        id: U256,
        family: &mut Family,
        terms: &Terms,
        loss: u128,
        exposure: u128,
        ago: u64,
    ) -> Result<()> {
        let counted = family.record(loss, exposure, ago)?;
        let rate = family.rate(terms)?;
        family.set_rate(rate)?;
        let at = self.vm().block_timestamp() - ago;
        emit!(self.vm(), IRisk::LossRecorded, [id], [counted, at, rate]);
        Ok(())
    }
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————————— lines

impl Book {
    /// The key of a line in storage.
    fn line_id(&self, product: U256, subject: B256) -> B256 {
        let mut input = [0; 64];
        input[..32].copy_from_slice(&to_bytes(product));
        input[32..].copy_from_slice(subject.as_slice());
        self.vm().native_keccak256(&input)
    }

    /// A line's first word: its cover and its neighbours.
    pub(crate) fn glance(&self, product: U256, subject: B256) -> Line {
        let book = Packed(self.lines.getter(self.line_id(product, subject)).book.get());
        Line::load(&Words { book, ..Words::default() })
    }

    /// A line as it is booked, its incidents' reserve included; nothing is brought forward.
    pub(crate) fn booked(&self, product: U256, subject: B256) -> Line {
        let stored = self.lines.getter(self.line_id(product, subject));
        let book = Packed(stored.book.get());
        let line = Line::load(&Words { book, ..Words::default() });
        if line.state == State::Quiet {
            return line;
        }
        let (exposure, episode) = (Packed(stored.exposure.get()), Packed(stored.episode.get()));
        Line::load(&Words { book, exposure, episode })
    }

    /// Writes a new line's first word.
    ///
    /// # Errors
    /// None that can happen.
    pub(crate) fn set_line(&mut self, product: U256, subject: B256, line: &Line) -> Result<()> {
        let id = self.line_id(product, subject);
        self.lines.setter(id).book.set(line.store()?.book.0);
        Ok(())
    }

    /// Changes a line's neighbour; nothing else of it.
    ///
    /// # Errors
    /// None that can happen.
    pub(crate) fn set_sibling(&mut self, product: U256, subject: B256, sibling: u64) -> Result<()> {
        let mut line = self.glance(product, subject);
        line.sibling = sibling;
        self.set_line(product, subject, &line)
    }

    /// Opens a line and brings it forward by at most `weeks` buckets. The incidents of a quiet line are read only
    /// where `incidents` says so: nothing else needs them.
    ///
    /// # Errors
    /// `UnknownProduct`, `UnknownSubject`.
    pub(crate) fn open(&self, product: U256, subject: B256, weeks: u64, incidents: bool) -> Result<Open> {
        let route = self.route(product)?;
        let id = self.line_id(product, subject);
        let stored = self.lines.getter(id);
        let mut words = Words { book: Packed(stored.book.get()), ..Words::default() };
        if incidents || Line::load(&words).state != State::Quiet {
            words.exposure = Packed(stored.exposure.get());
            words.episode = Packed(stored.episode.get());
        }
        let before = Line::load(&words);
        if before.key == 0 {
            return Err(error!(IRisk::UnknownSubject, product, subject));
        }
        let (clock, done) = (self.clock(), false);
        let (released, excess) = (0, U256::ZERO);
        let mut open = Open { product, subject, route, clock, line: before, done, before, words, id, released, excess };
        if before.state != State::Quiet {
            open.line.settle(clock, self.latent_limit());
        }
        self.advance(&mut open, weeks)?;
        Ok(open)
    }

    /// Processes at most `weeks` buckets whose deadlines are over.
    fn advance(&self, open: &mut Open, weeks: u64) -> Result<()> {
        let present = open.clock.week_of(open.clock.claims());
        let last = present.min(open.line.next.saturating_add(weeks));
        let stored = self.lines.getter(open.id);
        let (mut pair, mut word) = (u64::MAX, Packed::default());
        while open.line.next < last && open.line.scheduled > 0 {
            let week = open.line.next;
            if week / 2 != pair {
                pair = week / 2;
                word = Packed(stored.buckets.get(U256::from(pair)));
            }
            let cover = half(word, week);
            open.line.release_bucket(week, cover)?;
            open.line.next = week + 1;
            if cover > 0 {
                // On average the deadline was in the middle of the week.
                let deadline = week * open.clock.week() + open.clock.week() / 2;
                self.excess(open, cover, deadline)?;
            }
        }
        if open.line.scheduled == 0 {
            open.line.next = present.max(open.line.next);
        }
        open.done = open.line.next >= present;
        Ok(())
    }

    /// Notes that `cover` leaves, whose last claim was at `deadline`, and what exposure it had too much: waiting, and
    /// all time since its end.
    pub(crate) fn excess(&self, open: &mut Open, cover: u128, deadline: u64) -> Result<()> {
        let Route { grace, waiting, .. } = open.route;
        let since_end = (open.clock.claims() + grace).saturating_sub(deadline);
        let seconds = U256::from(since_end + waiting);
        open.excess = add(open.excess, mul(U256::from(cover), seconds)?)?;
        open.released += cover;
        Ok(())
    }

    /// What the buckets from week `from` to before week `to` hold.
    pub(crate) fn scheduled(&self, open: &Open, from: u64, to: u64) -> u128 {
        let stored = self.lines.getter(open.id);
        let (mut pair, mut word, mut sum) = (u64::MAX, Packed::default(), 0u128);
        for week in from..to {
            if week / 2 != pair {
                pair = week / 2;
                word = Packed(stored.buckets.get(U256::from(pair)));
            }
            sum = sum.saturating_add(half(word, week));
        }
        sum
    }

    /// Changes a bucket that is not processed: adds `plus`, takes `minus`.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn change_bucket(&mut self, open: &Open, week: u64, plus: u128, minus: u128) -> Result<()> {
        let mut lines = self.lines.setter(open.id);
        let mut bucket = lines.buckets.setter(U256::from(week / 2));
        let word = Packed(bucket.get());
        let cover = half(word, week).checked_add(plus).and_then(|sum| sum.checked_sub(minus));
        let offset = if week.is_multiple_of(2) { 0 } else { 128 };
        bucket.set(word.with_u128(offset, 128, cover.ok_or(actuary::Overflow)?).0);
        Ok(())
    }

    /// Writes a line back, and with it what it moves: its family's cover and exposure, its vault's reserve, its risk
    /// key, its group and the requirement, and its product's count of lines with cover. `family` is the family where it was opened already, and was changed.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn close(&mut self, open: &Open, family: Option<Family>, exposure: Option<Exposure>) -> Result<()> {
        let Open { line, before, .. } = open;
        let words = line.store()?;
        {
            let mut stored = self.lines.setter(open.id);
            if words.book != open.words.book {
                stored.book.set(words.book.0);
            }
            if words.exposure != open.words.exposure {
                stored.exposure.set(words.exposure.0);
            }
            if words.episode != open.words.episode {
                stored.episode.set(words.episode.0);
            }
        }
        let (was, is) = (before.cover > 0, line.cover > 0);
        if was != is {
            let lines = open.route.lines + u64::from(is) - u64::from(was);
            self.products.setter(open.product).route.set(Route { lines, ..open.route }.store());
        }
        if family.is_some() || line.cover != before.cover {
            let mut family = match family {
                Some(family) => family,
                None => self.family(open.route.family)?,
            };
            family.cover = moved(family.cover, before.cover, line.cover)?;
            family.forgo(open.excess);
            self.set_family(open.route.family, &family)?;
        }
        let (reserve_before, reserve) = (before.reserve(), line.reserve());
        if reserve != reserve_before || line.state != before.state {
            let mut vault = self.vaults.setter(open.route.vault);
            let word = Packed(vault.settings.get());
            let total = fit(moved(word.u128(RESERVE, 96), reserve_before, reserve)?, 96)?;
            let unsettled =
                word.u64(UNSETTLED, 16) + u64::from(line.state == State::Open) - u64::from(before.state == State::Open);
            vault.settings.set(word.with_u128(RESERVE, 96, total).with_u64(UNSETTLED, 16, unsettled).0);
        }
        let exposure = match exposure {
            Some(exposure) => Some(exposure),
            None => self.exposure(open)?,
        };
        if let Some(exposure) = exposure {
            self.set_exposure(open.route.vault, line.key, &exposure);
        }
        if open.released > 0 {
            emit!(self.vm(), IRisk::Released, [open.product, open.subject], [open.released]);
        }
        Ok(())
    }

    /// A vault's reserve, and how many of its lines have an incident that is latent or not closed, and of its claims wait
    /// unproven.
    pub(crate) fn unsettled(&self, vault: Address) -> (u128, u64) {
        let word = Packed(self.vaults.getter(vault).settings.get());
        (word.u128(RESERVE, 96), word.u64(UNSETTLED, 16))
    }

    /// Reserves `amount` beside a vault's lines for a claim that is not decided yet, or ends that; answers with the whole
    /// reserve. A claim that nothing proves counts as unsettled, as a latent incident does.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn reserve_beside(&mut self, vault: Address, amount: u128, proven: bool, ends: bool) -> Result<u128> {
        let (before, after) = if ends { (amount, 0) } else { (0, amount) };
        let mut vault = self.vaults.setter(vault);
        let word = Packed(vault.settings.get());
        let total = fit(moved(word.u128(RESERVE, 96), before, after)?, 96)?;
        let open = u128::from(!proven);
        let (was, is) = if ends { (open, 0) } else { (0, open) };
        let unsettled = fit(moved(word.u128(UNSETTLED, 16), was, is)?, 16)?;
        vault.settings.set(word.with_u128(RESERVE, 96, total).with_u128(UNSETTLED, 16, unsettled).0);
        Ok(total)
    }

    /// The reserve of the line's vault, were the line as it was read and as it is now.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn reserve(&self, open: &Open) -> Result<Reserve> {
        let before = self.unsettled(open.route.vault).0;
        Ok(Reserve { before, after: moved(before, open.before.reserve(), open.line.reserve())? })
    }
}

/// The half of a bucket's word that is `week`'s.
fn half(word: Packed, week: u64) -> u128 {
    word.u128(if week.is_multiple_of(2) { 0 } else { 128 }, 128)
}

/// `total` after one of its parts went from `before` to `after`.
fn moved(total: u128, before: u128, after: u128) -> actuary::math::Result<u128> {
    total.checked_add(after).and_then(|sum| sum.checked_sub(before)).ok_or(actuary::Overflow)
}

// —————————————————————————————————————————————————————————————————————————————————————————————— required capital

impl Book {
    /// Whether a vault was added.
    pub(crate) fn is_vault(&self, vault: Address) -> bool {
        !self.vaults.getter(vault).settings.get().is_zero()
    }

    /// Fails where a vault was never added.
    ///
    /// # Errors
    /// `UnknownVault`.
    pub(crate) fn require_vault(&self, vault: Address) -> Result<()> {
        if self.is_vault(vault) { Ok(()) } else { Err(error!(IRisk::UnknownVault, vault)) }
    }

    /// What the exposures of the line's vault become; `None` where they stay as they are.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn exposure(&self, open: &Open) -> Result<Option<Exposure>> {
        let Open { line, before, .. } = open;
        let old = before.cover.saturating_sub(before.reserve());
        let new = line.cover.saturating_sub(line.reserve());
        if old == new {
            return Ok(None);
        }
        let key_word = Packed(self.vaults.getter(open.route.vault).keys.get(U256::from(line.key)));
        self.moved_exposure(open.route.vault, key_word, old, new).map(Some)
    }

    /// What the exposures of `vault` become when a part of the one in `key_word` goes from `old` to `new`.
    fn moved_exposure(&self, vault: Address, key_word: Packed, old: u128, new: u128) -> Result<Exposure> {
        let vault = self.vaults.getter(vault);
        let key = key_word.u128(0, 96);
        let x = fit(moved(key, old, new)?, 96)?;
        let group = key_word.get(96, 32);
        let requirement = Packed(vault.requirement.get());
        let (old, new) = (units(key), units(x));
        let (group_word, requirement) = if key_word.u64(ALONE, 1) == 1 {
            (None, replace_squared(requirement, mul(old, old)?, mul(new, new)?)?)
        } else {
            let (word, requirement) = regroup(Packed(vault.groups.get(group)), requirement, old, new)?;
            (Some(word), requirement)
        };
        let largest = requirement.u128(160, 96).max(x);
        Ok(Exposure {
            group,
            key_word: key_word.with_u128(0, 96, x),
            group_word,
            requirement: requirement.with_u128(160, 96, largest),
        })
    }

    /// Fails where a vault's requirement would have no room for what its reserve holds, which may all come back into it: a
    /// lapse, and whatever else is booked on a line, never does.
    ///
    /// As a requirement is a norm of exposures, it rises by what comes back at most, beside a unit for each key; and
    /// (a + b)² ≤ 2 (a² + b²).
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn require_room(&self, vault: Address, exposure: &Exposure) -> Result<()> {
        let (reserve, _) = self.unsettled(vault);
        if reserve == 0 {
            return Ok(());
        }
        let back = units(reserve).wrapping_add(U256::from(u16::MAX));
        let half = add(exposure.requirement.get(0, 160), mul(back, back)?)?;
        narrow(Packed::default(), 0, 159, half).map(drop)
    }

    /// Sets what `vault` holds in strategies on a listed risk key.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn hold(&mut self, vault: Address, number: U256, held: u128) -> Result<()> {
        let key_word = Packed(self.vaults.getter(vault).keys.get(number));
        let before = key_word.u128(HELD, 96);
        let mut exposure = self.moved_exposure(vault, key_word, before, held)?;
        if held > before {
            self.require_room(vault, &exposure)?;
        }
        exposure.key_word = exposure.key_word.with_u128(HELD, 96, held);
        self.set_exposure(vault, number.to(), &exposure);
        Ok(())
    }

    fn set_exposure(&mut self, vault: Address, key: u64, exposure: &Exposure) {
        let mut vault = self.vaults.setter(vault);
        vault.keys.setter(U256::from(key)).set(exposure.key_word.0);
        if let Some(word) = exposure.group_word {
            vault.groups.setter(exposure.group).set(word.0);
        }
        if vault.requirement.get() != exposure.requirement.0 {
            vault.requirement.set(exposure.requirement.0);
        }
    }

    /// The capital that `vault` must have before cover is sold, after `exposure` where one is given.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn target(&self, vault: Address, exposure: Option<&Exposure>) -> Result<U256> {
        let words = self.vaults.getter(vault);
        let settings = Packed(words.settings.get());
        let requirement = match exposure {
            Some(exposure) => exposure.requirement,
            None => Packed(words.requirement.get()),
        };
        Ok(capital::target(scr(requirement), settings.get(112, 16), settings.get(0, 96))?)
    }

    /// The requirement of a vault, its largest exposure, and the capital below which nobody may leave it.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub(crate) fn minimum(&self, vault: Address) -> Result<(U256, U256, U256)> {
        let words = self.vaults.getter(vault);
        let requirement = Packed(words.requirement.get());
        let (scr, largest) = (scr(requirement), requirement.get(160, 96));
        let minimum = capital::minimum(scr, Packed(words.settings.get()).get(96, 16), largest)?;
        Ok((scr, largest, minimum))
    }
}

/// An exposure in the requirement's unit, rounded up.
pub(crate) fn units(x: u128) -> U256 {
    U256::from(x).wrapping_add(U256::from((1u64 << UNIT_BITS) - 1)).wrapping_shr(UNIT_BITS)
}

/// SCR out of a vault's word, in the asset's smallest unit.
fn scr(requirement: Packed) -> U256 {
    capital::requirement(requirement.get(0, 160)).wrapping_shl(UNIT_BITS)
}

/// A group's word, and the requirement's, after one exposure in the group went from `old` to `new` (in units).
pub(crate) fn regroup(group: Packed, requirement: Packed, old: U256, new: U256) -> Result<(Packed, Packed)> {
    let correlation = group.get(240, 14);
    let before = Group { squares: group.get(0, 160), sum: group.get(160, 80) };
    let after = before.replace(old, new)?;
    let word = narrow(narrow(group, 0, 160, after.squares)?, 160, 80, after.sum)?;
    let (was, is) = (before.requirement_squared(correlation)?, after.requirement_squared(correlation)?);
    Ok((word, replace_squared(requirement, was, is)?))
}

/// The requirement's word after one group's square went from `was` to `is`.
pub(crate) fn replace_squared(requirement: Packed, was: U256, is: U256) -> Result<Packed> {
    narrow(requirement, 0, 160, sub(add(requirement.get(0, 160), is)?, was)?)
}

/// `word` with a field replaced by a value that must fit.
pub(crate) fn narrow(word: Packed, offset: usize, bits: usize, value: U256) -> Result<Packed> {
    let stored = word.with(offset, bits, value);
    if stored.get(offset, bits) == value { Ok(stored) } else { Err(actuary::Overflow.into()) }
}

/// An amount of cover: at most 96 bits.
///
/// # Errors
/// `MathOverflow`.
pub(crate) fn amount(value: U256) -> Result<u128> {
    Ok(fit(to_u128(value)?, 96)?)
}

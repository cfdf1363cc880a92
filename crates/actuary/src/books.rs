//! The books of a capital pool: what it has, what it has not earned yet, and what a share is worth.
//!
//! Nothing here reads a balance: a pool is worth what its books say. With ⌈⌉ for rounding up:
//!
//! ```text
//! A  = cash + invested − ⌈U⌉ − served − payable     assets: what can pay claims
//! TA = A − O                                        total assets: the basis of entry
//! N  = TA − Y                                       the middle basis
//! E  = max(0, N − R)                                the basis of exit
//! ```
//!
//! U is what premiums have not earned yet, O what is owed on confirmed claims, Y what the stream has not
//! released yet, R the worst payout of all cover that can still claim under open incidents. A share costs its part
//! of TA and is redeemed for at most its part of E: who enters pays for all of it, who leaves gets what is certain.
//!
//! Cash, what is invested, what is served to leavers and what is payable move in pairs more often than not, so
//! the books keep their sum, [`Books::pool`] = cash + invested − served − payable. Only who needs cash itself has to
//! know the parts.
//!
//! What is invested is kept at its book value: what was put in, less what came back and what was lost. Losses are
//! booked before anything else ([`Books::mark`]). Who enters pays TA and what investments are worth above their
//! books; who leaves gets E without what they may be worth below. A − invested is what can be paid at once: what is
//! served, payable or unearned is always there in cash, whatever becomes of the investments.
//!
//! Time goes in weeks of [`Books::seconds`]; week `w` begins at its edge `w · seconds`. The books stand at the edge
//! that opens [`Books::week`] and are brought forward edge by edge ([`Books::accrue`]); inside a week everything is
//! linear and worked out on reading ([`Books::value`]).

use alloy_primitives::U256;

use crate::{
    Overflow,
    math::{Result, add, div_down, mul_div_down, mul_div_up, sub, to_u128},
    payout::Debt,
};

/// Shares that exist without an owner. A share has six decimals more than the asset, so a donation or a first
/// deposit of one unit moves the price by at most a millionth.
pub const VIRTUAL_SHARES: u128 = 1_000_000;

/// Unearned premiums and their rates are kept in units of 2⁻⁴⁸ of the asset's smallest unit: fine enough that what is
/// rounded up of a premium is far below one unit, and coarse enough that rates of any amount fit.
pub const FRACTION_BITS: usize = 48;

/// The largest part of a unit.
const FRACTION: U256 = U256::from_limbs([(1 << FRACTION_BITS) - 1, 0, 0, 0]);

/// Over how many weeks an addition to the stream is released.
pub const STREAM_WEEKS: u64 = 4;

/// The price below which a pool is given up: a thousandth of the first one.
pub const DEPLETED_DIVISOR: u128 = 1_000;

/// ⌊a · n ÷ d⌋ of amounts.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit or `d` is zero.
#[inline(never)]
pub fn scale_down(a: u128, n: u128, d: u128) -> Result<u128> {
    to_u128(mul_div_down(U256::from(a), U256::from(n), U256::from(d))?)
}

/// ⌈a · n ÷ d⌉ of amounts.
///
/// # Errors
/// [`Overflow`] where the quotient does not fit or `d` is zero.
#[inline(never)]
pub fn scale_up(a: u128, n: u128, d: u128) -> Result<u128> {
    to_u128(mul_div_up(U256::from(a), U256::from(n), U256::from(d))?)
}

/// `a + b` of amounts.
///
/// # Errors
/// [`Overflow`].
pub fn plus(a: u128, b: u128) -> Result<u128> {
    a.checked_add(b).ok_or(Overflow)
}

/// `a − b` of amounts.
///
/// # Errors
/// [`Overflow`] where `b > a`.
pub fn minus(a: u128, b: u128) -> Result<u128> {
    a.checked_sub(b).ok_or(Overflow)
}

/// The edge after `time`: edge(t) = (⌊t ÷ week⌋ + 1) · week.
#[must_use]
pub const fn edge(time: u64, seconds: u64) -> u64 {
    (time / seconds + 1) * seconds
}

/// The books of a pool. Amounts of assets are in the asset's smallest unit, of shares in the share's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Books {
    /// Cash + invested − served − payable.
    pub pool: u128,
    /// What is invested, at its book value.
    pub invested: u128,
    /// What the investments are worth above their book value, as far as it counts. Not kept: told by
    /// [`mark`](Self::mark).
    pub gain: u128,
    /// What of their book value is not certain. Not kept, likewise.
    pub doubt: u128,
    /// S: all shares that exist, those that asked to leave among them.
    pub supply: u128,
    /// Shares that asked to leave and are not served yet.
    pub queued: u128,
    /// U at the edge of [`week`](Self::week), in 2⁻⁴⁸ units.
    pub unearned: U256,
    /// What is earned each second of [`week`](Self::week), in 2⁻⁴⁸ units.
    pub rate: u128,
    /// The week that the books stand in.
    pub week: u64,
    /// The last week at whose edge the rate changes.
    pub horizon: u64,
    /// The last week in which a share asked to leave.
    pub tail: u64,
    /// Y: income that is released over time.
    pub stream: Stream,
    /// K, O, ψ: confirmed claims that could not be paid in full.
    pub debt: Debt,
    /// How long a week is.
    pub seconds: u64,
}

impl Books {
    /// The books of a new pool at `now`, with weeks of `seconds`.
    #[must_use]
    pub fn new(now: u64, seconds: u64) -> Self {
        Self {
            pool: 0,
            invested: 0,
            gain: 0,
            doubt: 0,
            supply: 0,
            queued: 0,
            unearned: U256::ZERO,
            rate: 0,
            week: now / seconds,
            horizon: 0,
            tail: 0,
            stream: Stream::default(),
            debt: Debt::default(),
            seconds,
        }
    }

    /// Brings the books to the week that holds `now`, at most `most` edges. `change` answers by how much the rate
    /// changes at the edge of a week.
    ///
    /// At each edge: unearned premiums and the stream, then the rate, then the price of the requests of the week
    /// that closes. Weeks in which nothing can happen cost nothing, so a pool without cover is never behind.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn accrue(&mut self, now: u64, most: u64, mut change: impl FnMut(u64) -> i128) -> Result<Accrued> {
        let current = now / self.seconds;
        let mut accrued = Accrued { done: true, closed: None };
        let mut steps = 0;
        while self.week < current {
            if self.week >= self.horizon && self.tail < self.week {
                // Every change of the rate has been taken in: it is zero, and so is what is unearned.
                self.week = current;
                break;
            }
            if steps == most {
                accrued.done = false;
                break;
            }
            steps += 1;
            self.unearned = sub(self.unearned, self.earned(self.seconds))?;
            let closing = self.week;
            self.week += 1;
            self.rate = self.rate.checked_add_signed(change(self.week)).ok_or(Overflow)?;
            if closing == self.tail {
                let value = self.value(self.week * self.seconds)?;
                let cap = Price { assets: plus(value.middle(), 1)?, shares: value.all_shares()? };
                accrued.closed = Some((closing, cap));
            }
        }
        Ok(accrued)
    }

    /// What `seconds` of this week earn.
    fn earned(&self, seconds: u64) -> U256 {
        // A product of 128 and 64 bits fits.
        U256::from(self.rate).wrapping_mul(U256::from(seconds))
    }

    /// ⌈U⌉ at `now`, which lies in the week that the books stand in.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn unearned_up(&self, now: u64) -> Result<u128> {
        let elapsed = now.checked_sub(self.week * self.seconds).ok_or(Overflow)?;
        let unearned = sub(self.unearned, self.earned(elapsed))?;
        to_u128(add(unearned, FRACTION)?.wrapping_shr(FRACTION_BITS))
    }

    /// What the pool is worth at `now`, which lies in the week that the books stand in.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn value(&self, now: u64) -> Result<Value> {
        // The last premium's rounding may make U one unit more than the pool; A is then zero.
        let assets = self.pool.saturating_sub(self.unearned_up(now)?);
        Ok(Value {
            assets,
            owed: self.debt.owed,
            stream: self.stream.at(now)?,
            supply: self.supply,
            queued: self.queued,
            gain: self.gain,
            doubt: self.doubt,
        })
    }

    /// A − invested: what can be paid at once.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn liquid(&self, now: u64) -> Result<u128> {
        Ok(self.value(now)?.assets.saturating_sub(self.invested))
    }

    /// Takes in what the investments are worth, before anything that depends on it; `came` of them have come back in
    /// cash since the books were kept. What is missing is a loss. The caller cuts the stream once the books stand in the
    /// present week.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn mark(&mut self, marks: &Marks, came: u128) -> Result<Marked> {
        let expected = self.invested.saturating_sub(came);
        let loss = expected.saturating_sub(marks.book);
        let more = came.saturating_sub(self.invested);
        self.pool = self.pool.saturating_sub(loss);
        self.invested = minus(expected, loss)?;
        self.gain = marks.high.saturating_sub(self.invested);
        self.doubt = self.invested.saturating_sub(marks.low);
        let surplus = plus(minus(marks.book, self.invested)?, more)?;
        Ok(Marked { loss, book: marks.book, surplus })
    }

    /// Takes what came back beyond the books in: first for what is owed, then into the stream.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn absorb(&mut self, marked: &Marked, reserve: u128, now: u64) -> Result<Recovered> {
        let known = minus(marked.book, self.invested)?;
        self.gain = self.gain.saturating_sub(known);
        self.invested = marked.book;
        self.recover(marked.surplus, reserve, now)
    }

    /// Takes `assets` in and makes `shares` for them.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn enter(&mut self, assets: u128, shares: u128) -> Result<()> {
        self.pool = plus(self.pool, assets)?;
        self.supply = plus(self.supply, shares)?;
        Ok(())
    }

    /// Takes a premium in: all of it is unearned. The caller changes the rate at the two edges of `earning`.
    ///
    /// # Errors
    /// [`Overflow`]; also where the premiums together could be earned too fast for the books. Whatever begins later is
    /// earned over a week at least, so no rate to come, nor any of its changes, passes the present one and U ÷ week: with
    /// that in bounds, no edge can fail.
    pub fn premium(&mut self, net: u128, earning: &Earning) -> Result<()> {
        let span = (earning.until - earning.from) * self.seconds;
        self.pool = plus(self.pool, net)?;
        self.unearned = add(self.unearned, U256::from(earning.rate).wrapping_mul(U256::from(span)))?;
        let room = minus(i128::MAX as u128, self.rate)?;
        // A product of 128 and 64 bits fits.
        sub(U256::from(room).wrapping_mul(U256::from(self.seconds)), self.unearned)?;
        self.horizon = self.horizon.max(earning.until);
        Ok(())
    }

    /// Takes out what is left of an earning, exactly. The caller takes back the changes of the rate that are still to
    /// come ([`Earning::is_ahead`], [`Earning::is_over`]).
    fn remove(&mut self, earning: &Earning) -> Result<()> {
        self.unearned = sub(self.unearned, earning.left(self.week * self.seconds, self.seconds))?;
        if !earning.is_ahead(self.week) && !earning.is_over(self.week) {
            self.rate = minus(self.rate, earning.rate)?;
        }
        Ok(())
    }

    /// Ends an earning of which `refund` leaves the pool. The rest of what was unearned goes into the stream, so the
    /// price does not move.
    ///
    /// A refund is never short of cash: claims are paid out of A, which leaves out what is unearned, so the pool has
    /// all of it at any time. While something is owed, what comes free is there for it before it is the shares'.
    ///
    /// # Errors
    /// [`Overflow`]; where the refund is more than what is left, too.
    pub fn cancel(&mut self, earning: &Earning, refund: u128, now: u64) -> Result<Cancelled> {
        let left = to_u128(earning.left(now, self.seconds).wrapping_shr(FRACTION_BITS))?;
        minus(left, refund)?;
        let before = self.value(now)?.middle();
        self.remove(earning)?;
        self.pool = minus(self.pool, refund)?;
        Ok(Cancelled { left, streamed: self.stream_gain(before, now)? })
    }

    /// Puts a longer earning in the place of another: what was left of that one, and `added`, which came in. What
    /// the new one leaves over goes into the stream; answers how much that is.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn extend(&mut self, earning: &Earning, added: u128, longer: &Earning, now: u64) -> Result<u128> {
        let before = self.value(now)?.middle();
        self.remove(earning)?;
        self.premium(added, longer)?;
        self.stream_gain(before, now)
    }

    /// Puts what N gained since it was `before` into the stream; answers how much that is.
    fn stream_gain(&mut self, before: u128, now: u64) -> Result<u128> {
        let gain = self.value(now)?.middle().saturating_sub(before);
        if gain > 0 {
            self.stream_in(gain, now)?;
        }
        Ok(gain)
    }

    /// Puts `amount` into the stream, which is part of the pool already.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn stream_in(&mut self, amount: u128, now: u64) -> Result<()> {
        self.stream = self.stream.added(amount, now, STREAM_WEEKS * self.seconds)?;
        Ok(())
    }

    /// Takes money in that was not expected: what it lifts N by goes into the stream; answers how much that is.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn recover(&mut self, amount: u128, reserve: u128, now: u64) -> Result<Recovered> {
        let before = self.value(now)?.middle();
        self.pool = plus(self.pool, amount)?;
        let topped_up = self.top_up(reserve, now)?;
        Ok(Recovered { topped_up, streamed: self.stream_gain(before, now)? })
    }

    /// Cuts the stream to what is left when claims or redemptions took more: Y = min(Y, TA).
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn cut_stream(&mut self, now: u64) -> Result<()> {
        let value = self.value(now)?;
        if value.stream > value.total() {
            self.stream = Stream { amount: value.total(), since: now, end: self.stream.end };
        }
        Ok(())
    }
}

/// What [`Books::accrue`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accrued {
    /// Whether the books stand in the present week.
    pub done: bool,
    /// The week whose requests closed, and the price at its closing edge, which caps theirs.
    pub closed: Option<(u64, Price)>,
}

/// What [`Books::cancel`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// What was left of the premium, rounded down.
    pub left: u128,
    /// What went into the stream.
    pub streamed: u128,
}

/// What investments are worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// What they are booked at, their losses taken off.
    pub book: u128,
    /// The higher of book and worth: what counts for who enters.
    pub high: u128,
    /// The lower, as far as it is certain: what counts for who leaves.
    pub low: u128,
}

/// What [`Books::mark`] found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// What was lost.
    pub loss: u128,
    /// What the investments are booked at by themselves.
    pub book: u128,
    /// What is there beyond these books: a gain that was brought home.
    pub surplus: u128,
}

/// What [`Books::recover`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// What was set aside for owed claims.
    pub topped_up: u128,
    /// What went into the stream.
    pub streamed: u128,
}

/// A price as a fraction: `assets` for `shares`. No shares: not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The assets.
    pub assets: u128,
    /// The shares that they are paid for.
    pub shares: u128,
}

impl Price {
    /// Whether the price is set.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.shares != 0
    }

    /// ⌊shares at this price⌋ in assets.
    ///
    /// # Errors
    /// [`Overflow`]; where the price is not set, too.
    pub fn assets_down(&self, shares: u128) -> Result<u128> {
        scale_down(shares, self.assets, self.shares)
    }

    /// The lower of two prices, both set.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn lower(self, other: Self) -> Result<Self> {
        // Two products of 128 bits fit.
        let mine = U256::from(self.assets).wrapping_mul(U256::from(other.shares));
        let others = U256::from(other.assets).wrapping_mul(U256::from(self.shares));
        Ok(if mine <= others { self } else { other })
    }
}

/// What a pool is worth at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// A: what can pay claims.
    pub assets: u128,
    /// O: what is owed on confirmed claims.
    pub owed: u128,
    /// Y: what the stream has not released yet.
    pub stream: u128,
    /// S: all shares.
    pub supply: u128,
    /// Shares that asked to leave.
    pub queued: u128,
    /// What investments are worth above their books.
    pub gain: u128,
    /// What of their books is not certain.
    pub doubt: u128,
}

impl Value {
    /// TA = A − O.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.assets.saturating_sub(self.owed)
    }

    /// What who enters pays for: TA, and what investments are worth above their books.
    #[must_use]
    pub const fn entry(&self) -> u128 {
        self.total().saturating_add(self.gain)
    }

    /// N = TA − Y.
    #[must_use]
    pub const fn middle(&self) -> u128 {
        self.total().saturating_sub(self.stream)
    }

    /// E = max(0, N − R), without what of the investments is not certain.
    #[must_use]
    pub const fn exit(&self, reserve: u128) -> u128 {
        self.middle().saturating_sub(self.doubt).saturating_sub(reserve)
    }

    /// What may leave the pool: TA less what is not certain, what is reserved and what must stay.
    #[must_use]
    pub const fn budget(&self, reserve: u128, minimum: u128) -> u128 {
        self.total().saturating_sub(self.doubt).saturating_sub(reserve).saturating_sub(minimum)
    }

    /// S + δ.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn all_shares(&self) -> Result<u128> {
        plus(self.supply, VIRTUAL_SHARES)
    }

    /// ⌊N · (S − queued) ÷ S⌋: what capacity and the limit of deposits count as capital. Shares that asked to
    /// leave back no new cover.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn capital(&self) -> Result<u128> {
        if self.queued == 0 {
            return Ok(self.middle());
        }
        scale_down(self.middle(), minus(self.supply, self.queued)?, self.supply)
    }

    /// Shares for `assets` on entry, rounded down.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_shares_down(&self, assets: u128) -> Result<u128> {
        scale_down(assets, self.all_shares()?, plus(self.entry(), 1)?)
    }

    /// Shares for `assets` on entry, rounded up.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_shares_up(&self, assets: u128) -> Result<u128> {
        scale_up(assets, self.all_shares()?, plus(self.entry(), 1)?)
    }

    /// What `shares` cost on entry, rounded down.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_assets_down(&self, shares: u128) -> Result<u128> {
        scale_down(shares, plus(self.entry(), 1)?, self.all_shares()?)
    }

    /// What `shares` cost on entry, rounded up.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn to_assets_up(&self, shares: u128) -> Result<u128> {
        scale_up(shares, plus(self.entry(), 1)?, self.all_shares()?)
    }

    /// The middle price: (N + 1) ÷ (S + δ).
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn middle_price(&self) -> Result<Price> {
        Ok(Price { assets: plus(self.middle(), 1)?, shares: self.all_shares()? })
    }

    /// The exit price: (E + 1) ÷ (S + δ).
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn exit_price(&self, reserve: u128) -> Result<Price> {
        Ok(Price { assets: plus(self.exit(reserve), 1)?, shares: self.all_shares()? })
    }

    /// Whether a share is worth less than a thousandth of the first one, which cost 1 ÷ δ: such a pool is given up
    /// for ever.
    #[must_use]
    pub fn is_depleted(&self) -> bool {
        let worth = U256::from(self.middle()).wrapping_add(U256::ONE);
        let first = U256::from(VIRTUAL_SHARES * DEPLETED_DIVISOR);
        worth.wrapping_mul(first) < U256::from(self.supply).wrapping_add(U256::from(VIRTUAL_SHARES))
    }
}

/// Income that is released evenly until one end, so that nothing makes the price jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// What was left at `since`.
    pub amount: u128,
    /// When the amount was written.
    pub since: u64,
    /// When all of it is released.
    pub end: u64,
}

impl Stream {
    /// What is left at `now`: Y − ⌊Y · (now − since) ÷ (end − since)⌋.
    ///
    /// # Errors
    /// [`Overflow`] before `since`.
    pub fn at(&self, now: u64) -> Result<u128> {
        if self.amount == 0 || now >= self.end {
            return Ok(0);
        }
        let elapsed = now.checked_sub(self.since).ok_or(Overflow)?;
        if elapsed == 0 {
            return Ok(self.amount);
        }
        let released = scale_down(self.amount, u128::from(elapsed), u128::from(self.end - self.since))?;
        minus(self.amount, released)
    }

    /// The stream with `amount` more, which by itself lasts `lasting` seconds: the end moves by weighted mean,
    /// end = now + ⌊(Y · (end − now) + X · lasting) ÷ (Y + X)⌋.
    ///
    /// # Errors
    /// [`Overflow`].
    pub fn added(&self, amount: u128, now: u64, lasting: u64) -> Result<Self> {
        let left = self.at(now)?;
        let sum = plus(left, amount)?;
        if sum == 0 {
            return Ok(Self::default());
        }
        // Products of 128 and 64 bits, and their sum, fit.
        let weighted = U256::from(left)
            .wrapping_mul(U256::from(self.end.saturating_sub(now)))
            .wrapping_add(U256::from(amount).wrapping_mul(U256::from(lasting)));
        let rest = div_down(weighted, U256::from(sum))?;
        let rest = u64::try_from(to_u128(rest)?).map_err(|_| Overflow)?;
        Ok(Self { amount: sum, since: now, end: now.checked_add(rest).ok_or(Overflow)? })
    }
}

/// How a premium is earned: at one rate from the edge of one week to the edge of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// 2⁻⁴⁸ units a second: ⌈net · 2⁴⁸ ÷ (until − from)⌉. Rounded up, what is left is never less than the
    /// premium for the time that is left.
    pub rate: u128,
    /// The week at whose edge earning begins: the one after the start of cover.
    pub from: u64,
    /// The week at whose edge it ends: the one after the end of cover, at least one week later.
    pub until: u64,
}

impl Earning {
    /// How a `net` premium for cover from `start` to `end` is earned. It follows from these alone, so nothing of it
    /// has to be stored.
    ///
    /// # Errors
    /// [`Overflow`] where the rate passes 127 bits (a premium of six hundred thousand whole units of 18 decimals each
    /// second).
    pub fn of(net: u128, start: u64, end: u64, seconds: u64) -> Result<Self> {
        let from = start / seconds + 1;
        let until = (end / seconds + 1).max(from + 1);
        let span = U256::from((until - from) * seconds);
        let rate = to_u128(mul_div_up(U256::from(net), U256::ONE.wrapping_shl(FRACTION_BITS), span)?)?;
        if i128::try_from(rate).is_err() {
            return Err(Overflow);
        }
        Ok(Self { rate, from, until })
    }

    /// Whether earning begins after `week`: both changes of the rate are still to come.
    #[must_use]
    pub const fn is_ahead(&self, week: u64) -> bool {
        week < self.from
    }

    /// Whether earning has ended in `week`: no change of the rate is still to come.
    #[must_use]
    pub const fn is_over(&self, week: u64) -> bool {
        self.until <= week
    }

    /// What is left at `now`, in 2⁻⁴⁸ units: rate · max(0, until − max(now, from)).
    #[must_use]
    pub fn left(&self, now: u64, seconds: u64) -> U256 {
        let rest = (self.until * seconds).saturating_sub(now.max(self.from * seconds));
        // A product of 127 and 64 bits fits.
        U256::from(self.rate).wrapping_mul(U256::from(rest))
    }
}

/// The part of a `net` premium for cover from `start` to `end` that cover has not used at `now`:
/// ⌊net · (end − max(now, start)) ÷ (end − start)⌋. Never more than what is left of its earning: that begins and ends
/// later, and its rate is rounded up.
///
/// # Errors
/// [`Overflow`] where cover ends before it begins.
pub fn unused(net: u128, start: u64, end: u64, now: u64) -> Result<u128> {
    let term = end.checked_sub(start).ok_or(Overflow)?;
    scale_down(net, u128::from(end.saturating_sub(now.max(start))), u128::from(term))
}

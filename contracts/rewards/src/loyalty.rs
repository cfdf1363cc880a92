//! A part of their premium back, for holders of policies that lasted long and were never claimed on.
//!
//! - The terms are those of the policy's sale: they are kept by the number of the first policy that they hold for, and
//!   a change never touches a policy that exists. What was sold before loyalty was turned on gets nothing. An extension
//!   is a sale too: a policy that was extended since its cover began gets the lower share of those at its sale and at
//!   its last extension, so that nobody keeps old terms for new premiums.
//! - A policy is over once it is expired, when no claim can be filed any more; one that a claim was ever filed on, or
//!   that was given back, gets nothing.
//! - What is given back is a part of `net`, which is what the pool has earned of the policy since it was sold or
//!   extended last: after an extension the premium of before counts only as far as it was not earned then. That is
//!   never more than was paid. How long cover lasted counts from its first start to its last end, since an extension
//!   leaves no gap.
//! - Who underwrites the whole pool himself gets a net premium back by his shares. So that he gains nothing by buying
//!   of himself, no more is given back than fees take of a premium; who lowers the fees lowers this first.
//! - The right goes with the certificate: who holds it when it is claimed has it.
//! - Several vaults may share the contract of policies, each with rewards of its own: a policy has its rebate from that
//!   of the vault which bears it.

use actuary::{
    emission::most_rebate_bps,
    math::{add, bps_down, to_u128},
};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{
        IOwned::ParameterOutOfBounds,
        IPolicy::{self, NotHolder},
        IRewards::{LoyaltySet, NoRebate, RebateAboveFees, RebatePaid},
    },
    call::{Answer, ask, tell, token},
    emit, error,
    guard::Lock,
};
use standards::{Word, packed::Packed};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::{Rewards, TIME, parameter};

/// The most of a net premium that may be given back, basis points.
pub const MOST_BPS: u16 = 2_000;

/// How long cover must have lasted at least, in weeks of the vault.
pub const LEAST_WEEKS: u64 = 13;

// Words of `IPolicy.Policy`.
const HOLDER: usize = 0;
const PRODUCT: usize = 1;
const START: usize = 8;
const END: usize = 9;
const NET: usize = 13;
const EARNING: usize = 14;
const FILED: usize = 16;
const EXPIRED: usize = 18;
const CANCELLED: usize = 19;

/// What is given back of policies from a number on, and of extensions from a time on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Terms {
    bps: u16,
    least_seconds: u64,
    first: u128,
    since: u64,
}

impl Rewards {
    /// Gives the holder the loyalty share of a policy that is over; answers how much. Expires the policy where nobody
    /// has done so.
    ///
    /// # Errors
    /// `ERC20InvalidReceiver`, `NotHolder`, `NoRebate`; those of `IPolicy.expire`, `PolicyNotOver` among them;
    /// `InsufficientFunds`, until more is funded; those of the transfer.
    ///
    /// # Events
    /// `RebatePaid`.
    pub fn claim_rebate(&mut self, policy: U256, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        self.require_receiver(receiver)?;
        let record = self.record(policy)?;
        let caller = self.vm().msg_sender();
        if record.address(HOLDER)? != caller {
            return Err(error!(NotHolder, caller, policy));
        }
        let amount = self.due(policy, &record)?;
        if amount.is_zero() {
            return Err(error!(NoRebate, policy));
        }
        self.pay_out(amount)?;
        self.set_paid(policy);
        emit!(self.vm(), RebatePaid, [policy, receiver, self.asset()], [amount]);
        if !record.bool(EXPIRED)? {
            tell(self.vm(), self.policy(), IPolicy::expireCall::SELECTOR, &[policy])?;
        }
        token::transfer(self.vm(), self.asset(), receiver, amount)?;
        lock.release();
        Ok(amount)
    }

    /// Sets the loyalty share of policies sold from now on, and how long cover must have lasted; 0 for none.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`; `ParameterOutOfBounds` above [`MOST_BPS`] and below [`LEAST_WEEKS`];
    /// `RebateAboveFees`.
    ///
    /// # Events
    /// `LoyaltySet`.
    pub fn set_loyalty(&mut self, bps: u16, least_seconds: u64) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        if bps > MOST_BPS {
            return Err(error!(ParameterOutOfBounds, parameter("bps"), bps));
        }
        let policies = self.policy();
        if bps > 0 {
            let week = Packed(self.vault.get()).u64(160, 32);
            if least_seconds < LEAST_WEEKS.saturating_mul(week) {
                return Err(error!(ParameterOutOfBounds, parameter("leastSeconds"), least_seconds));
            }
            let shares = ask(self.vm(), policies, IPolicy::sharesCall::SELECTOR, &[])?;
            let share = |index| -> Result<u16> { Ok(u16::try_from(shares.u64(index)?).unwrap_or(u16::MAX)) };
            let most = most_rebate_bps(share(0)?, share(1)?, share(2)?)?;
            if bps > most {
                return Err(error!(RebateAboveFees, bps, most));
            }
        }
        let sold = ask(self.vm(), policies, IPolicy::policyCountCall::SELECTOR, &[])?.word(0)?;
        let first = to_u128(add(sold, U256::ONE)?)?;
        let count = self.terms_count();
        self.policy.set(Packed(self.policy.get()).with_u64(160, 32, count.saturating_add(1)).0);
        let word = Packed::default()
            .with_u64(0, 16, u64::from(bps))
            .with_u64(16, 64, least_seconds)
            .with_u128(80, 128, first)
            .with_u64(208, TIME, self.vm().block_timestamp());
        self.terms.setter(U256::from(count)).set(word.0);
        emit!(self.vm(), LoyaltySet, [], [bps.word(), least_seconds.word(), first.word()]);
        lock.release();
        Ok(())
    }

    /// The terms of policies sold now.
    pub fn loyalty(&self) -> (u16, u64) {
        let terms = self.terms_where(|_| true);
        (terms.bps, terms.least_seconds)
    }

    /// What a policy's holder gets as things stand, once it is over and as far as there are funds.
    ///
    /// # Errors
    /// `ERC721NonexistentToken`.
    pub fn rebate_of(&self, policy: U256) -> Result<U256> {
        self.due(policy, &self.record(policy)?)
    }

    /// What is due on a policy once it is over; zero where nothing is.
    fn due(&self, policy: U256, record: &Answer) -> Result<U256> {
        let (start, earning) = (record.u64(START)?, record.u64(EARNING)?);
        let sold = self.terms_where(|terms| U256::from(terms.first) <= policy);
        let mut bps = sold.bps;
        if earning > start {
            bps = bps.min(self.terms_where(|terms| terms.since <= earning).bps);
        }
        let covered = record.u64(END)?.saturating_sub(start);
        let gone = record.bool(FILED)? || record.bool(CANCELLED)? || self.is_paid(policy);
        if bps == 0 || covered < sold.least_seconds || gone || !self.bears(record.word(PRODUCT)?)? {
            return Ok(U256::ZERO);
        }
        Ok(bps_down(record.word(NET)?, U256::from(bps))?)
    }

    /// Whether a product's policies are the vault's.
    fn bears(&self, product: U256) -> Result<bool> {
        let page = ask(self.vm(), self.policy(), IPolicy::productPageCall::SELECTOR, &[product, U256::ONE])?;
        // Where the list is, where the next page begins, its length, and the first product's number and vault.
        Ok(page.word(3)? == product && page.address(4)? == self.vault())
    }

    fn record(&self, policy: U256) -> Result<Answer> {
        ask(self.vm(), self.policy(), IPolicy::policyOfCall::SELECTOR, &[policy])
    }

    /// The last terms that had begun; none where none had. Terms begin in order, by number as by time.
    fn terms_where(&self, begun: impl Fn(&Terms) -> bool) -> Terms {
        // All before `low` have begun, and from `high` on none.
        let (mut low, mut high) = (0, self.terms_count());
        while low < high {
            let middle = low + (high - low) / 2;
            if begun(&self.terms_at(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if low == 0 { Terms::default() } else { self.terms_at(low - 1) }
    }

    fn terms_count(&self) -> u64 {
        Packed(self.policy.get()).u64(160, 32)
    }

    fn terms_at(&self, index: u64) -> Terms {
        let word = Packed(self.terms.get(U256::from(index)));
        Terms {
            bps: word.u64(0, 16) as u16,
            least_seconds: word.u64(16, 64),
            first: word.u128(80, 128),
            since: word.u64(208, TIME),
        }
    }

    fn is_paid(&self, policy: U256) -> bool {
        let (word, bit) = place(policy);
        Packed(self.paid.get(word)).u64(bit, 1) != 0
    }

    fn set_paid(&mut self, policy: U256) {
        let (word, bit) = place(policy);
        let mut slot = self.paid.setter(word);
        let paid = Packed(slot.get()).with_u64(bit, 1, 1);
        slot.set(paid.0);
    }
}

/// Where a policy's bit is: 256 of them share a word.
fn place(policy: U256) -> (U256, usize) {
    (policy.wrapping_shr(8), policy.byte(0) as usize)
}

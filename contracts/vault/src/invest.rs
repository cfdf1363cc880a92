//! Fund allocation: what of the capital works in strategies, through the allocator.
//!
//! Cash that is served, payable or unearned never leaves the vault, so nothing that strategies do can touch it. Of what is
//! left at most half of the free capital is invested. Every operation that uses a price asks the allocator first and
//! books what was lost ([`State::open`]); who needs more than there is in cash has it brought back ([`State::raise`]).

use actuary::{books::plus, math::to_u128};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Revert, Word,
    abi::{
        IAllocator,
        IOwned::{NotWired, ParameterOutOfBounds},
        IRisk,
        IVault::{AllocatorSet, Divested, ExceedsFreeCapital, Harvested, Invested, StillInvested, ZeroAssets},
    },
    call::{Answer, ask, tell, token},
    emit, error,
    guard::Lock,
};
use stylus_sdk::{prelude::*, stylus_core::host::AccountAccess};

use crate::{premiums::name as parameter, state::State};

/// How much of the free capital may be invested: a half.
const DIVISOR: u128 = 2;

impl State {
    /// Appoints the allocator, zero for none, of a vault that has invested nothing.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `StillInvested`; `ParameterOutOfBounds` for another vault's allocator.
    ///
    /// # Events
    /// `AllocatorSet`.
    pub(crate) fn appoint_allocator(&mut self, allocator: Address) -> Result<()> {
        self.roles.only_owner()?;
        let invested = self.investment().1;
        if invested > 0 {
            return Err(error!(StillInvested, invested));
        }
        if !allocator.is_zero() {
            let vault = ask(self.vm(), allocator, IAllocator::vaultCall::SELECTOR, &[])?.address(0)?;
            if vault != self.vm().contract_address() {
                return Err(error!(ParameterOutOfBounds, parameter("allocator"), allocator.word()));
            }
        }
        self.set_allocator(allocator);
        emit!(self.vm(), AllocatorSet, [allocator], []);
        Ok(())
    }

    /// Puts `assets` of the vault's cash into a strategy: at most what is not set aside for anybody, and so that no more
    /// than half of the free capital is invested then. Free is capital without the requested shares' part, without the
    /// reserve and without what is not certain; while it is below what risk says must stay, nothing is invested.
    ///
    /// # Errors
    /// `OwnableUnauthorizedAccount`, `NotWired`, `ZeroAssets`, `ExceedsFreeCapital`, `CatchUpFirst`; what the allocator
    /// or risk reverted with; those of the token.
    ///
    /// # Events
    /// `Invested`, `SolvencyCheckpoint`.
    pub(crate) fn invest(&mut self, strategy: Address, assets: U256) -> Result<()> {
        let lock = Lock::take()?;
        self.roles.only_owner()?;
        let allocator = self.required_allocator()?;
        let amount = to_u128(assets)?;
        if amount == 0 {
            return Err(error!(ZeroAssets));
        }
        let mut open = self.open_queue()?;
        let liquid = open.liquid()?;
        if amount > liquid {
            return Err(error!(ExceedsFreeCapital, amount, liquid));
        }
        open.books.invested = plus(open.books.invested, amount)?;
        self.close(&open)?;
        token::transfer(self.vm(), self.asset(), allocator, assets)?;
        let answer = tell(self.vm(), allocator, IAllocator::putCall::SELECTOR, &[strategy.word(), assets])?;
        self.hold(answer.word(0)?, answer.word(1)?)?;
        // What it costs to go in is lost, and what is held there counts, before the limit is looked at.
        let gate = self.gate()?;
        let open = self.open_queue()?;
        let value = open.value()?;
        let free = value.capital()?.saturating_sub(value.doubt).saturating_sub(gate.reserve);
        let closed = open.is_run_off() || open.is_short(gate.reserve)? || free < gate.minimum;
        let limit = if closed { 0 } else { free / DIVISOR };
        if open.books.invested > limit {
            return Err(error!(ExceedsFreeCapital, open.books.invested, limit));
        }
        self.close(&open)?;
        self.note(&open, &gate)?;
        emit!(self.vm(), Invested, [strategy], [assets]);
        lock.release();
        Ok(())
    }

    /// Brings up to `assets` of what a strategy is booked at back; answers what came.
    ///
    /// # Errors
    /// `NotGuardian` for anyone but owner and guardian; `NotWired`, `CatchUpFirst`; what the allocator or risk reverted
    /// with.
    ///
    /// # Events
    /// `Divested`; `TopUp`, `StreamAdded`, `SolvencyCheckpoint`.
    pub(crate) fn divest(&mut self, strategy: Address, assets: U256) -> Result<U256> {
        let lock = Lock::take()?;
        self.roles.only_guardian()?;
        let (came, _) = self.bring_home(IAllocator::takeCall::SELECTOR, &[strategy.word(), assets])?;
        emit!(self.vm(), Divested, [strategy], [came]);
        lock.release();
        Ok(U256::from(came))
    }

    /// Brings a strategy's gain home: first for what is owed, then into the stream. For the zero address, what removed
    /// strategies left with the allocator. Answers what came in beyond the books.
    ///
    /// # Errors
    /// `NotWired`, `CatchUpFirst`; what the allocator or risk reverted with.
    ///
    /// # Events
    /// `Harvested`; `TopUp`, `StreamAdded`, `SolvencyCheckpoint`.
    pub(crate) fn harvest(&mut self, strategy: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let (_, gain) = self.bring_home(IAllocator::harvestCall::SELECTOR, &[strategy.word()])?;
        emit!(self.vm(), Harvested, [strategy], [gain]);
        lock.release();
        Ok(U256::from(gain))
    }

    /// Tells risk what is booked on a risk key now.
    ///
    /// # Errors
    /// `NotWired`; what the allocator or risk reverted with.
    pub(crate) fn report_held(&mut self, risk_key: B256) -> Result<()> {
        let lock = Lock::take()?;
        let allocator = self.required_allocator()?;
        let held = ask(self.vm(), allocator, IAllocator::heldOnCall::SELECTOR, &[risk_key.word()])?.word(0)?;
        self.hold(risk_key.word(), held)?;
        lock.release();
        Ok(())
    }

    /// Has the allocator send something; answers how much came, and how much of it the books did not know.
    fn bring_home(&mut self, selector: [u8; 4], words: &[U256]) -> Result<(u128, u128)> {
        let allocator = self.required_allocator()?;
        // What was lost is booked first: a gain that comes home is no recovery of another strategy's loss.
        let open = self.open()?;
        self.close(&open)?;
        let answer = tell(self.vm(), allocator, selector, words)?;
        let came = answer.u128(0)?;
        self.hold_answer(&answer)?;
        let gate = self.gate()?;
        let mut open = self.open_richer(came)?;
        let surplus = self.absorb(&mut open, gate.reserve)?;
        self.close(&open)?;
        self.note(&open, &gate)?;
        Ok((came, surplus))
    }

    /// Tells risk what an answer of the allocator's says is booked on a risk key, where it names one.
    fn hold_answer(&self, answer: &Answer) -> Result<()> {
        let risk_key = answer.word(1)?;
        if risk_key.is_zero() { Ok(()) } else { self.hold(risk_key, answer.word(2)?) }
    }

    fn hold(&self, risk_key: U256, held: U256) -> Result<()> {
        tell(self.vm(), self.risk(), IRisk::holdCall::SELECTOR, &[risk_key, held]).map(drop)
    }

    fn required_allocator(&self) -> Result<Address> {
        let allocator = self.investment().0;
        if allocator.is_zero() { Err::<_, Revert>(error!(NotWired)) } else { Ok(allocator) }
    }
}

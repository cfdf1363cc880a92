//! An open claim: what it waits for, what it is about, and whose bond it holds.
//!
//! ```text
//! state   stage 4 | incident 32 | loss 16 | filed 40 | due 40 | risk's code 24 | answered 1 | prolonged 1 | second 1
//! amounts amount 96 | bond 96
//! party   address 160 | held 96      case   the jury's number
//! ```

use alloy_primitives::{Address, U256};
use standards::packed::Packed;
use stylus_sdk::{prelude::*, storage::StorageU256};

/// `IAssessor.Stage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is no open claim.
    #[default]
    None,
    /// Confirmed; waits for its delay.
    Delayed,
    /// Confirmed and challenged; waits for a jury.
    Challenged,
    /// The trigger cannot tell yet.
    Waiting,
    /// Waits for a jury.
    Jury,
    /// The jury had a draw.
    Reopened,
}

impl Stage {
    /// As `IAssessor.Stage` counts them.
    #[must_use]
    pub const fn code(self) -> u64 {
        self as u64
    }

    const fn of(code: u64) -> Self {
        match code {
            1 => Self::Delayed,
            2 => Self::Challenged,
            3 => Self::Waiting,
            4 => Self::Jury,
            5 => Self::Reopened,
            _ => Self::None,
        }
    }
}

/// A claim's words.
#[storage]
pub struct ClaimWords {
    state: StorageU256,
    amounts: StorageU256,
    party: StorageU256,
    case: StorageU256,
}

/// An open claim in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Claim {
    pub stage: Stage,
    /// At most 32 bits, as Risk has them.
    pub incident: u64,
    pub loss_bps: u64,
    pub filed_at: u64,
    pub due: u64,
    /// What `IRisk.reserveClaim` answered.
    pub code: u64,
    pub answered: bool,
    pub prolonged: bool,
    pub second: bool,
    /// What is paid at most; at most `held`.
    pub amount: U256,
    pub bond: U256,
    pub party: Address,
    /// What Risk reserves for it.
    pub held: U256,
    pub case: U256,
}

impl ClaimWords {
    /// Reads the claim.
    #[must_use]
    pub fn read(&self) -> Claim {
        let [state, amounts, party] = [self.state.get(), self.amounts.get(), self.party.get()].map(Packed);
        Claim {
            stage: Stage::of(state.u64(0, 4)),
            incident: state.u64(4, 32),
            loss_bps: state.u64(36, 16),
            filed_at: state.u64(52, 40),
            due: state.u64(92, 40),
            code: state.u64(132, 24),
            answered: state.u64(156, 1) == 1,
            prolonged: state.u64(157, 1) == 1,
            second: state.u64(158, 1) == 1,
            amount: amounts.get(0, 96),
            bond: amounts.get(96, 96),
            party: party.address(0),
            held: party.get(160, 96),
            case: self.case.get(),
        }
    }

    /// Writes the claim; amounts have 96 bits, as policies do.
    pub fn write(&mut self, claim: &Claim) {
        let state = Packed::default()
            .with_u64(0, 4, claim.stage.code())
            .with_u64(4, 32, claim.incident)
            .with_u64(36, 16, claim.loss_bps)
            .with_u64(52, 40, claim.filed_at)
            .with_u64(92, 40, claim.due)
            .with_u64(132, 24, claim.code)
            .with_u64(156, 1, u64::from(claim.answered))
            .with_u64(157, 1, u64::from(claim.prolonged))
            .with_u64(158, 1, u64::from(claim.second));
        let amounts = Packed::default().with(0, 96, claim.amount).with(96, 96, claim.bond);
        let party = Packed::default().with_address(0, claim.party).with(160, 96, claim.held);
        self.state.set(state.0);
        self.amounts.set(amounts.0);
        self.party.set(party.0);
        if self.case.get() != claim.case {
            self.case.set(claim.case);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_counted_as_in_the_interface() {
        let all = [Stage::None, Stage::Delayed, Stage::Challenged, Stage::Waiting, Stage::Jury, Stage::Reopened];
        for (code, stage) in (0u64..).zip(all) {
            assert_eq!((stage.code(), Stage::of(code)), (code, stage));
        }
        assert_eq!(Stage::of(9), Stage::None);
    }
}

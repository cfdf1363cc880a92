//! What is emitted a second: the vault is asked for its capital, Risk for the target.
//!
//! Neither may keep anybody from what is his: their gas is counted out, no more of their answers is read than is
//! needed, and where one fails or says what cannot be so, the rate stays as it is.
//!
//! Nothing is emitted while the vault takes no new business at all (run-off by order or for ever, or something is
//! owed): nobody could bring the capital that emission asks for, and PALI is kept for pools that live. A vault whose
//! reserve is above its assets while incidents are open is not that: who stays in it meanwhile is paid by the curve.

use actuary::{emission::rate_down, math::to_u128};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    abi::{IRewards::EmissionChanged, IRisk, IVault},
    call::Answer,
    emit,
};
use standards::{Word, abi::encode_call, packed::Packed};
use stylus_sdk::{call::RawCall, prelude::*};

use crate::{RATE, Rewards};

/// What the vault, and Risk, may use for one answer. A vault asks its strategies what they are worth, eight at most.
pub const LOOK_GAS: u64 = 2_000_000;

impl Rewards {
    /// Stores the rate that the vault asks for now; where it does not tell, the stored one as far as the most allows
    /// it.
    ///
    /// # Events
    /// `EmissionChanged` where the rate is another one.
    pub(crate) fn refresh(&mut self) {
        let (before, most) = (self.per_second(), self.most());
        let told = if most == 0 { None } else { self.needs() };
        let rate = match told {
            Some((_, _, true)) => Some(0),
            Some((capital, target, false)) => rate_down(most, capital, target).ok(),
            None => None,
        };
        let rate = rate.unwrap_or(before.min(most));
        if rate != before {
            self.pace.set(Packed(self.pace.get()).with_u128(0, RATE, rate).0);
            let (capital, target, _) = told.unwrap_or_default();
            emit!(self.vm(), EmissionChanged, [], [rate, capital, target]);
        }
    }

    /// Capital and target of the vault, and whether it takes no new business; `None` where that cannot be told.
    fn needs(&mut self) -> Option<(u128, u128, bool)> {
        let vault = self.vault();
        let mut risk = Packed(self.risk.get()).address(0);
        if risk.is_zero() {
            risk = self.look(vault, IVault::peersCall::SELECTOR, &[], 1)?.address(0).ok()?;
            if risk.is_zero() {
                return None;
            }
            self.risk.set(risk.word()); // a vault is wired once
        }
        let told = self.look(vault, IVault::capitalCall::SELECTOR, &[], 2)?;
        let (capital, closed) = (to_u128(told.word(0).ok()?).ok()?, told.bool(1).ok()?);
        let gate = self.look(risk, IRisk::gateCall::SELECTOR, &[vault.word()], 3)?;
        Some((capital, to_u128(gate.word(2).ok()?).ok()?, closed))
    }

    /// The first `answers` words of what a view answers; `None` where it reverts, answers less or uses up its gas.
    fn look(&self, to: Address, selector: [u8; 4], words: &[U256], answers: usize) -> Option<Answer> {
        let call = RawCall::new_static(self.vm()).gas(LOOK_GAS).limit_return_data(0, 32 * answers);
        // SAFETY: no storage guard is alive across the call, and a static call changes nothing.
        let data = unsafe { call.flush_storage_cache().call(to, &encode_call(selector, words)) }.ok()?;
        Some(Answer::new(to, data))
    }
}

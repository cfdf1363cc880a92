//! A policy as a claim sees it.

use actuary::math::mul_div_down;
use alloy_primitives::{Address, B256, U256};
use protocol::{Result, call::Answer};

/// Basis points of one.
pub const BPS: u64 = 10_000;

/// Basis points of one, squared: ratio times loss.
const BPS_SQUARED: u64 = BPS * BPS;

/// What a claim needs of a policy.
#[allow(missing_docs)]
pub struct Opened {
    pub product: U256,
    pub subject: B256,
    pub insured: Address,
    pub position: B256,
    pub start: u64,
    pub end: u64,
    pub deadline: U256,
    pub amount: U256,
    pub confirmed: U256,
    pub ratio_bps: u64,
    pub deductible_bps: u64,
    pub filed: bool,
    pub entry_hash: B256,
    pub holder: Address,
}

impl Opened {
    /// From the words of `IPolicy.open`.
    ///
    /// # Errors
    /// `InvalidReturnData`.
    pub fn of(answer: &Answer) -> Result<Self> {
        const PLACES: [usize; 14] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
        Self::at(answer, PLACES)
    }

    /// From the words of `IPolicy.policyOf`.
    ///
    /// # Errors
    /// `InvalidReturnData`.
    pub fn of_view(answer: &Answer) -> Result<Self> {
        const PLACES: [usize; 14] = [1, 2, 3, 4, 8, 9, 10, 5, 6, 11, 12, 16, 15, 0];
        Self::at(answer, PLACES)
    }

    fn at(answer: &Answer, places: [usize; 14]) -> Result<Self> {
        let bytes = |index: usize| -> Result<B256> { Ok(B256::new(answer.word(places[index])?.to_be_bytes())) };
        let word = |index: usize| answer.word(places[index]);
        let small = |index: usize| answer.u64(places[index]);
        Ok(Self {
            product: word(0)?,
            subject: bytes(1)?,
            insured: answer.address(places[2])?,
            position: bytes(3)?,
            start: small(4)?,
            end: small(5)?,
            deadline: word(6)?,
            amount: word(7)?,
            confirmed: word(8)?,
            ratio_bps: small(9)?,
            deductible_bps: small(10)?,
            filed: answer.bool(places[11])?,
            entry_hash: bytes(12)?,
            holder: answer.address(places[13])?,
        })
    }

    /// The most that the policy can ever pay: amount times ratio, rounded down.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn cover(&self) -> Result<U256> {
        Ok(mul_div_down(self.amount, U256::from(self.ratio_bps), U256::from(BPS))?)
    }

    /// The claim under one incident with this loss: amount times ratio times what the loss exceeds the deductible by,
    /// rounded down.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn claim(&self, loss_bps: u64) -> Result<U256> {
        // both factors are basis points, so their product fits
        let factor = self.ratio_bps.saturating_mul(loss_bps.saturating_sub(self.deductible_bps));
        Ok(mul_div_down(self.amount, U256::from(factor), U256::from(BPS_SQUARED))?)
    }
}

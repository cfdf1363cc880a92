//! What of a premium goes where.

use actuary::math::{BPS, mul_div_down, mul_div_up, sub};
use alloy_primitives::U256;
use protocol::abi::ParameterOutOfBounds;
use protocol::{Result, error};
use standards::packed::Packed;

/// The most that treasury and jury together may take of a gross premium, basis points.
pub const MOST: u16 = 5_000;

/// The shares of treasury and jury in the gross premium and of a referrer in the treasury's share, basis points.
///
/// `|41 referral 28|27 jury 14|13 treasury 0|`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// The treasury's share of the gross premium.
    pub treasury: u16,
    /// The jury's share of the gross premium.
    pub jury: u16,
    /// A referrer's part of the treasury's share.
    pub referral: u16,
}

impl Shares {
    /// From their 42 bits.
    #[must_use]
    pub fn unpack(bits: Packed) -> Self {
        let share = |offset| bits.u64(offset, 14) as u16;
        Self { treasury: share(0), jury: share(14), referral: share(28) }
    }

    /// As 42 bits: shares are at most 10,000.
    #[must_use]
    pub fn pack(self) -> u64 {
        u64::from(self.treasury) | u64::from(self.jury) << 14 | u64::from(self.referral) << 28
    }

    /// Fails for shares out of bounds.
    ///
    /// # Errors
    /// `ParameterOutOfBounds`.
    pub fn check(self) -> Result<()> {
        let fees = self.treasury.saturating_add(self.jury);
        if fees > MOST {
            return Err(error!(ParameterOutOfBounds, name(b"treasuryBps"), U256::from(fees)));
        }
        if self.referral > 10_000 {
            return Err(error!(ParameterOutOfBounds, name(b"referralBps"), U256::from(self.referral)));
        }
        Ok(())
    }

    /// Splits the premium whose net part is `net`.
    ///
    /// gross = ⌈net ÷ (1 − treasury − jury)⌉, so that the pool gets its net in full; jury = ⌊fees · jury ÷
    /// (treasury + jury)⌋ of fees = gross − net; a referrer gets ⌊(fees − jury) · referral⌋; the treasury has the
    /// rest. The parts sum to the gross exactly.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn split(self, net: U256, referred: bool) -> Result<Split> {
        let fees_bps = U256::from(u32::from(self.treasury) + u32::from(self.jury));
        let gross = mul_div_up(net, BPS, sub(BPS, fees_bps)?)?;
        let fees = sub(gross, net)?;
        if fees.is_zero() {
            return Ok(Split { gross, net, ..Split::default() });
        }
        let jury = mul_div_down(fees, U256::from(self.jury), fees_bps)?;
        let rest = sub(fees, jury)?;
        let referral = if referred { mul_div_down(rest, U256::from(self.referral), BPS)? } else { U256::ZERO };
        Ok(Split { gross, net, treasury: sub(rest, referral)?, jury, referral })
    }
}

/// A premium and its parts: gross = net + treasury + jury + referral.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// What the buyer pays.
    pub gross: U256,
    /// The pool's.
    pub net: U256,
    /// The treasury's.
    pub treasury: U256,
    /// The jury's.
    pub jury: U256,
    /// The referrer's.
    pub referral: U256,
}

/// A parameter's name as text in a word.
pub(crate) fn name(text: &[u8]) -> U256 {
    let mut word = [0; 32];
    word[..text.len()].copy_from_slice(text);
    U256::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::uint;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_sum_to_the_gross_and_the_pool_gets_its_net(
            net: u128, treasury in 0u16..=2_500, jury in 0u16..=2_500, referral in 0u16..=10_000, referred: bool,
        ) {
            let shares = Shares { treasury, jury, referral };
            shares.check().unwrap();
            let net = U256::from(net);
            let split = shares.split(net, referred).unwrap();
            let sum = [split.treasury, split.jury, split.referral].into_iter().try_fold(net, U256::checked_add);
            prop_assert_eq!(Some(split.gross), sum);
            // gross · (1 − fees) ≥ net, and one unit less would be too little
            let keep = U256::from(10_000 - treasury - jury);
            prop_assert!(split.gross.checked_mul(keep).unwrap() >= net.checked_mul(BPS).unwrap());
            if let Some(less) = split.gross.checked_sub(U256::ONE) {
                prop_assert!(less.checked_mul(keep).unwrap() < net.checked_mul(BPS).unwrap());
            }
            // nobody gets more than its share of the fees, rounded up
            let fees = split.gross.checked_sub(net).unwrap();
            prop_assert!(split.jury.checked_mul(U256::from(treasury + jury)).unwrap() <= fees.checked_mul(U256::from(jury)).unwrap());
            prop_assert!(referred || split.referral.is_zero());
        }
    }

    #[test]
    fn a_worked_example() {
        // 900 net at 8 % and 2 %: 1,000 gross; a fifth of the treasury's 80 to the referrer.
        let shares = Shares { treasury: 800, jury: 200, referral: 2_000 };
        let split = shares.split(uint!(900_U256), true).unwrap();
        let parts = [split.gross, split.treasury, split.jury, split.referral];
        assert_eq!(parts, [uint!(1000_U256), uint!(64_U256), uint!(20_U256), uint!(16_U256)]);
        assert_eq!(shares.split(uint!(900_U256), false).unwrap().treasury, uint!(80_U256));
    }

    #[test]
    fn without_shares_the_gross_is_the_net() {
        let split = Shares::default().split(uint!(7_U256), true).unwrap();
        assert_eq!(split, Split { gross: uint!(7_U256), net: uint!(7_U256), ..Split::default() });
    }

    #[test]
    fn shares_fit_their_bits() {
        let shares = Shares { treasury: 5_000, jury: 1, referral: 10_000 };
        assert_eq!(Shares::unpack(Packed(U256::from(shares.pack()))), shares);
    }

    #[test]
    fn shares_out_of_bounds_are_refused() {
        assert!(Shares { treasury: 5_000, jury: 1, referral: 0 }.check().is_err());
        assert!(Shares { treasury: u16::MAX, jury: u16::MAX, referral: 0 }.check().is_err());
        assert!(Shares { treasury: 0, jury: 0, referral: 10_001 }.check().is_err());
        assert!(Shares { treasury: 5_000, jury: 0, referral: 10_000 }.check().is_ok());
    }
}

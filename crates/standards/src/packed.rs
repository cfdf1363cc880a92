//! Several small integers in one storage slot.
//!
//! A record that is packed by hand reads one word, changes fields in memory and writes one word. Layouts are
//! given as bit offsets from the least significant end; each record documents its own picture.

use alloy_primitives::{Address, U256};

use crate::abi::Word;

/// One storage word with named bit fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed(pub U256);

// Written limb by limb: `U256`'s shifts by a variable cost a program some thirty gas each, and a record needs dozens.
impl Packed {
    /// The unsigned field of `bits` bits at `offset`.
    #[must_use]
    pub fn get(self, offset: usize, bits: usize) -> U256 {
        let mut limbs = [0; 4];
        for (limb, from) in limbs.iter_mut().zip((0..bits).step_by(64)) {
            *limb = self.u64(offset + from, (bits - from).min(64));
        }
        U256::from_limbs(limbs)
    }

    /// The field as a `u64`; `bits` is at most 64.
    #[must_use]
    #[inline(never)]
    pub fn u64(self, offset: usize, bits: usize) -> u64 {
        debug_assert!(bits <= 64);
        let (low, shift) = (offset / 64, offset % 64);
        let limb = |index: usize| self.0.as_limbs().get(index).copied().unwrap_or(0);
        let mut field = limb(low) >> shift;
        if shift > 0 {
            field |= limb(low + 1) << (64 - shift);
        }
        field & mask(bits)
    }

    /// The field as a `u128`; `bits` is at most 128.
    #[must_use]
    pub fn u128(self, offset: usize, bits: usize) -> u128 {
        debug_assert!(bits <= 128);
        let low = self.u64(offset, bits.min(64));
        let high = self.u64(offset + 64, bits.saturating_sub(64));
        u128::from(low) | u128::from(high) << 64
    }

    /// The address at `offset`.
    #[must_use]
    #[inline(never)]
    pub fn address(self, offset: usize) -> Address {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&self.u64(offset + 128, 32).to_be_bytes()[4..]);
        bytes[4..12].copy_from_slice(&self.u64(offset + 64, 64).to_be_bytes());
        bytes[12..].copy_from_slice(&self.u64(offset, 64).to_be_bytes());
        Address::new(bytes)
    }

    /// The word with the field replaced. A value that does not fit is cut: check it before.
    #[must_use]
    pub fn with(self, offset: usize, bits: usize, value: U256) -> Self {
        let mut word = self;
        for (limb, from) in value.as_limbs().iter().zip((0..bits).step_by(64)) {
            word = word.with_u64(offset + from, (bits - from).min(64), *limb);
        }
        word
    }

    /// [`with`](Self::with) for a `u64`.
    #[must_use]
    #[inline(never)]
    pub fn with_u64(self, offset: usize, bits: usize, value: u64) -> Self {
        let mut limbs = *self.0.as_limbs();
        let (low, shift) = (offset / 64, offset % 64);
        let (mask, value) = (mask(bits), value & mask(bits));
        if let Some(limb) = limbs.get_mut(low) {
            *limb = *limb & !(mask << shift) | value << shift;
        }
        if let (true, Some(limb)) = (shift + bits > 64, limbs.get_mut(low + 1)) {
            *limb = *limb & !(mask >> (64 - shift)) | value >> (64 - shift);
        }
        Self(U256::from_limbs(limbs))
    }

    /// [`with`](Self::with) for a `u128`.
    #[must_use]
    pub fn with_u128(self, offset: usize, bits: usize, value: u128) -> Self {
        self.with(offset, bits, U256::from(value))
    }

    /// [`with`](Self::with) for an address.
    #[must_use]
    pub fn with_address(self, offset: usize, value: Address) -> Self {
        self.with(offset, 160, value.word())
    }
}

/// The lowest `bits` bits, at most 64.
fn mask(bits: usize) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_field_keeps_its_value_and_leaves_the_others(word: [u64; 4], value: u64, offset in 0usize..192) {
            let before = Packed(U256::from_limbs(word));
            let after = before.with_u64(offset, 64, value);
            prop_assert_eq!(after.u64(offset, 64), value);
            prop_assert_eq!(after.with_u64(offset, 64, before.u64(offset, 64)), before);
        }
    }

    proptest! {
        /// What the functions do, said with shifts.
        #[test]
        fn a_field_is_what_shifts_would_make_it(word: [u64; 4], value: [u64; 4], offset in 0usize..256, bits in 0usize..=256) {
            let [word, value] = [word, value].map(U256::from_limbs);
            let mask = U256::ONE.checked_shl(bits).map_or(U256::MAX, |power| power.wrapping_sub(U256::ONE));
            let packed = Packed(word);
            let field = word.wrapping_shr(offset) & mask;
            prop_assert_eq!(packed.get(offset, bits), field);
            let replaced = word & !mask.wrapping_shl(offset) | (value & mask).wrapping_shl(offset);
            prop_assert_eq!(packed.with(offset, bits, value).0, replaced);
            if bits <= 64 {
                prop_assert_eq!(U256::from(packed.u64(offset, bits)), field);
                let low = value.as_limbs()[0];
                prop_assert_eq!(packed.with_u64(offset, bits, low), packed.with(offset, bits, U256::from(low)));
            }
            if bits <= 128 {
                prop_assert_eq!(U256::from(packed.u128(offset, bits)), field);
            }
            if offset <= 96 {
                let address = Address::from_slice(&packed.get(offset, 160).to_be_bytes::<32>()[12..]);
                prop_assert_eq!(packed.address(offset), address);
                prop_assert_eq!(Packed(value).with_address(offset, address).address(offset), address);
            }
        }
    }

    #[test]
    fn an_address_fits_beside_an_integer() {
        let who = Address::repeat_byte(0xab);
        let packed = Packed::default().with_address(0, who).with_u64(160, 40, 7);
        assert_eq!((packed.address(0), packed.u64(160, 40)), (who, 7));
    }
}

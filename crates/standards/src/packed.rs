//! Several small integers in one storage slot.
//!
//! A record that is packed by hand reads one word, changes fields in memory and writes one word. Layouts are
//! given as bit offsets from the least significant end; each record documents its own picture.

use alloy_primitives::{Address, U256};

/// One storage word with named bit fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packed(pub U256);

impl Packed {
    /// The unsigned field of `bits` bits at `offset`.
    #[must_use]
    pub fn get(self, offset: usize, bits: usize) -> U256 {
        let shifted = self.0.wrapping_shr(offset);
        if bits >= 256 { shifted } else { shifted & mask(bits) }
    }

    /// The field as a `u64`; `bits` is at most 64.
    #[must_use]
    pub fn u64(self, offset: usize, bits: usize) -> u64 {
        debug_assert!(bits <= 64);
        self.get(offset, bits).as_limbs()[0]
    }

    /// The field as a `u128`; `bits` is at most 128.
    #[must_use]
    pub fn u128(self, offset: usize, bits: usize) -> u128 {
        debug_assert!(bits <= 128);
        let field = self.get(offset, bits);
        let limbs = field.as_limbs();
        u128::from(limbs[0]) | (u128::from(limbs[1]) << 64)
    }

    /// The address at `offset`.
    #[must_use]
    pub fn address(self, offset: usize) -> Address {
        Address::from_slice(&self.get(offset, 160).to_be_bytes::<32>()[12..])
    }

    /// The word with the field replaced. A value that does not fit is cut: check it before.
    #[must_use]
    pub fn with(self, offset: usize, bits: usize, value: U256) -> Self {
        let mask = mask(bits);
        Self((self.0 & !mask.wrapping_shl(offset)) | (value & mask).wrapping_shl(offset))
    }

    /// [`with`](Self::with) for a `u64`.
    #[must_use]
    pub fn with_u64(self, offset: usize, bits: usize, value: u64) -> Self {
        self.with(offset, bits, U256::from(value))
    }

    /// [`with`](Self::with) for a `u128`.
    #[must_use]
    pub fn with_u128(self, offset: usize, bits: usize, value: u128) -> Self {
        self.with(offset, bits, U256::from(value))
    }

    /// [`with`](Self::with) for an address.
    #[must_use]
    pub fn with_address(self, offset: usize, value: Address) -> Self {
        self.with(offset, 160, U256::from_be_slice(value.as_slice()))
    }
}

fn mask(bits: usize) -> U256 {
    if bits >= 256 { U256::MAX } else { U256::ONE.wrapping_shl(bits).wrapping_sub(U256::ONE) }
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

    #[test]
    fn an_address_fits_beside_an_integer() {
        let who = Address::repeat_byte(0xab);
        let packed = Packed::default().with_address(0, who).with_u64(160, 40, 7);
        assert_eq!((packed.address(0), packed.u64(160, 40)), (who, 7));
    }
}

//! How ArbOS finds its slots.
//!
//! The storage of [`super::STATE_ADDRESS`] is a tree of key spaces. A space has a key (the root's is empty); the slot of a
//! 32-byte key inside it is `keccak256(space ‖ key[..31])[..31] ‖ key[31]`, so that 256 neighbours share a prefix. The key
//! of a sub-space is `keccak256(space ‖ id)`.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::hash::BuildHasher;

use alloy_primitives::{B256, Keccak256, U256};

/// A key space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space(Option<B256>);

impl Space {
    /// The space that holds all others.
    pub const ROOT: Self = Self(None);

    /// The sub-space with an id.
    pub fn child(self, id: &[u8]) -> Self {
        Self(Some(self.hash(id)))
    }

    /// The slot of a 32-byte key.
    pub fn slot(self, key: B256) -> U256 {
        let mut slot = [0; 32];
        slot[..31].copy_from_slice(&self.hash(&key[..31])[..31]);
        slot[31] = key[31];
        U256::from_be_bytes(slot)
    }

    /// The slot of a small integer.
    pub fn at(self, offset: u64) -> U256 {
        self.slot(B256::from(U256::from(offset)))
    }

    fn hash(self, rest: &[u8]) -> B256 {
        let mut hasher = Keccak256::new();
        if let Some(key) = self.0 {
            hasher.update(key);
        }
        hasher.update(rest);
        hasher.finalize()
    }
}

/// Something that holds ArbOS's slots. A precompile's view of them charges gas and can run out; others cannot fail.
pub trait Slots {
    /// Why an access failed.
    type Error;
    /// Reads a slot.
    fn read(&mut self, slot: U256) -> Result<U256, Self::Error>;
    /// Writes a slot.
    fn write(&mut self, slot: U256, value: U256) -> Result<(), Self::Error>;
}

impl Slots for BTreeMap<U256, U256> {
    type Error = Infallible;

    fn read(&mut self, slot: U256) -> Result<U256, Infallible> {
        Ok(self.get(&slot).copied().unwrap_or_default())
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Infallible> {
        if value.is_zero() {
            self.remove(&slot);
        } else {
            self.insert(slot, value);
        }
        Ok(())
    }
}

impl<H: BuildHasher> Slots for HashMap<U256, U256, H> {
    type Error = Infallible;

    fn read(&mut self, slot: U256) -> Result<U256, Infallible> {
        Ok(self.get(&slot).copied().unwrap_or_default())
    }

    fn write(&mut self, slot: U256, value: U256) -> Result<(), Infallible> {
        self.insert(slot, value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{b256, keccak256};

    use super::*;

    #[test]
    fn root_slots_are_hashes_of_the_key_with_its_last_byte() {
        let mut expected = keccak256([0; 31]);
        expected[31] = 7;
        assert_eq!(B256::from(Space::ROOT.at(7)), expected);
        // The version of ArbOS lives in the slot that every Arbitrum explorer shows for it.
        assert_eq!(
            B256::from(Space::ROOT.at(0)),
            b256!("15fed0451499512d95f3ec5a41c878b9de55f21878b5b4e190d4667ec709b400")
        );
    }

    #[test]
    fn neighbours_share_a_prefix_until_the_byte_wraps() {
        let space = Space::ROOT.child(&[8]);
        assert_eq!(space.at(0) >> 8, space.at(255) >> 8);
        assert_ne!(space.at(0) >> 8, space.at(256) >> 8);
    }

    #[test]
    fn a_sub_space_is_keyed_by_parent_and_id() {
        let parent = keccak256([8]);
        let child = keccak256([parent.as_slice(), &[1]].concat());
        assert_eq!(Space::ROOT.child(&[8]).child(&[1]), Space(Some(child)));
    }
}

//! Short strings in one storage word.

use alloy_primitives::U256;

use crate::abi::{from_bytes, to_bytes};

/// A string of at most 31 bytes in one word, in the layout in which Solidity keeps a short string: its bytes first,
/// twice their number last.
///
/// The SDK's `StorageString` takes strings of any length and brings a division of 256 bits into the program for it,
/// 10 kB; names do not need that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShortString {
    bytes: [u8; 32],
}

impl ShortString {
    /// Most bytes of one.
    pub const CAPACITY: usize = 31;

    /// The string as one word; `None` where it is too long.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() > Self::CAPACITY {
            return None;
        }
        bytes[..text.len()].copy_from_slice(text);
        bytes[31] = 2 * text.len() as u8;
        Some(Self { bytes })
    }

    /// The string that was [stored](Self::store) as `word`.
    #[must_use]
    pub fn load(word: U256) -> Self {
        Self { bytes: to_bytes(word) }
    }

    /// The word to store.
    #[must_use]
    pub fn store(self) -> U256 {
        from_bytes(&self.bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        let length = usize::from(self.bytes[31] / 2).min(Self::CAPACITY);
        &self.bytes[..length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_string_is_stored_as_solidity_stores_it() {
        let word = ShortString::new(b"abc").unwrap().store();
        let mut expected = [0; 32];
        expected[..3].copy_from_slice(b"abc");
        expected[31] = 6;
        assert_eq!(word.to_be_bytes::<32>(), expected);
    }

    #[test]
    fn what_was_stored_is_loaded_up_to_the_longest() {
        let longest = [b'x'; 31];
        for text in [&b""[..], b"a", b"Palisade USD Coin", &longest] {
            let stored = ShortString::new(text).unwrap().store();
            assert_eq!(ShortString::load(stored).as_bytes(), text);
        }
        assert_eq!(ShortString::new(&[b'x'; 32]), None);
    }
}

//! ABI encoding of arguments of which some are dynamic: bytes, and the arrays of a batch of calls.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, U256};
use stylus_sdk::abi::Bytes;

use crate::abi::{push_bytes, to_bytes};

/// Writes arguments one after another: static ones into the head, dynamic ones behind it.
///
/// What it makes follows a prefix: a function's selector in call data, the topics in a log, nothing in what is
/// hashed.
///
/// ```
/// use alloy_primitives::U256;
/// use standards::encoder::Encoder;
///
/// // abi.encode(7, hex"abcd")
/// let mut encoder = Encoder::new(&[], 2);
/// encoder.word(U256::from(7)).bytes(&[0xab, 0xcd]);
/// assert_eq!(encoder.finish().len(), 4 * 32);
/// ```
#[derive(Debug)]
#[must_use = "finish it"]
pub struct Encoder {
    data: Vec<u8>,
    /// Where the head begins: offsets count from there.
    start: usize,
    /// Where the next argument's word goes.
    next: usize,
}

impl Encoder {
    /// An encoder of `arguments` arguments after `prefix`.
    #[inline(never)]
    pub fn new(prefix: &[u8], arguments: usize) -> Self {
        let start = prefix.len();
        let mut data = vec![0; start + 32 * arguments];
        data[..start].copy_from_slice(prefix);
        Self { data, start, next: start }
    }

    /// A static argument.
    #[inline(never)]
    pub fn word(&mut self, word: U256) -> &mut Self {
        self.data[self.next..self.next + 32].copy_from_slice(&to_bytes(word));
        self.next += 32;
        self
    }

    /// An argument of type `bytes` or `string`.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.offset();
        push_bytes(&mut self.data, bytes);
        self
    }

    /// An argument of type `address[]`.
    pub fn addresses(&mut self, addresses: &[Address]) -> &mut Self {
        self.offset().length(addresses.len());
        for address in addresses {
            self.data.extend_from_slice(address.into_word().as_slice());
        }
        self
    }

    /// An argument of type `uint256[]`.
    pub fn words(&mut self, words: &[U256]) -> &mut Self {
        self.offset().length(words.len());
        for word in words {
            self.data.extend_from_slice(&to_bytes(*word));
        }
        self
    }

    /// An argument of type `bytes[]`.
    pub fn payloads(&mut self, payloads: &[Bytes]) -> &mut Self {
        self.offset().length(payloads.len());
        let start = self.data.len();
        self.data.resize(start + 32 * payloads.len(), 0);
        for (index, payload) in payloads.iter().enumerate() {
            let offset = to_bytes(U256::from(self.data.len() - start));
            self.data[start + 32 * index..start + 32 * (index + 1)].copy_from_slice(&offset);
            push_bytes(&mut self.data, payload);
        }
        self
    }

    /// An argument of type `string[]` that holds `count` empty strings.
    pub fn empty_strings(&mut self, count: usize) -> &mut Self {
        self.offset().length(count);
        for index in 0..count {
            self.length(32 * (count + index));
        }
        self.data.resize(self.data.len() + 32 * count, 0);
        self
    }

    /// The prefix and all arguments.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.data
    }

    fn offset(&mut self) -> &mut Self {
        let offset = U256::from(self.data.len() - self.start);
        self.word(offset)
    }

    fn length(&mut self, length: usize) -> &mut Self {
        self.data.extend_from_slice(&to_bytes(U256::from(length)));
        self
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use alloy_sol_types::SolValue;
    use proptest::{collection::vec, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn everything_is_encoded_as_solidity_would(
            addresses in vec(any::<[u8; 20]>(), 0..4),
            words in vec(any::<[u8; 32]>(), 0..4),
            payloads in vec(vec(any::<u8>(), 0..70), 0..4),
            bytes in vec(any::<u8>(), 0..70),
            word: [u8; 32],
            strings in 0usize..4,
            prefix in vec(any::<u8>(), 0..40),
        ) {
            let addresses: Vec<_> = addresses.into_iter().map(Address::from).collect();
            let words: Vec<_> = words.into_iter().map(U256::from_be_bytes).collect();
            let word = U256::from_be_bytes(word);
            let own: Vec<_> = payloads.iter().cloned().map(Bytes::from).collect();
            let mut encoder = Encoder::new(&prefix, 6);
            encoder.addresses(&addresses).words(&words).word(word).payloads(&own).empty_strings(strings).bytes(&bytes);

            let theirs: Vec<alloy_primitives::Bytes> = payloads.into_iter().map(Into::into).collect();
            let bytes = alloy_primitives::Bytes::from(bytes);
            let encoded = (addresses, words, word, theirs, alloc::vec![String::new(); strings], bytes).abi_encode_params();
            prop_assert_eq!(encoder.finish(), [prefix, encoded].concat());
        }
    }
}

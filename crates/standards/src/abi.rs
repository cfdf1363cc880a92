//! Words, reverts and events in their smallest form.
//!
//! A typed error is declared once with `sol!` (tests decode it by that type) and raised with
//! [`error!`](crate::error): its selector and its words go through one shared function. The same holds for
//! events and [`emit!`](crate::emit). This keeps kilobytes out of large programs, where one encoder for each
//! error and each event would be compiled otherwise.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, I256, U256};
use stylus_sdk::stylus_core::host::RawLogAccess;

/// The result of a fallible contract function.
pub type Result<T, E = Revert> = core::result::Result<T, E>;

/// Revert data: an ABI-encoded Solidity error, or what a callee reverted with.
///
/// A program holds the data of at most one revert at a time, in one place: there the value itself is empty, so that
/// the many `?` on its way out move nothing and drop nothing. That is a tenth of a large program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert(held::Data);

impl Revert {
    /// An error of `selector` with static `words` as its arguments.
    #[inline(never)]
    #[cold]
    #[must_use]
    pub fn new(selector: [u8; 4], words: &[U256]) -> Self {
        Self::raw(encode_call(selector, words))
    }

    /// Data that is revert data already, passed on as it is.
    #[must_use]
    pub fn raw(data: Vec<u8>) -> Self {
        Self(held::Data::hold(data))
    }

    /// The encoded error.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl From<Revert> for Vec<u8> {
    fn from(revert: Revert) -> Self {
        revert.0.take()
    }
}

/// Where revert data is: in the value natively, where tests hold many.
#[cfg(not(target_arch = "wasm32"))]
mod held {
    use alloc::vec::Vec;

    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) struct Data(Vec<u8>);

    impl Data {
        pub(super) const fn hold(data: Vec<u8>) -> Self {
            Self(data)
        }
        pub(super) fn bytes(&self) -> &[u8] {
            &self.0
        }
        pub(super) fn take(self) -> Vec<u8> {
            self.0
        }
    }
}

/// Where revert data is: in one static of a program, which has one thread and one revert at a time.
#[cfg(target_arch = "wasm32")]
mod held {
    use alloc::vec::Vec;
    use core::{cell::UnsafeCell, mem};

    struct Place(UnsafeCell<Vec<u8>>);

    // SAFETY: programs have one thread.
    unsafe impl Sync for Place {}

    static PLACE: Place = Place(UnsafeCell::new(Vec::new()));

    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(super) struct Data(());

    impl Data {
        pub(super) fn hold(data: Vec<u8>) -> Self {
            // SAFETY: one thread, and no reference into the place outlives a call of this module but the one of
            // `bytes`, which borrows the only value there is.
            unsafe { *PLACE.0.get() = data };
            Self(())
        }
        pub(super) fn bytes(&self) -> &[u8] {
            // SAFETY: as in `hold`.
            unsafe { &*PLACE.0.get() }
        }
        pub(super) fn take(self) -> Vec<u8> {
            // SAFETY: as in `hold`.
            mem::take(unsafe { &mut *PLACE.0.get() })
        }
    }
}

impl From<actuary::Overflow> for Revert {
    /// `MathOverflow()`, so that `mul_div_down(a, b, c)?` works in every contract.
    fn from(_: actuary::Overflow) -> Self {
        Self::new(<crate::errors::MathOverflow as alloy_sol_types::SolError>::SELECTOR, &[])
    }
}

/// A selector followed by static words: call data, or revert data.
#[inline(never)]
#[must_use]
pub fn encode_call(selector: [u8; 4], words: &[U256]) -> Vec<u8> {
    let mut data = vec![0; 4 + 32 * words.len()];
    data[..4].copy_from_slice(&selector);
    write_words(&mut data[4..], words);
    data
}

/// Appends the tail of a dynamic `bytes` argument: its length, its bytes, and zeros up to the next word.
///
/// The head's offset word is the caller's: 32 for each word of the head.
#[inline(never)]
pub fn push_bytes(data: &mut Vec<u8>, bytes: &[u8]) {
    data.extend_from_slice(&to_bytes(U256::from(bytes.len())));
    data.extend_from_slice(bytes);
    data.resize(data.len() + bytes.len().wrapping_neg() % 32, 0);
}

/// Writes words one after another.
pub(crate) fn write_words(data: &mut [u8], words: &[U256]) {
    for (chunk, word) in data.chunks_exact_mut(32).zip(words) {
        chunk.copy_from_slice(&to_bytes(*word));
    }
}

/// A word's 32 bytes, the most significant first: limb by limb, where `U256`'s own conversion goes byte by byte.
#[inline(never)]
#[must_use]
pub fn to_bytes(word: U256) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.rchunks_exact_mut(8).zip(word.as_limbs()) {
        chunk.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// The word of 32 bytes, the most significant first.
#[inline(never)]
#[must_use]
pub fn from_bytes(bytes: &[u8; 32]) -> U256 {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.rchunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        *limb = u64::from_be_bytes(eight);
    }
    U256::from_limbs(limbs)
}

/// A value that the ABI encodes as one static word.
pub trait Word {
    /// The value as its 32-byte word.
    fn word(self) -> U256;
}

impl Word for U256 {
    fn word(self) -> U256 {
        self
    }
}
impl Word for I256 {
    fn word(self) -> U256 {
        self.into_raw()
    }
}
impl Word for Address {
    fn word(self) -> U256 {
        from_bytes(&self.into_word().0)
    }
}
impl Word for B256 {
    fn word(self) -> U256 {
        from_bytes(&self.0)
    }
}
impl Word for bool {
    fn word(self) -> U256 {
        U256::from(u8::from(self))
    }
}
macro_rules! unsigned_words {
    ($($int:ty),*) => {$(
        impl Word for $int {
            fn word(self) -> U256 {
                U256::from(self)
            }
        }
    )*};
}
unsigned_words!(u8, u16, u32, u64, u128);

/// Builds a [`Revert`] from a `sol!` error type and its arguments in order; all of them static.
///
/// ```ignore
/// return Err(error!(ERC20InsufficientBalance, sender, balance, needed));
/// ```
#[macro_export]
macro_rules! error {
    ($error:ty $(, $argument:expr)* $(,)?) => {
        $crate::abi::Revert::new(
            <$error as ::alloy_sol_types::SolError>::SELECTOR,
            &[$($crate::abi::Word::word($argument)),*],
        )
    };
}

/// Emits a `sol!` event: indexed values in the first list, the others in the second; all of them static.
///
/// ```ignore
/// emit!(self.vm(), Transfer, [from, to], [value]);
/// ```
#[macro_export]
macro_rules! emit {
    ($vm:expr, $event:ty, [$($topic:expr),* $(,)?], [$($word:expr),* $(,)?]) => {
        $crate::abi::log(
            $vm,
            &[
                <$event as ::alloy_sol_types::SolEvent>::SIGNATURE_HASH,
                $(::alloy_primitives::B256::new($crate::abi::to_bytes($crate::abi::Word::word($topic)))),*
            ],
            &[$($crate::abi::Word::word($word)),*],
        )
    };
}

/// Emits a log of at most four topics and static words.
#[inline(never)]
pub fn log<H: RawLogAccess + ?Sized>(vm: &H, topics: &[B256], words: &[U256]) {
    let mut input = vec![0; 32 * (topics.len() + words.len())];
    let (head, data) = input.split_at_mut(32 * topics.len());
    for (chunk, topic) in head.chunks_exact_mut(32).zip(topics) {
        chunk.copy_from_slice(&topic.0);
    }
    write_words(data, words);
    vm.emit_log(&input, topics.len());
}

/// Emits a log whose last value is dynamic `bytes`, after the static `words`.
#[inline(never)]
pub fn log_bytes<H: RawLogAccess + ?Sized>(vm: &H, topics: &[B256], words: &[U256], bytes: &[u8]) {
    let mut input = Vec::with_capacity(32 * (topics.len() + words.len() + 3) + bytes.len());
    for topic in topics {
        input.extend_from_slice(&topic.0);
    }
    for word in words {
        input.extend_from_slice(&to_bytes(*word));
    }
    input.extend_from_slice(&to_bytes(U256::from(32 * (words.len() + 1))));
    push_bytes(&mut input, bytes);
    vm.emit_log(&input, topics.len());
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, uint};
    use alloy_sol_types::{SolError, SolType, sol};
    use proptest::prelude::*;

    use super::*;

    sol! { error Sample(address who, uint256 amount, bool flag, uint64 time); }

    #[test]
    fn an_error_is_encoded_as_solidity_would() {
        let who = address!("00000000000000000000000000000000000000aa");
        let data = error!(Sample, who, uint!(7_U256), true, 9u64);
        let decoded = Sample::abi_decode(data.data()).unwrap();
        assert_eq!((decoded.who, decoded.amount, decoded.flag, decoded.time), (who, uint!(7_U256), true, 9));
    }

    proptest! {
        #[test]
        fn a_word_and_its_bytes_are_the_same(limbs: [u64; 4]) {
            let word = U256::from_limbs(limbs);
            prop_assert_eq!(to_bytes(word), word.to_be_bytes::<32>());
            prop_assert_eq!(from_bytes(&to_bytes(word)), word);
        }
    }

    #[test]
    fn bytes_are_padded_to_whole_words() {
        for len in [0, 1, 31, 32, 33, 64] {
            let bytes = vec![0xab; len];
            let mut data = encode_call([0; 4], &[uint!(32_U256)])[4..].to_vec();
            push_bytes(&mut data, &bytes);
            assert_eq!(data, <alloy_sol_types::sol_data::Bytes as SolType>::abi_encode(&bytes), "{len}");
        }
    }
}

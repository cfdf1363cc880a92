//! A contract's functions as a table, in its smallest form.
//!
//! The SDK's `#[public]` compiles a decoder and an encoder for every shape of a function's arguments and answer. A
//! program with many functions writes its table with [`routes!`](crate::routes) instead: every argument goes through
//! one shared reader, every answer through one shared encoder, and the selectors come from the Solidity interface
//! itself.
//!
//! ```ignore
//! routes! {
//!     Counter, constructor(owner);
//!     ICounter::addCall => add(amount);
//!     ICounter::totalCall => total();
//! }
//! ```
//!
//! As in Solidity, call data that is too short or holds a value outside its type reverts without data, what follows the
//! arguments is ignored, and no function takes ether. A contract takes ether, without call data, where its table names
//! the method that is told so: `Counter, constructor(owner), receive(take);`.

use alloc::{vec, vec::Vec};

use alloy_primitives::{Address, B256, FixedBytes, U256};
use stylus_sdk::ArbResult;

use crate::{
    abi::{Revert, Word, from_bytes, write_words},
    encoder::Encoder,
    packed::Packed,
    text::ShortString,
};

/// The arguments of a call, read one after another.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    input: &'a [u8],
    /// Where the next one's word is.
    next: usize,
}

impl<'a> Arguments<'a> {
    /// Arguments as they follow the selector.
    #[must_use]
    pub const fn new(input: &'a [u8]) -> Self {
        Self { input, next: 0 }
    }

    /// The next argument; `None` where there is none, or it is not of this type.
    pub fn read<T: Argument<'a>>(&mut self) -> Option<T> {
        T::read(self)
    }

    /// The next word.
    #[inline(never)]
    pub fn word(&mut self) -> Option<U256> {
        let word = word_at(self.input, self.next)?;
        self.next += 32;
        Some(word)
    }

    /// The bytes whose place the next word tells.
    #[inline(never)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let offset = usize::try_from(self.word()?).ok()?;
        let length = usize::try_from(word_at(self.input, offset)?).ok()?;
        self.input.get(offset + 32..)?.get(..length)
    }
}

#[inline(never)]
fn word_at(input: &[u8], offset: usize) -> Option<U256> {
    Some(from_bytes(input.get(offset..)?.first_chunk()?))
}

/// A value that is read from call data.
pub trait Argument<'a>: Sized {
    /// Reads it.
    fn read(arguments: &mut Arguments<'a>) -> Option<Self>;
}

impl<'a> Argument<'a> for U256 {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        arguments.word()
    }
}

impl<'a> Argument<'a> for B256 {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        arguments.word().map(Self::from)
    }
}

impl<'a> Argument<'a> for Address {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        let word = arguments.word()?;
        (word.bit_len() <= 160).then(|| Packed(word).address(0))
    }
}

impl<'a> Argument<'a> for bool {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        match u64::read(arguments)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<'a> Argument<'a> for u64 {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        match arguments.word()?.into_limbs() {
            [low, 0, 0, 0] => Some(low),
            _ => None,
        }
    }
}

impl<'a> Argument<'a> for u128 {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        match arguments.word()?.into_limbs() {
            [low, high, 0, 0] => Some(Self::from(low) | Self::from(high) << 64),
            _ => None,
        }
    }
}

macro_rules! small_arguments {
    ($($int:ty),*) => {$(
        impl<'a> Argument<'a> for $int {
            fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
                u64::read(arguments)?.try_into().ok()
            }
        }
    )*};
}
small_arguments!(u8, u16, u32);

impl<'a> Argument<'a> for FixedBytes<4> {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        let (bytes, padding) =
            <[u8; 32]>::from(B256::read(arguments)?).split_first_chunk().map(|(b, p)| (*b, p == [0; 28]))?;
        padding.then_some(Self(bytes))
    }
}

/// `bytes` or `string`.
impl<'a> Argument<'a> for &'a [u8] {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        arguments.bytes()
    }
}

/// A `uint256[]`, read where it lies in the call data.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(&'a [u8]);

impl Words<'_> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len() / 32
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Iterator for Words<'_> {
    type Item = U256;

    fn next(&mut self) -> Option<U256> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(from_bytes(word))
    }
}

impl<'a> Argument<'a> for Words<'a> {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        let offset = usize::try_from(arguments.word()?).ok()?;
        let length = usize::try_from(word_at(arguments.input, offset)?).ok()?;
        arguments.input.get(offset + 32..)?.get(..length.checked_mul(32)?).map(Self)
    }
}

/// A `bytes[]`. The places of its elements count from where those places are.
impl<'a> Argument<'a> for Vec<&'a [u8]> {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        let offset = usize::try_from(arguments.word()?).ok()?;
        let length = usize::try_from(word_at(arguments.input, offset)?).ok()?;
        let mut elements = Arguments::new(arguments.input.get(offset + 32..)?);
        // Nothing is set aside for elements that have no place.
        (length <= elements.input.len() / 32).then(|| (0..length).map(|_| elements.bytes()).collect())?
    }
}

/// Static words in a row: a struct, or an array.
impl<'a, const N: usize> Argument<'a> for [U256; N] {
    fn read(arguments: &mut Arguments<'a>) -> Option<Self> {
        let mut words = [U256::ZERO; N];
        for word in &mut words {
            *word = arguments.word()?;
        }
        Some(words)
    }
}

/// What a function answers.
pub trait Answer {
    /// Encodes it.
    ///
    /// # Errors
    /// The function's revert data.
    fn answer(self) -> ArbResult;
}

impl<T: Answer> Answer for Result<T, Revert> {
    fn answer(self) -> ArbResult {
        match self {
            Ok(value) => value.answer(),
            Err(revert) => Err(revert.into()),
        }
    }
}

impl<T: Word> Answer for T {
    fn answer(self) -> ArbResult {
        encode(&[self.word()])
    }
}

impl Answer for () {
    fn answer(self) -> ArbResult {
        Ok(vec![])
    }
}

impl<const N: usize> Answer for [U256; N] {
    fn answer(self) -> ArbResult {
        encode(&self)
    }
}

/// An answer that is encoded already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded(pub Vec<u8>);

impl Answer for Encoded {
    fn answer(self) -> ArbResult {
        Ok(self.0)
    }
}

/// A `string`.
impl Answer for ShortString {
    fn answer(self) -> ArbResult {
        let mut encoder = Encoder::new(&[], 1);
        encoder.bytes(self.as_bytes());
        Ok(encoder.finish())
    }
}

macro_rules! tuple_answers {
    ($($name:ident)*) => {
        #[allow(non_snake_case)]
        impl<$($name: Word),*> Answer for ($($name,)*) {
            fn answer(self) -> ArbResult {
                let ($($name,)*) = self;
                encode(&[$($name.word()),*])
            }
        }
    };
}
tuple_answers!(A B);
tuple_answers!(A B C);
tuple_answers!(A B C D);
tuple_answers!(A B C D E);
tuple_answers!(A B C D E F);

#[inline(never)]
#[allow(clippy::unnecessary_wraps)]
fn encode(words: &[U256]) -> ArbResult {
    let mut data = vec![0; 32 * words.len()];
    write_words(&mut data, words);
    Ok(data)
}

/// Revert data for call data that is no call.
#[must_use]
pub const fn malformed() -> Option<ArbResult> {
    Some(Err(Vec::new()))
}

/// Makes a table of functions the router of a contract: selectors by the types of its Solidity interface, methods of
/// its own, and their arguments by name.
#[macro_export]
macro_rules! routes {
    ($contract:ident $(, constructor($($parameter:ident),*))? $(, receive($receive:ident))?
        $(, fallback($fallback:ident))?;
        $($call:ty => $method:ident($($argument:ident),*);)*
    ) => {
        impl<S> ::stylus_sdk::abi::Router<S> for $contract
        where
            S: ::stylus_sdk::stylus_core::storage::TopLevelStorage
                + ::core::borrow::BorrowMut<Self>
                + ::stylus_sdk::stylus_core::ValueDenier
                + ::stylus_sdk::stylus_core::ConstructorGuard,
        {
            type Storage = Self;

            #[inline(always)]
            fn route(storage: &mut S, selector: u32, input: &[u8]) -> Option<::stylus_sdk::ArbResult> {
                $(if selector == const { u32::from_be_bytes(<$call as ::alloy_sol_types::SolCall>::SELECTOR) } {
                    if let Err(paid) = storage.deny_value("") {
                        return Some(Err(paid));
                    }
                    #[allow(unused_mut, unused_variables)]
                    let mut arguments = $crate::dispatch::Arguments::new(input);
                    $(let Some($argument) = arguments.read() else { return $crate::dispatch::malformed() };)*
                    let contract: &mut Self = storage.borrow_mut();
                    return Some($crate::dispatch::Answer::answer(Self::$method(contract $(, $argument)*)));
                })*
                None
            }

            #[inline(always)]
            #[allow(unused_variables)]
            fn receive(storage: &mut S) -> Option<Result<(), ::alloc::vec::Vec<u8>>> {
                $(
                    let contract: &mut Self = storage.borrow_mut();
                    Self::$receive(contract);
                    return Some(Ok(()));
                )?
                #[allow(unreachable_code)]
                None
            }

            #[inline(always)]
            #[allow(unused_variables)]
            fn fallback(storage: &mut S, calldata: &[u8]) -> Option<::stylus_sdk::ArbResult> {
                $(
                    let contract: &mut Self = storage.borrow_mut();
                    return Some(Self::$fallback(contract, calldata));
                )?
                #[allow(unreachable_code)]
                None
            }

            #[inline(always)]
            #[allow(unused_variables)]
            fn constructor(storage: &mut S, input: &[u8]) -> Option<::stylus_sdk::ArbResult> {
                $(
                    if let Err(refused) = storage.deny_value("").and_then(|()| storage.check_constructor_slot()) {
                        return Some(Err(refused));
                    }
                    #[allow(unused_mut)]
                    let mut arguments = $crate::dispatch::Arguments::new(input);
                    $(let Some($parameter) = arguments.read() else { return $crate::dispatch::malformed() };)*
                    let contract: &mut Self = storage.borrow_mut();
                    return Some($crate::dispatch::Answer::answer(Self::constructor(contract $(, $parameter)*)));
                )?
                #[allow(unreachable_code)]
                None
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::SolValue;

    use super::*;

    #[test]
    fn arguments_are_read_in_order_and_as_their_types() {
        let who = Address::repeat_byte(7);
        let data = (U256::MAX, who, true, 9u64, u128::MAX, 250u16, B256::repeat_byte(3)).abi_encode();
        let mut arguments = Arguments::new(&data);
        assert_eq!(arguments.read(), Some(U256::MAX));
        assert_eq!(arguments.read(), Some(who));
        assert_eq!(arguments.read(), Some(true));
        assert_eq!(arguments.read(), Some(9u64));
        assert_eq!(arguments.read(), Some(u128::MAX));
        assert_eq!(arguments.read(), Some(250u8));
        assert_eq!(arguments.read(), Some(B256::repeat_byte(3)));
        assert_eq!(arguments.read::<U256>(), None);
        assert_eq!(Arguments::new(&data[..31]).read::<U256>(), None);
        assert_eq!(Arguments::new(&data[..63]).read::<[U256; 2]>(), None);
        assert_eq!(Arguments::new(&data).read(), Some([U256::MAX, who.word()]));
    }

    #[test]
    fn a_value_outside_its_type_is_refused() {
        let beyond = |bits: usize| (U256::from(1) << bits).abi_encode();
        assert_eq!(Arguments::new(&beyond(160)).read::<Address>(), None);
        assert_eq!(Arguments::new(&beyond(1)).read::<bool>(), None);
        assert_eq!(Arguments::new(&beyond(8)).read::<u8>(), None);
        assert_eq!(Arguments::new(&beyond(16)).read::<u16>(), None);
        assert_eq!(Arguments::new(&beyond(32)).read::<u32>(), None);
        assert_eq!(Arguments::new(&beyond(64)).read::<u64>(), None);
        assert_eq!(Arguments::new(&beyond(128)).read::<u128>(), None);
        assert!(Arguments::new(&beyond(159)).read::<Address>().is_some());
    }

    #[test]
    fn bytes_are_found_where_their_word_says() {
        let data = (U256::from(1), "Palisade".to_owned(), U256::from(2), vec![7u8; 40]).abi_encode_params();
        let mut arguments = Arguments::new(&data);
        assert_eq!(arguments.read(), Some(1u8));
        assert_eq!(arguments.read(), Some(&b"Palisade"[..]));
        assert_eq!(arguments.read(), Some(2u8));
        assert!(arguments.read::<U256>().is_some(), "an array's place is a word like any other");
        // a place or a length beyond the data
        for (offset, length) in [(96, 0), (usize::MAX, 0), (32, 33), (32, usize::MAX)] {
            let words = [U256::from(offset), U256::from(length), U256::ZERO].abi_encode();
            assert_eq!(Arguments::new(&words).read::<&[u8]>(), None, "{offset} {length}");
        }
        let words = [U256::from(32), U256::from(32), U256::ZERO].abi_encode();
        assert_eq!(Arguments::new(&words).read::<&[u8]>(), Some(&[0; 32][..]));
    }

    #[test]
    fn words_are_read_where_they_lie() {
        let words = vec![U256::from(5), U256::MAX, U256::ZERO];
        let data = (words.clone(), U256::from(2)).abi_encode_params();
        let mut arguments = Arguments::new(&data);
        let read: Words<'_> = arguments.read().unwrap();
        assert_eq!((read.len(), read.is_empty()), (3, false));
        assert_eq!(read.collect::<Vec<_>>(), words);
        assert_eq!(arguments.read(), Some(2u8));
        // a place or a length beyond the data
        for (offset, length) in [(96, 0), (usize::MAX, 0), (32, 2), (32, usize::MAX), (32, usize::MAX / 32 + 2)] {
            let words = [U256::from(offset), U256::from(length), U256::ZERO].abi_encode();
            assert!(Arguments::new(&words).read::<Words<'_>>().is_none(), "{offset} {length}");
        }
    }

    #[test]
    fn an_array_of_bytes_is_read_from_where_its_places_are() {
        let blobs = vec![b"Palisade".to_vec(), vec![], vec![7; 70]];
        let encoded: Vec<alloy_primitives::Bytes> = blobs.iter().cloned().map(Into::into).collect();
        let data = (U256::from(5), encoded, U256::from(2)).abi_encode_params();
        let mut arguments = Arguments::new(&data);
        assert_eq!(arguments.read(), Some(5u8));
        let read: Vec<&[u8]> = arguments.read().unwrap();
        assert_eq!(read, blobs);
        assert_eq!(arguments.read(), Some(2u8));
        let none = (Vec::<alloy_primitives::Bytes>::new(),).abi_encode_params();
        assert_eq!(Arguments::new(&none).read(), Some(Vec::<&[u8]>::new()));
        // a place, a count, an element's place or an element's length beyond the data
        for words in [
            [usize::MAX, 0, 0, 0],
            [128, 0, 0, 0],
            [32, 3, 0, 0],
            [32, usize::MAX, 0, 0],
            [32, 1, usize::MAX, 0],
            [32, 1, 64, 0],
            [32, 1, 32, 1],
            [32, 1, 32, usize::MAX],
        ] {
            let words = words.map(U256::from).abi_encode();
            assert!(Arguments::new(&words).read::<Vec<&[u8]>>().is_none(), "{words:?}");
        }
    }

    #[test]
    fn four_bytes_are_on_the_left() {
        let id = FixedBytes([1, 2, 3, 4]);
        assert_eq!(Arguments::new(&id.abi_encode()).read(), Some(id));
        assert_eq!(Arguments::new(&U256::from(1).abi_encode()).read::<FixedBytes<4>>(), None);
    }

    #[test]
    fn a_string_is_encoded_as_solidity_would() {
        let text = ShortString::new(b"Palisade").unwrap();
        assert_eq!(text.answer(), Ok("Palisade".to_owned().abi_encode()));
        assert_eq!(Encoded(vec![1]).answer(), Ok(vec![1]));
    }

    #[test]
    fn answers_are_encoded_as_solidity_would() {
        let who = Address::repeat_byte(7);
        assert_eq!((U256::from(5), who, true).answer(), Ok((U256::from(5), who, true).abi_encode()));
        assert_eq!([U256::from(5), U256::MAX].answer(), Ok([U256::from(5), U256::MAX].abi_encode()));
        assert_eq!(9u8.answer(), Ok(9u16.abi_encode()));
        assert_eq!(().answer(), Ok(vec![]));
        assert_eq!(Ok::<_, Revert>(true).answer(), Ok(true.abi_encode()));
        assert_eq!(Err::<bool, _>(Revert::raw(vec![1, 2])).answer(), Err(vec![1, 2]));
    }
}

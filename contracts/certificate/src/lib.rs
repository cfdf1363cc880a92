//! View: the JSON and the SVG of a policy, as data URIs. It holds nothing and asks nobody.
//!
//! The map: [`card`] draws a [`Face`] into `card.svg` and describes it in `metadata.json`; [`text`] has what they
//! are made of (amounts, dates, names, escapes, base64).
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

pub mod card;
pub mod text;

use alloc::{string::String, vec, vec::Vec};

use alloy_primitives::{Address, B256, U256};
use stylus_sdk::prelude::*;

pub use card::Face;

/// The contract.
#[entrypoint]
#[storage]
pub struct Certificate {}

/// `ICertificate.Face` as the ABI has it.
pub type FaceTuple = (U256, u8, U256, B256, Address, B256, U256, U256, u64, u64, u8, u8, B256);

// The lifetime keeps the SDK from comparing every two selectors at compile time, which takes minutes. That they
// differ is a test.
#[public]
#[allow(clippy::extra_unused_lifetimes)]
impl<'a> Certificate {
    /// A policy's metadata as a data URI: JSON with its picture inside.
    #[selector(name = "tokenURI")]
    pub fn token_uri(face: FaceTuple) -> String {
        text::data_uri("application/json", &Face::from(face).json())
    }

    /// A policy's picture: SVG.
    pub fn svg(face: FaceTuple) -> String {
        Face::from(face).svg()
    }
}

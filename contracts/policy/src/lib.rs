//! The policy NFT: ERC-721 certificates of cover, sold, extended, cancelled and expired.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

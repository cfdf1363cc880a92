//! PALI: ERC-20 with permit and votes by timestamp.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

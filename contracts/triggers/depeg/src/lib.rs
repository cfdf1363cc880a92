//! Depeg trigger: runs of Chainlink rounds below a price.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

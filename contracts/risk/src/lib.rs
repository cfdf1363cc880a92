//! Products, prices, capacity, required capital and open incidents.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

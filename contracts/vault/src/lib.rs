//! The capital pool: ERC-4626 deposits, ERC-7540 redemptions, premiums and payouts.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

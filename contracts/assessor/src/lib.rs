//! Claims: reports, automatic verification and payment.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

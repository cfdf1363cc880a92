//! OpenZeppelin-compatible timelock controller, the owner of every contract.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

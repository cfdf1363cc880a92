//! OpenZeppelin-compatible governor in two programs over one storage.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

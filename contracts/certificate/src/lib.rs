//! View: the JSON and the SVG of a policy.
#![cfg_attr(not(any(test, feature = "export-abi")), no_main)]
extern crate alloc;

//! ERC building blocks as storage structs for Stylus contracts.

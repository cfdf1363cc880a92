//! Chainlink reads with every check.

//! In-process world: runs the real contracts against each other natively.

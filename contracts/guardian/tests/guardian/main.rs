//! The office with the contracts that it is guardian of, each the real one: every function, every error, every role.

mod acts;
mod cancel;
mod interface;
mod limits;
mod office;
mod scene;

//! The policy contract against mocked peers: every function, error and role.

mod administration;
mod cancel;
mod certificates;
mod claims;
mod discovery;
mod erc721;
mod extend;
mod interface;
mod sale;
mod signed;
mod variance;
mod world;

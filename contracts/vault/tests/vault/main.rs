//! The vault against mocked peers: every function, every error, every role, and random histories.

mod administration;
mod allocation;
mod deposits;
mod histories;
mod history;
mod interface;
mod payouts;
mod premiums;
mod redemptions;
mod reentrancy;
mod refunds;
mod scenarios;
mod scene;

//! Rewards over the real vault, policies and token: every function, every error, every role, and random histories.

mod emission;
mod histories;
mod interface;
mod loyalty;
mod odd;
mod owner;
mod redemptions;
mod scene;
mod stakes;

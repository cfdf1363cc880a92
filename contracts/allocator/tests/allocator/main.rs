//! The allocator against strategies of every kind: every function, every error, every role.

mod interface;
mod owner;
mod scene;
mod strategies;

//! The jury with the real token: every function, every error, every role, and every edge of a case.

mod appeals;
mod interface;
mod money;
mod owner;
mod properties;
mod scene;
mod stakes;
mod votes;

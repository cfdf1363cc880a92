//! Claims on the real vault, risk and policy contracts, with a trigger and a jury that say what a test tells them: every
//! stage of an open claim, and every way out of it.

mod disputes;
mod limits;
mod money;
mod world;

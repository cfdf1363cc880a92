//! Empty on purpose: `testkit` is the host that our tests run on, so nothing of the SDK's own test crate is needed.

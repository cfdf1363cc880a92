//! Assessor between peers that do what a test tells them.

mod model;
mod peers;
mod rules;

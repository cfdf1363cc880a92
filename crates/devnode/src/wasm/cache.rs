//! The storage cache of one invocation.
//!
//! Loads and writes of a program meet this cache; only a flush reaches the state. It is never shared: a program that
//! calls itself has two. Nothing flushes it but the program.

use std::collections::HashMap;

use alloy_primitives::U256;

use super::{Fatal, Host, HostError, prices};

/// What the program believes of a slot.
#[derive(Clone, Copy, Debug)]
struct Word {
    value: U256,
    /// What the state holds, where that was read or flushed.
    known: Option<U256>,
}

impl Word {
    /// A write that no read came before is dirty whatever the state holds.
    fn is_dirty(&self) -> bool {
        self.known != Some(self.value)
    }
}

/// Words that a program has loaded or written, in the order of their first touch.
#[derive(Debug, Default)]
pub(super) struct StorageCache {
    order: Vec<U256>,
    words: HashMap<U256, Word>,
    reads: u32,
    writes: u32,
}

/// How a flush ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flush {
    /// Every dirty word is in the state; the gas of all writes.
    Done(u64),
    /// The budget did not suffice.
    OutOfGas,
}

impl StorageCache {
    /// Loads a word; answers it with the gas of the access.
    pub(super) fn load(&mut self, host: &mut dyn Host, key: U256, miss_gas: u64) -> Result<(U256, u64), Fatal> {
        self.reads = self.reads.saturating_add(1);
        let step = match self.reads {
            ..=32 => 0,
            33..=128 => 2,
            _ => 10,
        };
        if let Some(word) = self.words.get(&key) {
            return Ok((word.value, step));
        }
        let loaded = host.sload(key)?;
        self.insert(key, Word { value: loaded.value, known: Some(loaded.value) });
        Ok((loaded.value, step + prices::sload_gas(loaded.cold) + miss_gas))
    }

    /// Writes a word; answers the gas of the access.
    pub(super) fn write(&mut self, key: U256, value: U256) -> u64 {
        self.writes = self.writes.saturating_add(1);
        let step = match self.writes {
            ..=8 => 0,
            9..=64 => 7,
            _ => 10,
        };
        match self.words.get_mut(&key) {
            Some(word) => word.value = value,
            None => self.insert(key, Word { value, known: None }),
        }
        step
    }

    /// Writes dirty words to the state for at most `budget` gas, then forgets everything if `clear`.
    ///
    /// # Errors
    ///
    /// Where the frame is static and there is something to write.
    pub(super) fn flush(
        &mut self,
        host: &mut dyn Host,
        is_static: bool,
        clear: bool,
        budget: u64,
    ) -> Result<Flush, HostError> {
        let mut dirty = Vec::new();
        for key in &self.order {
            let word = self.words.get_mut(key).expect("every key in order has its word");
            if word.is_dirty() {
                word.known = Some(word.value);
                dirty.push((*key, word.value));
            }
        }
        if clear {
            self.order.clear();
            self.words.clear();
        }
        if is_static && !dirty.is_empty() {
            return Err(HostError::Refused("write protection"));
        }
        let mut spent = 0u64;
        for (key, value) in dirty {
            let (gas, refund) = prices::sstore_gas(&host.sstore(key, value)?);
            spent = spent.saturating_add(gas);
            if spent > budget {
                return Ok(Flush::OutOfGas);
            }
            host.refund(refund);
        }
        Ok(Flush::Done(spent))
    }

    fn insert(&mut self, key: U256, word: Word) {
        self.order.push(key);
        self.words.insert(key, word);
    }
}

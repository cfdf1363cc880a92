//! The history of one number: what it was at any time in the past.
//!
//! A [`Trace`] keeps the newest checkpoint in its head, one word with the count beside it, and the older ones two
//! in a word. Reading what is, or what was at a time not before the newest checkpoint, costs one word; a new
//! checkpoint changes the head and every second time fills a new word.

use alloy_primitives::aliases::U160;
use stylus_sdk::{
    prelude::*,
    storage::{StorageMap, StorageU256},
};

use crate::{abi::Result, error, errors::SafeCastOverflowedUintDowncast, packed::Packed};

/// Bits of a checkpoint's time: good until the year 2242.
const TIME_BITS: usize = 33;
/// Bits of a checkpoint's value.
const VALUE_BITS: usize = 95;
/// Bits of a checkpoint: two fill a word.
const BITS: usize = TIME_BITS + VALUE_BITS;
/// Where the head keeps the count.
const COUNT: (usize, usize) = (224, 32);

/// The largest value that a checkpoint holds: 2⁹⁵ − 1, or 39.6 billion units of 18 decimals.
pub const MAX_VALUE: u128 = (1 << VALUE_BITS) - 1;

/// What the number became, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Seconds since 1970.
    pub time: u64,
    /// At most [`MAX_VALUE`].
    pub value: u128,
}

impl Checkpoint {
    /// The checkpoint in the lower (`0`) or upper (`1`) half of a word: `|time 33|value 95|`.
    fn unpack(word: Packed, half: usize) -> Self {
        let offset = half * BITS;
        Self { time: word.u64(offset + VALUE_BITS, TIME_BITS), value: word.u128(offset, VALUE_BITS) }
    }

    fn pack(self, word: Packed, half: usize) -> Packed {
        let offset = half * BITS;
        word.with_u128(offset, VALUE_BITS, self.value).with_u64(offset + VALUE_BITS, TIME_BITS, self.time)
    }
}

/// The history of one number. Two slots, and one word for each two checkpoints but the newest.
///
/// ```text
/// head           |255 count 224|223 0 128|127 time 95|94 value 0|   the newest checkpoint
/// older[i / 2]   |255 checkpoint i + 1 128|127 checkpoint i 0|      i even; oldest first
/// ```
#[storage]
pub struct Trace {
    head: StorageU256,
    older: StorageMap<U160, StorageU256>,
}

impl Trace {
    /// How many checkpoints there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.head().u64(COUNT.0, COUNT.1) as u32
    }

    /// The number as it is; zero where it was never set.
    #[must_use]
    pub fn latest(&self) -> u128 {
        Checkpoint::unpack(self.head(), 0).value
    }

    /// The checkpoint at `index`, the oldest first.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<Checkpoint> {
        let head = self.head();
        match head.u64(COUNT.0, COUNT.1).checked_sub(u64::from(index) + 1)? {
            0 => Some(Checkpoint::unpack(head, 0)),
            _ => Some(self.older(index)),
        }
    }

    /// The number as it was at `time`, after all changes of that second; zero before the first one.
    #[inline(never)]
    #[must_use]
    pub fn at(&self, time: u64) -> u128 {
        let head = self.head();
        let newest = Checkpoint::unpack(head, 0);
        if newest.time <= time {
            return newest.value;
        }
        // Those from `high` on are later than `time`. Steps that double find one that is not, from the newest
        // on, because it is the recent past that is asked for; then halves.
        let mut high = (head.u64(COUNT.0, COUNT.1) as u32).saturating_sub(1);
        let mut step = 1_u32;
        let (mut low, mut found) = loop {
            if high == 0 {
                return 0;
            }
            let probe = high.saturating_sub(step);
            let checkpoint = self.older(probe);
            if checkpoint.time <= time {
                break (probe, checkpoint);
            }
            high = probe;
            step = step.saturating_mul(2);
        };
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            let checkpoint = self.older(middle);
            if checkpoint.time <= time {
                (low, found) = (middle, checkpoint);
            } else {
                high = middle;
            }
        }
        found.value
    }

    /// Sets the number at `time`, which is never before the newest checkpoint's. Changes of one second make one
    /// checkpoint.
    ///
    /// # Errors
    /// `SafeCastOverflowedUintDowncast` for a value above [`MAX_VALUE`].
    #[inline(never)]
    pub fn push(&mut self, time: u64, value: u128) -> Result<()> {
        if value > MAX_VALUE {
            return Err(error!(SafeCastOverflowedUintDowncast, VALUE_BITS as u8, value));
        }
        let mut head = self.head();
        let newest = Checkpoint::unpack(head, 0);
        let count = head.u64(COUNT.0, COUNT.1);
        debug_assert!(time >= newest.time, "time never goes back");
        if count == 0 || newest.time != time {
            if let Some(index) = count.checked_sub(1) {
                let mut slot = self.older.setter(U160::from(index / 2));
                let word = newest.pack(Packed(slot.get()), (index % 2) as usize);
                slot.set(word.0);
            }
            head = head.with_u64(COUNT.0, COUNT.1, count + 1);
        }
        self.head.set(Checkpoint { time, value }.pack(head, 0).0);
        Ok(())
    }

    fn head(&self) -> Packed {
        Packed(self.head.get())
    }

    fn older(&self, index: u32) -> Checkpoint {
        Checkpoint::unpack(Packed(self.older.get(U160::from(index / 2))), (index % 2) as usize)
    }
}

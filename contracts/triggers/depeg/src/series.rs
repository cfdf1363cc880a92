//! The series of rounds: how they follow one another, across phases and past rounds without a price.
//!
//! The front of the series is taken in once, in order ([`Book::check_step`] proves that nothing is left out). What was
//! taken in can be walked again from any checkpoint, so that the cumulative price of any moment is known.

use alloc::vec::Vec;

use alloy_primitives::U256;
use protocol::{
    Result, Revert,
    abi::IDepegTrigger,
    error,
    oracle::{self, Fault, Feed, Round, aggregator_round, phase, round_id},
};
use standards::packed::Packed;
use stylus_sdk::{host::VM, stylus_core::host::MeteringAccess};

use crate::{
    Book,
    course::{Course, Node, price_of},
};

/// Gas that must be left when a round is said not to exist, so that no lack of gas can feign it.
pub(crate) const ABSENCE_GAS: u64 = 400_000;

/// Phases that may begin and end between two rounds.
const MOST_PHASES: u16 = 8;

/// The source tells nothing, or the budget of reads is used up: go on in another call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Halt;

/// Reads rounds of one feed, and remembers those of this call.
pub(crate) struct Source {
    vm: VM,
    feed: Feed,
    seen: Vec<Round>,
    /// Reads that may still be made.
    pub(crate) budget: u32,
}

impl Source {
    pub(crate) fn new(vm: VM, feed: Feed) -> Self {
        Self { vm, feed, seen: Vec::new(), budget: u32::MAX }
    }

    /// The round `id`, read from the feed unless it was read before in this call; unreadable without a budget.
    pub(crate) fn round(&mut self, id: u128) -> Result<Round, Fault> {
        if let Some(round) = self.seen.iter().find(|round| round.id == id) {
            return Ok(*round);
        }
        self.budget = self.budget.checked_sub(1).ok_or(Fault::Unreadable)?;
        oracle::round(&self.vm, &self.feed, id)
    }

    /// Keeps a round for later in this call.
    pub(crate) fn remember(&mut self, round: Round) {
        self.seen.push(round);
    }

    /// Whether the round `id` does not exist. The feed's word for it is a revert, which running out of gas looks
    /// like too: so there must be more of it than any read needs.
    fn is_absent(&mut self, id: u128) -> Result<bool> {
        let left = self.vm.evm_gas_left();
        if left < ABSENCE_GAS {
            return Err(error!(IDepegTrigger::NotEnoughGas, left, ABSENCE_GAS));
        }
        Ok(matches!(oracle::round(&self.vm, &self.feed, id), Err(Fault::Missing | Fault::Unreadable)))
    }
}

/// Whether the series goes on past a round like this: it has no price, and never will.
pub(crate) const fn is_void(fault: Fault) -> bool {
    matches!(fault, Fault::Missing | Fault::Incomplete | Fault::NotPositive | Fault::TooLarge)
}

impl Book {
    /// Proves that no round lies between `from`, the last id walked, and `to`.
    ///
    /// Inside a phase ids count up by one. A new phase is entered where the old one has no further round and no phase
    /// in between has any, at its first round or at one whose predecessor is not newer than the last price: a new
    /// aggregator may have been running before the proxy turned to it.
    ///
    /// # Errors
    /// `RoundsNotConsecutive`; `NotEnoughGas`.
    pub(crate) fn check_step(&mut self, source: &mut Source, last: &Node, from: u128, to: u128) -> Result<()> {
        let expected = from + 1;
        if to == expected {
            return Ok(());
        }
        let broken = |expected: u128| -> Revert {
            error!(IDepegTrigger::RoundsNotConsecutive, U256::from(to), U256::from(expected))
        };
        let (old, new) = (phase(from), phase(to));
        if new <= old || new - old > MOST_PHASES || aggregator_round(to) == 0 || !source.is_absent(expected)? {
            return Err(broken(expected));
        }
        for skipped in old + 1..new {
            let first = round_id(skipped, 1);
            if !source.is_absent(first)? {
                return Err(broken(first));
            }
        }
        if aggregator_round(to) > 1 && !source.round(to - 1).is_ok_and(|before| before.updated_at <= last.time) {
            return Err(broken(to - 1));
        }
        let link = Packed::default().with_u64(0, 64, aggregator_round(from)).with_u128(64, 80, to);
        self.phases.setter(U256::from(old)).set(link.0);
        Ok(())
    }

    /// The id that was walked after `id`, which is before `last`.
    fn id_after(&self, id: u128, last: u128) -> u128 {
        if phase(id) < phase(last) {
            let link = Packed(self.phases.get(U256::from(phase(id))));
            if link.u64(0, 64) == aggregator_round(id) {
                return link.u128(64, 80);
            }
        }
        id + 1
    }

    /// The round that was taken in after `node`; none after the last one.
    ///
    /// # Errors
    /// [`Halt`].
    pub(crate) fn after(&self, source: &mut Source, course: &Course, node: &Node) -> Result<Option<Node>, Halt> {
        let last = course.last.id;
        if node.id >= last {
            return Ok(None);
        }
        let mut id = self.id_after(node.id, last);
        while id < last {
            match source.round(id) {
                Ok(round) if round.updated_at >= node.time => {
                    return Ok(Some(node.followed_by(&round, source.feed.heartbeat)));
                }
                Ok(_) => {}
                Err(fault) if is_void(fault) => {}
                Err(_) => return Err(Halt),
            }
            // Any number of them may have been passed over.
            let beyond = self.gaps.get(U256::from(node.id)).to::<u128>();
            id = if beyond > id { beyond } else { self.id_after(id, last) };
        }
        Ok(Some(course.last))
    }

    /// The node of a round of which the id and the cumulative price are known.
    ///
    /// # Errors
    /// [`Halt`].
    pub(crate) fn node(&self, source: &mut Source, course: &Course, id: u128, cumulative: u128) -> Result<Node, Halt> {
        if id == course.last.id {
            return Ok(course.last);
        }
        let round = source.round(id).map_err(|_| Halt)?;
        Ok(Node { id, time: round.updated_at, price: price_of(&round), cumulative })
    }

    /// The node whose price holds at `time`, which is not before the first round: from the nearest checkpoint before
    /// it, by bisection, and on from there.
    ///
    /// # Errors
    /// [`Halt`].
    pub(crate) fn seek(&self, source: &mut Source, course: &Course, time: u64) -> Result<Node, Halt> {
        if time >= course.last.time {
            return Ok(course.last);
        }
        // The checkpoint at `low` is not after `time`, the one at `high` is.
        let (mut low, mut high) = (0, course.checkpoints);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if self.checkpoint(middle).time <= time {
                low = middle;
            } else {
                high = middle;
            }
        }
        let checkpoint = self.checkpoint(low);
        let mut node = self.node(source, course, checkpoint.id, checkpoint.cumulative)?;
        while let Some(next) = self.after(source, course, &node)? {
            if next.time > time {
                break;
            }
            node = next;
        }
        Ok(node)
    }

    /// A checkpoint, without its price.
    fn checkpoint(&self, index: u64) -> Node {
        Node::unpack_checkpoint(self.checkpoints.get(U256::from(index)))
    }

    /// Makes the last round a checkpoint.
    pub(crate) fn push_checkpoint(&mut self, course: &mut Course) {
        self.checkpoints.setter(U256::from(course.checkpoints)).set(course.last.pack_checkpoint());
        course.checkpoints += 1;
        course.steps = 0;
    }
}

//! Filters that clients poll.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alloy_primitives::U256;
use serde_json::Value;

use super::Answer;
use super::error::RpcError;
use super::types::{self, bytes, quantity};
use crate::chain::{Listener, LogFilter, News, Node};

/// Filters that are kept; the oldest make room for new ones.
const MAX_FILTERS: usize = 1_000;
/// Filters that nobody asks for so long are dropped.
const EXPIRY: Duration = Duration::from_secs(5 * 60);
/// When so much is to be told at once, the rest of the blocks waits until the client asks again.
const MAX_CHANGES: usize = 10_000;
/// Blocks that are looked at together.
const STEP: usize = 256;

/// What a client wants to hear of.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    /// Logs.
    Logs(LogFilter),
    /// Hashes of blocks.
    Blocks,
    /// Hashes of transactions.
    Transactions,
}

#[derive(Debug)]
struct Installed {
    filter: Filter,
    listener: Listener,
    asked: Instant,
}

/// All filters by their id.
#[derive(Debug, Default)]
pub(super) struct Filters {
    installed: BTreeMap<u64, Installed>,
    last: u64,
}

impl Filters {
    pub(super) fn install(&mut self, filter: Filter, node: &Node) -> Answer {
        if let Filter::Logs(filter) = &filter {
            filter.check_live()?;
        }
        let asked = Instant::now();
        self.expire(asked);
        if self.installed.len() == MAX_FILTERS {
            self.installed.pop_first();
        }
        self.last += 1;
        self.installed.insert(self.last, Installed { filter, listener: node.listen(), asked });
        Ok(quantity(self.last))
    }

    pub(super) fn uninstall(&mut self, id: U256) -> bool {
        self.expire(Instant::now());
        u64::try_from(id).is_ok_and(|id| self.installed.remove(&id).is_some())
    }

    pub(super) fn log_filter(&mut self, id: U256) -> Result<LogFilter, RpcError> {
        match &self.find(id)?.filter {
            Filter::Logs(filter) => Ok(filter.clone()),
            _ => Err(not_found()),
        }
    }

    /// What is new since the client asked last.
    pub(super) fn changes(&mut self, id: U256, node: &Node) -> Answer {
        let changes = self.find(id)?.changes(node);
        if changes.is_none() {
            self.uninstall(id);
        }
        changes.map(Value::Array).ok_or_else(not_found)
    }

    fn find(&mut self, id: U256) -> Result<&mut Installed, RpcError> {
        let now = Instant::now();
        self.expire(now);
        let id = u64::try_from(id).ok();
        let found = id.and_then(|id| self.installed.get_mut(&id)).ok_or_else(not_found)?;
        found.asked = now;
        Ok(found)
    }

    fn expire(&mut self, now: Instant) {
        self.installed.retain(|_, filter| now.saturating_duration_since(filter.asked) < EXPIRY);
    }
}

impl Installed {
    /// What is new. `None` if that can no longer be told.
    fn changes(&mut self, node: &Node) -> Option<Vec<Value>> {
        let mut changes = Vec::new();
        match &self.filter {
            Filter::Transactions => {
                changes.extend(node.accepted(&mut self.listener).iter().map(|tx| bytes(tx.hash())));
            }
            Filter::Blocks => {
                while changes.len() < MAX_CHANGES {
                    let news = node.news(&mut self.listener, STEP).ok()?;
                    if news.is_empty() {
                        break;
                    }
                    changes.extend(news.iter().filter_map(|news| match news {
                        News::Added(block) => Some(bytes(block.hash)),
                        News::Removed(_) | News::Back(_) => None,
                    }));
                }
            }
            Filter::Logs(filter) => {
                while changes.len() < MAX_CHANGES {
                    let news = node.news(&mut self.listener, STEP).ok()?;
                    if news.is_empty() {
                        break;
                    }
                    changes.extend(news.iter().flat_map(|news| {
                        match news {
                            News::Added(block) => filter.of_block(block, false),
                            News::Removed(block) => filter.of_block(block, true),
                            News::Back(_) => Vec::new(),
                        }
                        .iter()
                        .map(types::log)
                        .collect::<Vec<_>>()
                    }));
                }
            }
        }
        Some(changes)
    }
}

fn not_found() -> RpcError {
    RpcError::new("filter not found")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn a_filter_that_nobody_asks_for_is_dropped() {
        let node = Node::new(Config::default()).expect("a possible configuration");
        let mut filters = Filters::default();
        for _ in 0..3 {
            filters.install(Filter::Blocks, &node).expect("installed");
        }
        let now = Instant::now();
        for (id, filter) in &mut filters.installed {
            filter.asked = now + Duration::from_secs(*id);
        }
        filters.expire(now + EXPIRY + Duration::from_secs(2));
        assert_eq!(filters.installed.keys().collect::<Vec<_>>(), [&3]);
        assert_eq!(node.listeners(), 1);
    }

    #[test]
    fn the_oldest_filters_make_room() {
        let node = Node::new(Config::default()).expect("a possible configuration");
        let mut filters = Filters::default();
        for _ in 0..MAX_FILTERS + 5 {
            filters.install(Filter::Blocks, &node).expect("installed");
        }
        assert_eq!((filters.installed.len(), node.listeners()), (MAX_FILTERS, MAX_FILTERS));
        assert!(filters.changes(U256::from(5), &node).is_err());
        assert!(filters.changes(U256::from(6), &node).is_ok());
    }
}

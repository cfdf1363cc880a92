//! Filters that clients poll.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use serde_json::Value;

use super::Answer;
use super::error::RpcError;
use super::types::{self, bytes, quantity};
use crate::chain::{BlockRef, LogFilter, LogRange, Node};

/// Filters that are kept; the oldest make room for new ones.
const MAX_FILTERS: usize = 1_000;

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

/// All filters, each with the number of the first block that its client has not heard of.
#[derive(Debug, Default)]
pub(super) struct Filters {
    installed: BTreeMap<u64, (Filter, u64)>,
    last: u64,
}

impl Filters {
    pub(super) fn install(&mut self, filter: Filter, node: &Node) -> Answer {
        if self.installed.len() == MAX_FILTERS {
            self.installed.pop_first();
        }
        self.last += 1;
        self.installed.insert(self.last, (filter, node.block_number() + 1));
        Ok(quantity(self.last))
    }

    pub(super) fn uninstall(&mut self, id: U256) -> bool {
        u64::try_from(id).is_ok_and(|id| self.installed.remove(&id).is_some())
    }

    pub(super) fn log_filter(&mut self, id: U256) -> Result<LogFilter, RpcError> {
        match self.find(id)? {
            (Filter::Logs(filter), _) => Ok(filter.clone()),
            _ => Err(RpcError::new("filter not found")),
        }
    }

    /// What is new since the client asked last.
    pub(super) fn changes(&mut self, id: U256, node: &Node) -> Answer {
        let (filter, next) = self.find(id)?;
        let head = node.block_number();
        // After a revert the chain may be shorter than what the client knows.
        let first = (*next).min(head + 1);
        let blocks = || (first..=head).filter_map(|number| node.block(&BlockRef::Number(number)));
        let changes = match filter {
            Filter::Logs(filter) => {
                let last = match &filter.blocks {
                    LogRange::Numbers(_, BlockRef::Number(to)) => head.min(*to),
                    _ => head,
                };
                node.logs_between(filter, first, last)?.iter().map(types::log).collect()
            }
            Filter::Blocks => blocks().map(|block| bytes(block.hash)).collect(),
            Filter::Transactions => {
                let hashes = |block: std::sync::Arc<crate::chain::Block>| {
                    block.transactions.iter().map(|mined| bytes(mined.tx.hash())).collect::<Vec<Value>>()
                };
                blocks().flat_map(hashes).collect()
            }
        };
        *next = head + 1;
        Ok(changes)
    }

    fn find(&mut self, id: U256) -> Result<&mut (Filter, u64), RpcError> {
        let id = u64::try_from(id).ok();
        id.and_then(|id| self.installed.get_mut(&id)).ok_or_else(|| RpcError::new("filter not found"))
    }
}

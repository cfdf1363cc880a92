//! What happens to the chain, for those who listen.
//!
//! Nothing is sent to a listener: it is woken, and then looks for itself what is new since it looked last. What it has
//! not seen yet is not kept twice therefore, however slow it is; only what the chain itself forgets (removed blocks,
//! accepted transactions) is kept for it, and of that no more than a bounded number.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Block, Node, Transaction};

/// Reverts that are kept for those who have not heard of them.
const MAX_REVERTS: usize = 256;
/// Accepted transactions that are kept for those who have not heard of them.
const MAX_ACCEPTED: usize = 8_192;

/// A change of the chain.
#[derive(Clone, Debug)]
pub enum News {
    /// A block came on top.
    Added(Arc<Block>),
    /// A block that was heard of is no longer part of the chain.
    Removed(Arc<Block>),
    /// After removed blocks: the chain goes on from this one.
    Back(Arc<Block>),
}

/// So many reverts came since it looked last that it cannot be told what it missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_REVERTS} reverts since the chain was looked at last")]
pub struct Missed;

/// Someone who wants to hear what happens to a chain; made by [`Node::listen`].
#[derive(Debug)]
pub struct Listener {
    changed: watch::Receiver<()>,
    /// Number of the first block that was not heard of.
    next: u64,
    reverts: u64,
    accepted: u64,
}

impl Listener {
    /// Waits until something happens. False: the chain is gone.
    pub async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }
}

/// The latest of a series.
#[derive(Debug)]
struct Recent<T> {
    items: VecDeque<T>,
    total: u64,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { items: VecDeque::new(), total: 0 }
    }
}

impl<T> Recent<T> {
    /// Adds one and keeps the last `most`.
    fn push(&mut self, item: T, most: usize) {
        self.total += 1;
        self.items.push_back(item);
        while self.items.len() > most {
            self.items.pop_front();
        }
    }

    /// How many of those after the first `seen` are no longer there, and the rest.
    fn since(&self, seen: u64) -> (u64, impl Iterator<Item = &T>) {
        let first = self.total - self.items.len() as u64;
        (first.saturating_sub(seen), self.items.iter().skip(seen.saturating_sub(first) as usize))
    }
}

/// The part of the chain that tells.
#[derive(Debug, Default)]
pub(super) struct Events {
    changed: watch::Sender<()>,
    reverts: Recent<Vec<Arc<Block>>>,
    accepted: Recent<Transaction>,
}

impl Events {
    /// A block came on top.
    pub(super) fn added(&self) {
        self.changed.send_replace(());
    }

    /// These blocks, in order, are no longer part of the chain.
    pub(super) fn removed(&mut self, blocks: Vec<Arc<Block>>) {
        if !blocks.is_empty() {
            let kept = self.kept(MAX_REVERTS);
            self.reverts.push(blocks, kept);
            self.changed.send_replace(());
        }
    }

    /// A transaction was accepted.
    pub(super) fn accepted(&mut self, tx: Transaction) {
        let kept = self.kept(MAX_ACCEPTED);
        self.accepted.push(tx, kept);
        self.changed.send_replace(());
    }

    /// `most`, or nothing as long as nobody listens.
    fn kept(&self, most: usize) -> usize {
        if self.changed.receiver_count() == 0 { 0 } else { most }
    }
}

impl Node {
    /// Begins to listen: to what happens from now on.
    pub fn listen(&self) -> Listener {
        let chain = self.chain.read();
        Listener {
            changed: chain.events.changed.subscribe(),
            next: chain.head().header.number + 1,
            reverts: chain.events.reverts.total,
            accepted: chain.events.accepted.total,
        }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.chain.read().events.changed.receiver_count()
    }

    /// What happened to the chain since `listener` asked last, in order; of new blocks no more than `most`: the rest
    /// comes when it asks again.
    ///
    /// # Errors
    ///
    /// [`Missed`] by one that did not ask for very long.
    pub fn news(&self, listener: &mut Listener, most: usize) -> Result<Vec<News>, Missed> {
        let chain = self.chain.read();
        let (missed, reverts) = chain.events.reverts.since(listener.reverts);
        if missed > 0 {
            return Err(Missed);
        }
        let mut news = Vec::new();
        for removed in reverts {
            news.extend(removed.iter().filter(|block| block.header.number < listener.next).cloned().map(News::Removed));
            let first = removed.first().map_or(u64::MAX, |block| block.header.number);
            listener.next = listener.next.min(first);
        }
        listener.reverts = chain.events.reverts.total;
        if !news.is_empty() {
            // where that block is forgotten, the chain goes on from none that could be named
            news.extend(chain.blocks.get(listener.next - 1).cloned().map(News::Back));
        }
        let added: Vec<_> = chain.blocks.since(listener.next).take(most).cloned().collect();
        listener.next = added.last().map_or(listener.next, |block| block.header.number + 1);
        news.extend(added.into_iter().map(News::Added));
        Ok(news)
    }

    /// Transactions that were accepted since `listener` asked last. One that did not ask for very long hears of the
    /// latest only.
    pub fn accepted(&self, listener: &mut Listener) -> Vec<Transaction> {
        let chain = self.chain.read();
        let (_, accepted) = chain.events.accepted.since(listener.accepted);
        let accepted = accepted.cloned().collect();
        listener.accepted = chain.events.accepted.total;
        accepted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn told(node: &Node, listener: &mut Listener) -> Vec<(char, u64)> {
        let news = node.news(listener, usize::MAX).expect("nothing missed");
        let tell = |news: News| match news {
            News::Added(block) => ('+', block.header.number),
            News::Removed(block) => ('-', block.header.number),
            News::Back(block) => ('=', block.header.number),
        };
        news.into_iter().map(tell).collect()
    }

    fn node() -> Node {
        Node::new(Config::default()).expect("a possible configuration")
    }

    #[test]
    fn a_listener_hears_of_each_block_once() {
        let node = node();
        node.mine(2, 0).expect("mined");
        let mut listener = node.listen();
        assert_eq!(told(&node, &mut listener), []);
        node.mine(3, 0).expect("mined");
        assert_eq!(node.news(&mut listener, 2).expect("nothing missed").len(), 2);
        assert_eq!(told(&node, &mut listener), [('+', 5)]);
        assert_eq!(told(&node, &mut listener), []);
    }

    #[test]
    fn a_listener_hears_of_removed_blocks_if_it_knew_them() {
        let node = node();
        let mut listener = node.listen();
        node.mine(1, 0).expect("mined");
        let (first, second) = (node.snapshot(), node.snapshot());
        node.mine(2, 0).expect("mined");
        assert_eq!(told(&node, &mut listener), [('+', 1), ('+', 2), ('+', 3)]);
        // One more that it does not hear of before it is gone again.
        node.mine(1, 0).expect("mined");
        assert!(node.revert(second));
        node.mine(1, 0).expect("mined");
        assert!(node.revert(first));
        node.mine(3, 0).expect("mined");
        assert_eq!(told(&node, &mut listener), [('-', 2), ('-', 3), ('=', 1), ('+', 2), ('+', 3), ('+', 4)]);
    }

    #[test]
    fn what_nobody_hears_is_not_kept() {
        let node = node();
        let undo = |node: &Node| {
            let snapshot = node.snapshot();
            node.mine(1, 0).expect("mined");
            assert!(node.revert(snapshot));
        };
        undo(&node);
        assert_eq!(node.chain.read().events.reverts.items.len(), 0);
        let mut listener = node.listen();
        for _ in 0..MAX_REVERTS {
            undo(&node);
        }
        assert_eq!(told(&node, &mut listener), []);
        for _ in 0..=MAX_REVERTS {
            undo(&node);
        }
        assert_eq!(node.chain.read().events.reverts.items.len(), MAX_REVERTS);
        assert_eq!(node.news(&mut listener, 1).unwrap_err(), Missed);
        drop(listener);
        undo(&node);
        assert_eq!(node.chain.read().events.reverts.items.len(), 0);
        assert_eq!(node.listeners(), 0);
    }
}

//! Subscriptions: a WebSocket client is told what happens as it happens.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use jsonrpsee::server::{
    Extensions, IdProvider, PendingSubscriptionSink, RpcModule, SubscriptionMessage, SubscriptionSink,
};
use jsonrpsee::types::SubscriptionId;
use serde_json::Value;

use super::Api;
use super::connection::Connection;
use super::error::RpcError;
use super::params::Params;
use super::types::{self, bytes};
use crate::chain::{Listener, LogFilter, Missed, News, Node};

/// Most subscriptions of a connection.
pub(super) const MAX_SUBSCRIPTIONS: u32 = 100;
/// Blocks that are looked at together.
const STEP: usize = 64;

/// Ids as geth makes them: random numbers in hex, so that clients find text where they expect it.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomState);

impl IdProvider for Ids {
    fn next_id(&self) -> SubscriptionId<'static> {
        let random = || RandomState::new().build_hasher().finish() ^ self.0.build_hasher().finish();
        format!("{:#x}", (u128::from(random()) << 64) | u128::from(random())).into()
    }
}

/// What a client wants to be told.
#[derive(Clone, Debug)]
enum Topic {
    /// Headers of new blocks.
    Heads,
    /// Logs, and logs that are no longer there.
    Logs(LogFilter),
    /// Accepted transactions: their hashes, or all of them.
    Transactions { full: bool },
}

impl Topic {
    fn of(params: &Params) -> Result<Self, RpcError> {
        let name = params.get(0).and_then(Value::as_str);
        let name = name.ok_or_else(|| RpcError::invalid("expected subscription name as first argument"))?;
        match name {
            "newHeads" => {
                params.expect(1, 1)?;
                Ok(Self::Heads)
            }
            "logs" => {
                params.expect(2, 2)?;
                let filter = params.log_filter(1)?;
                filter.check_live()?;
                Ok(Self::Logs(filter))
            }
            "newPendingTransactions" => {
                params.expect(1, 2)?;
                Ok(Self::Transactions { full: params.flag(1)? })
            }
            other => {
                let name: String = other.chars().take(64).collect();
                let message = format!("no {name:?} subscription in eth namespace");
                Err(RpcError { code: -32601, message, data: None })
            }
        }
    }

    /// What is to be told now. Empty: nothing is new.
    fn news(&self, node: &Node, listener: &mut Listener) -> Result<Option<Vec<Value>>, Missed> {
        if let Self::Transactions { full } = self {
            let accepted = node.accepted(listener);
            let tell = |tx| if *full { types::transaction(tx, None) } else { bytes(tx.hash()) };
            return Ok((!accepted.is_empty()).then(|| accepted.iter().map(tell).collect()));
        }
        let news = node.news(listener, STEP)?;
        let told = news.iter().flat_map(|news| match (self, news) {
            // After a reorganisation the new latest block is told, as any other.
            (Self::Heads, News::Added(block) | News::Back(block)) => vec![types::header(block)],
            (Self::Logs(filter), News::Added(block)) => logs(filter, block, false),
            (Self::Logs(filter), News::Removed(block)) => logs(filter, block, true),
            _ => Vec::new(),
        });
        Ok((!news.is_empty()).then(|| told.collect()))
    }
}

fn logs(filter: &LogFilter, block: &crate::chain::Block, removed: bool) -> Vec<Value> {
    filter.of_block(block, removed).iter().map(types::log).collect()
}

/// The methods that need a connection which stays open.
pub(super) fn methods(api: Arc<Api>) -> RpcModule<Api> {
    let mut module = RpcModule::from_arc(api);
    module
        .register_subscription(
            "eth_subscribe",
            "eth_subscription",
            "eth_unsubscribe",
            |params, pending, api, extensions| async move {
                let params = params.as_str().map(serde_json::from_str).transpose();
                let params = params.map_err(|error| RpcError::invalid(error.to_string()));
                match params.and_then(|params| Topic::of(&Params::new(params.unwrap_or_default())?)) {
                    Ok(topic) => serve(topic, pending, api, &extensions).await,
                    Err(error) => pending.reject(error).await,
                }
            },
        )
        .expect("the names are not taken");
    module
}

async fn serve(topic: Topic, pending: PendingSubscriptionSink, api: Arc<Api>, extensions: &Extensions) {
    // From here on, whatever comes before the client knows that it has subscribed.
    let listener = api.node().listen();
    let Ok(sink) = pending.accept().await else { return };
    let told = tell(topic, listener, &sink, api.node()).await;
    // It would never learn what it missed: let it begin anew.
    if told.is_err()
        && let Some(connection) = extensions.get::<Arc<Connection>>()
    {
        connection.cut();
    }
}

/// Tells what happens until nobody wants to know it any more.
async fn tell(topic: Topic, mut listener: Listener, sink: &SubscriptionSink, node: &Arc<Node>) -> Result<(), Missed> {
    let topic = Arc::new(topic);
    loop {
        let news;
        // While a transaction is executed, looking has to wait: not on a thread that others need.
        if node.is_busy() {
            let (node, topic) = (node.clone(), topic.clone());
            let looked = tokio::task::spawn_blocking(move || (topic.news(&node, &mut listener), listener)).await;
            let Ok(looked) = looked else { return Ok(()) };
            (news, listener) = looked;
        } else {
            news = topic.news(node, &mut listener);
        }
        let Some(news) = news? else {
            tokio::select! {
                () = sink.closed() => return Ok(()),
                alive = listener.changed() => if alive { continue } else { return Ok(()) },
            }
        };
        for one in news {
            let message = SubscriptionMessage::new(sink.method_name(), sink.subscription_id(), &one);
            let Ok(message) = message else { return Ok(()) };
            // Waits as long as the client is slow: what it has not heard of yet is on the chain, not here.
            if sink.send(message).await.is_err() {
                return Ok(());
            }
        }
    }
}

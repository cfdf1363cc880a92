//! The HTTP server.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use jsonrpsee::server::middleware::rpc::{
    Batch, BatchEntry, MethodResponse, Notification, RpcServiceBuilder, RpcServiceT,
};
use jsonrpsee::server::{
    BatchRequestConfig, BatchResponseBuilder, Methods, ResponsePayload, Server, ServerConfig, ServerHandle,
};
use jsonrpsee::types::{ErrorObject, Request};
use serde_json::Value;

use super::error::RpcError;
use super::{Answer, Api};
use crate::chain::{ConfigError, Node};
use crate::config::Config;

/// Largest request, in bytes.
const MAX_REQUEST: u32 = 10 << 20;
/// Largest answer, in bytes: traces are long.
const MAX_RESPONSE: u32 = 128 << 20;
/// Most requests in a batch.
const MAX_BATCH: u32 = 1_000;
/// Most connections at once.
const MAX_CONNECTIONS: u32 = 512;

/// Why a node cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration asks for what this node cannot do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Others could reach that address.
    #[error("refusing to listen on {0}: whoever reaches it commands the chain; allow remote access if that is meant")]
    Remote(IpAddr),
    /// Something else listens there.
    #[error("{0} is in use already: stop what listens there or choose another port (0 picks a free one)")]
    Busy(SocketAddr),
    /// The system does not let us listen there.
    #[error("cannot listen on {address}: {error}")]
    Io {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
}

/// A node that is being served. Dropping it stops the server.
#[derive(Debug)]
pub struct Handle {
    address: SocketAddr,
    api: Arc<Api>,
    server: ServerHandle,
}

impl Handle {
    /// Where clients reach it, for example `http://127.0.0.1:8547`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Address and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The chain behind it.
    pub fn node(&self) -> &Arc<Node> {
        self.api.node()
    }

    /// The methods, without the detour over the network.
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// Stops the server and waits until it has.
    pub async fn stop(self) {
        // An error means that it has stopped already.
        let _ = self.server.stop();
        self.server.stopped().await;
    }

    /// Waits until the server stops.
    pub async fn stopped(self) {
        self.server.stopped().await;
    }
}

/// Makes a fresh chain and serves it over HTTP.
///
/// # Errors
///
/// The configuration is impossible, or its address cannot be bound.
pub async fn serve(config: Config) -> Result<Handle, ServeError> {
    if !config.host.is_loopback() && !config.allow_remote {
        return Err(ServeError::Remote(config.host));
    }
    let wanted = SocketAddr::new(config.host, config.port);
    let api = Arc::new(Api::new(Arc::new(Node::new(config)?)));
    let limits = ServerConfig::builder()
        .http_only()
        .max_request_body_size(MAX_REQUEST)
        .max_response_body_size(MAX_RESPONSE)
        .max_connections(MAX_CONNECTIONS)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_BATCH))
        .build();
    let service = api.clone();
    let middleware = RpcServiceBuilder::new().layer_fn(move |_| Service { api: service.clone() });
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::Busy(wanted),
        _ => ServeError::Io { address: wanted, error },
    };
    let server =
        Server::builder().set_config(limits).set_rpc_middleware(middleware).build(wanted).await.map_err(failed)?;
    let address = server.local_addr().map_err(failed)?;
    Ok(Handle { address, api, server: server.start(Methods::new()) })
}

/// Answers every request by [`Api::request`], off the threads that carry connections.
#[derive(Clone)]
struct Service {
    api: Arc<Api>,
}

impl Service {
    async fn answer(&self, request: Request<'_>) -> MethodResponse {
        let api = self.api.clone();
        let method = request.method.into_owned();
        let params = request.params.map(|params| params.into_owned());
        let work = move || -> Answer {
            let params = match &params {
                Some(params) => {
                    serde_json::from_str(params.get()).map_err(|error| RpcError::invalid(error.to_string()))?
                }
                None => Value::Null,
            };
            api.request(&method, params)
        };
        let answer = tokio::task::spawn_blocking(work).await;
        match answer
            .unwrap_or_else(|_| Err(RpcError { code: -32603, message: "internal error".to_owned(), data: None }))
        {
            Ok(value) => MethodResponse::response(request.id, ResponsePayload::success(value), MAX_RESPONSE as usize),
            Err(error) => MethodResponse::error(request.id, ErrorObject::owned(error.code, error.message, error.data)),
        }
    }
}

impl RpcServiceT for Service {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move { service.answer(request).await }
    }

    fn batch<'a>(&self, requests: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let mut answers = BatchResponseBuilder::new_with_limit(MAX_RESPONSE as usize);
            let mut notified = false;
            for request in requests {
                let answer = match request {
                    Ok(BatchEntry::Call(request)) => service.answer(request).await,
                    Ok(BatchEntry::Notification(_)) => {
                        notified = true;
                        continue;
                    }
                    Err(malformed) => {
                        let (error, id) = malformed.into_parts();
                        MethodResponse::error(id, error)
                    }
                };
                if let Err(too_long) = answers.append(answer) {
                    return too_long;
                }
            }
            if answers.is_empty() && notified {
                return MethodResponse::notification();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(&self, notification: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        std::future::ready(MethodResponse::notification().with_extensions(notification.extensions))
    }
}

//! The server: HTTP and WebSocket on one port.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jsonrpsee::core::BoxError;
use jsonrpsee::server::middleware::rpc::{
    Batch, BatchEntry, MethodResponse, Notification, RpcService, RpcServiceBuilder, RpcServiceT,
};
use jsonrpsee::server::{
    BatchRequestConfig, BatchResponseBuilder, HttpBody, HttpRequest, HttpResponse, Methods, ResponsePayload, Server,
    ServerConfig, ServerHandle, StopHandle, serve_with_graceful_shutdown, stop_channel, ws,
};
use jsonrpsee::types::error::{INVALID_REQUEST_CODE, METHOD_NOT_FOUND_CODE};
use jsonrpsee::types::{ErrorObject, Id, Request};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::Layer;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

use super::connection::{Connection, Io};
use super::error::RpcError;
use super::hosts::Hosts;
use super::subscriptions::{self, MAX_SUBSCRIPTIONS};
use super::{Answer, Api};
use crate::chain::{ConfigError, Node};
use crate::config::Config;

/// Largest request, in bytes.
const MAX_REQUEST: u32 = 10 << 20;
/// Largest answer, in bytes: traces are long.
const MAX_RESPONSE: u32 = 128 << 20;
/// Most requests in a batch.
const MAX_BATCH: usize = 1_000;
/// Longer batches are not even taken apart. As many well-formed requests do not fit into a message.
const MAX_PARSED_BATCH: u32 = 262_144;
/// Most connections at once. Who comes then waits until another one goes.
const MAX_CONNECTIONS: usize = 512;
/// Answers and notifications that wait for the client of a connection to read them.
const MAX_WAITING: u32 = 64;
/// Most requests that are worked on at once, besides those that change the chain: these run one after the other.
const MAX_READERS: usize = 64;
/// How long one who works on a request may be at it when the server stops.
const GRACE: Duration = Duration::from_millis(500);

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

    /// Stops the server and waits until it has: at most about half a second, whatever its clients do.
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

/// How the server treats those whom it serves.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// How long a client may read nothing of what it is sent.
    patience: Duration,
    /// How long a call may take, as Nitro's `rpc.evm-timeout`.
    call: Duration,
    /// How long anything else that only reads may take: estimates, traces.
    read: Duration,
}

impl Default for Manners {
    fn default() -> Self {
        Self { patience: Duration::from_secs(10), call: Duration::from_secs(5), read: Duration::from_secs(60) }
    }
}

/// Makes a chain and serves it: JSON-RPC over HTTP and WebSocket, on one port.
///
/// # Errors
///
/// The configuration is impossible, or its address cannot be bound.
pub async fn serve(config: Config) -> Result<Handle, ServeError> {
    serve_node(Arc::new(Node::new(config)?)).await
}

/// Serves a chain where its configuration says.
///
/// # Errors
///
/// The address cannot be bound.
pub async fn serve_node(node: Arc<Node>) -> Result<Handle, ServeError> {
    let answer = |api: &Api, method: &str, params: Value| api.request(method, params);
    serve_with(node, Manners::default(), answer).await
}

/// What answers a request.
type Answerer = fn(&Api, &str, Value) -> Answer;

async fn serve_with(node: Arc<Node>, manners: Manners, answer: Answerer) -> Result<Handle, ServeError> {
    let config = node.config();
    if !config.host.is_loopback() && !config.allow_remote {
        return Err(ServeError::Remote(config.host));
    }
    let wanted = SocketAddr::new(config.host, config.port);
    let hosts = Arc::new(Hosts::new(config));
    let api = Arc::new(Api::new(node));
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::Busy(wanted),
        _ => ServeError::Io { address: wanted, error },
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (stop, server) = stop_channel();
    let work = Arc::new(Work {
        api: api.clone(),
        answer,
        manners,
        readers: Arc::new(Semaphore::new(MAX_READERS)),
        writer: Arc::new(Semaphore::new(1)),
    });
    tokio::spawn(accept(listener, work, hosts, stop));
    Ok(Handle { address, api, server })
}

/// Serves all who connect until `stop` says so.
async fn accept(listener: TcpListener, work: Arc<Work>, hosts: Arc<Hosts>, stop: StopHandle) {
    let limits = ServerConfig::builder()
        .max_request_body_size(MAX_REQUEST)
        .max_response_body_size(MAX_RESPONSE)
        .max_connections(MAX_CONNECTIONS as u32)
        .max_subscriptions_per_connection(MAX_SUBSCRIPTIONS)
        .set_message_buffer_capacity(MAX_WAITING)
        .set_batch_request_config(BatchRequestConfig::Limit(MAX_PARSED_BATCH))
        .set_id_provider(subscriptions::Ids::default())
        .build();
    let methods: Methods = subscriptions::methods(work.api.clone()).into();
    let layer = work.clone();
    let middleware = RpcServiceBuilder::new().layer_fn(move |inner| Service { inner, work: layer.clone() });
    let builder = Server::builder().set_config(limits).set_rpc_middleware(middleware).to_service_builder();
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(Any)
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(true)
        .max_age(Duration::from_secs(24 * 60 * 60));
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (cut, all) = watch::channel(false);
    let stopped = stop.clone().shutdown();
    tokio::pin!(stopped);
    loop {
        let place = tokio::select! {
            () = &mut stopped => break,
            place = places.clone().acquire_owned() => place.expect("never closed"),
        };
        let accepted = tokio::select! {
            () = &mut stopped => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // Too many open files, for example: that passes.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Without it answers wait for each other; a connection that refuses it is served all the same.
        let _ = stream.set_nodelay(true);
        let connection = Connection::new();
        let io = Io::new(stream, connection.clone(), work.manners.patience, &all, place);
        let inner = builder.clone().build(methods.clone(), stop.clone());
        let front = cors.layer(Front { inner, hosts: hosts.clone(), api: work.api.clone(), connection });
        let stopped = stop.clone().shutdown();
        // An error is the end of that connection alone.
        tokio::spawn(async move { drop(serve_with_graceful_shutdown(io, front, stopped).await) });
    }
    // What lingers is cut off; nobody waits for this task.
    drop((listener, stop));
    tokio::time::sleep(GRACE).await;
    cut.send_replace(true);
}

/// What comes before JSON-RPC: who may ask, and what a browser is shown.
#[derive(Clone)]
struct Front<S> {
    inner: S,
    hosts: Arc<Hosts>,
    api: Arc<Api>,
    connection: Arc<Connection>,
}

impl<S> Front<S> {
    /// The first host that a request names and that is not allowed.
    fn foreign_host<B>(&self, request: &HttpRequest<B>) -> Option<String> {
        let named = request.headers().get_all("host").iter().map(|host| String::from_utf8_lossy(host.as_bytes()));
        let target = request.uri().authority().map(|authority| authority.as_str().into());
        named.chain(target).find(|host| !self.hosts.allow(host)).map(|host| host.chars().take(255).collect())
    }

    fn greeting(&self) -> String {
        let (node, version) = (self.api.node(), env!("CARGO_PKG_VERSION"));
        let chain = node.config().chain_id;
        format!("devnode {version} is up, chain {chain}: JSON-RPC by POST or WebSocket\n")
    }
}

fn plain(status: u16, text: String) -> HttpResponse {
    let response = HttpResponse::builder().status(status).header("content-type", "text/plain; charset=utf-8");
    response.body(HttpBody::from(text)).expect("a status and a header that are known to be right")
}

type Served = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

impl<S, B> tower::Service<HttpRequest<B>> for Front<S>
where
    S: tower::Service<HttpRequest<B>, Response = HttpResponse, Error = BoxError, Future = Served>,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Served;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Served {
        if let Some(host) = self.foreign_host(&request) {
            let text = format!("host {host:?} is not allowed: call this node by localhost, or allow that host\n");
            return Box::pin(std::future::ready(Ok(plain(403, text))));
        }
        if ws::is_upgrade_request(&request) {
            request.extensions_mut().insert(self.connection.clone());
        } else if request.method() == "GET" || request.method() == "HEAD" {
            return Box::pin(std::future::ready(Ok(plain(200, self.greeting()))));
        }
        let answered = self.inner.call(request);
        Box::pin(async move {
            let mut response = answered.await?;
            if response.extensions().get::<Silence>().is_some() {
                *response.body_mut() = HttpBody::empty();
            }
            Ok(response)
        })
    }
}

/// Marks the answer to what wants none: over HTTP it has no body.
#[derive(Clone, Copy, Debug)]
struct Silence;

/// No answer.
fn silence() -> MethodResponse {
    let mut response = MethodResponse::notification();
    response.extensions_mut().insert(Silence);
    response
}

/// How a method is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// At once: it takes microseconds.
    Quick,
    /// On a thread of its own, as it may take long; many at once.
    Read,
    /// On a thread of its own, one after the other: they would wait for each other anyway.
    Write,
}

impl Kind {
    fn of(method: &str) -> Self {
        const QUICK: [&str; 17] = [
            "eth_accounts",
            "eth_blockNumber",
            "eth_chainId",
            "eth_coinbase",
            "eth_gasPrice",
            "eth_getBalance",
            "eth_getStorageAt",
            "eth_getTransactionByHash",
            "eth_getTransactionCount",
            "eth_getTransactionReceipt",
            "eth_maxPriorityFeePerGas",
            "eth_subscribe",
            "eth_syncing",
            "eth_unsubscribe",
            "net_listening",
            "net_version",
            "web3_clientVersion",
        ];
        const WRITERS: [&str; 4] = ["anvil_", "eth_send", "evm_", "hardhat_"];
        if QUICK.contains(&method) {
            Self::Quick
        } else if WRITERS.iter().any(|prefix| method.starts_with(prefix)) {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// Works on requests; all connections share it.
struct Work {
    api: Arc<Api>,
    answer: Answerer,
    manners: Manners,
    readers: Arc<Semaphore>,
    writer: Arc<Semaphore>,
}

impl Work {
    async fn answer(self: &Arc<Self>, request: Request<'_>) -> MethodResponse {
        let kind = Kind::of(&request.method);
        if kind == Kind::Quick && !self.api.node().is_busy() {
            let params = request.params.as_ref().map(|params| params.get());
            return self.respond(request.id, &request.method, params);
        }
        let (id, method) = (request.id.into_owned(), request.method.into_owned());
        let params = request.params.map(|params| params.into_owned());
        let workers = if kind == Kind::Write { &self.writer } else { &self.readers };
        let place = workers.clone().acquire_owned().await.expect("never closed");
        let patience = match (kind, method.as_str()) {
            (Kind::Write, _) => None,
            (_, "eth_call") => Some(self.manners.call),
            _ => Some(self.manners.read),
        };
        let (work, asked) = (self.clone(), id.clone());
        let task = tokio::task::spawn_blocking(move || {
            let response = work.respond(id, &method, params.as_ref().map(|params| params.get()));
            drop(place);
            response
        });
        let done = match patience {
            None => task.await,
            // The thread goes on until the gas is used up, and keeps its place as long; the client does not wait.
            Some(patience) => match tokio::time::timeout(patience, task).await {
                Ok(done) => done,
                Err(_) => {
                    let error = RpcError::new(format!("execution aborted (timeout = {}s)", patience.as_secs()));
                    return MethodResponse::error(asked, ErrorObject::from(error));
                }
            },
        };
        done.unwrap_or_else(|_| MethodResponse::error(asked, ErrorObject::from(RpcError::crashed())))
    }

    /// Answers, whatever happens meanwhile.
    fn respond(&self, id: Id<'_>, method: &str, params: Option<&str>) -> MethodResponse {
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let params = params.map_or(Ok(Value::Null), serde_json::from_str);
            let params = params.map_err(|error| RpcError::invalid(error.to_string()))?;
            (self.answer)(&self.api, method, params)
        }));
        match answer.unwrap_or_else(|_| Err(RpcError::crashed())) {
            Ok(value) => MethodResponse::response(id, ResponsePayload::success(value), MAX_RESPONSE as usize),
            Err(error) => MethodResponse::error(id, ErrorObject::from(error)),
        }
    }
}

/// The requests of one connection.
#[derive(Clone)]
struct Service {
    inner: RpcService,
    work: Arc<Work>,
}

impl Service {
    /// Answers a request that stands alone or, `batched`, among others.
    async fn answer(&self, request: Request<'_>, batched: bool) -> MethodResponse {
        let open = request.extensions.get::<Arc<Connection>>().is_some();
        match &*request.method {
            "eth_subscribe" if open && batched => {
                let message = "subscriptions cannot be made in a batch";
                MethodResponse::error(request.id, ErrorObject::owned(METHOD_NOT_FOUND_CODE, message, None::<()>))
            }
            "eth_subscribe" if open => self.inner.call(request).await,
            "eth_unsubscribe" if open => {
                let id = request.id.clone();
                let response = self.inner.call(request).await;
                let told = serde_json::from_str::<Value>(response.as_ref()).unwrap_or_default();
                if told["result"] == false {
                    return MethodResponse::error(id, ErrorObject::from(RpcError::new("subscription not found")));
                }
                response
            }
            _ => self.work.answer(request).await,
        }
    }
}

impl RpcServiceT for Service {
    type MethodResponse = MethodResponse;
    type NotificationResponse = MethodResponse;
    type BatchResponse = MethodResponse;

    fn call<'a>(&self, request: Request<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let _call = request.extensions.get::<Arc<Connection>>().cloned().map(Connection::call);
            service.answer(request, false).await
        }
    }

    fn batch<'a>(&self, requests: Batch<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        let service = self.clone();
        async move {
            let first = || {
                requests.iter().flatten().find_map(|entry| match entry {
                    BatchEntry::Call(request) => Some(request),
                    BatchEntry::Notification(_) => None,
                })
            };
            let open = first().and_then(|request| request.extensions.get::<Arc<Connection>>().cloned());
            let _call = open.map(Connection::call);
            let mut answers = BatchResponseBuilder::new_with_limit(MAX_RESPONSE as usize);
            if requests.len() > MAX_BATCH {
                // As geth: one error, under the id of the first request that wants an answer.
                let id = first().map_or(Id::Null, |request| request.id.clone());
                let error = ErrorObject::owned(INVALID_REQUEST_CODE, "batch too large", None::<()>);
                return match answers.append(MethodResponse::error(id, error)) {
                    Ok(()) => MethodResponse::from_batch(answers.finish()),
                    Err(too_long) => too_long,
                };
            }
            let mut notified = false;
            for request in requests {
                let answer = match request {
                    Ok(BatchEntry::Call(request)) => service.answer(request, true).await,
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
                return silence();
            }
            MethodResponse::from_batch(answers.finish())
        }
    }

    fn notification<'a>(&self, _: Notification<'a>) -> impl Future<Output = MethodResponse> + Send + 'a {
        std::future::ready(silence())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream};
    use std::time::Instant;

    use serde_json::json;
    use tokio::runtime::Runtime;
    use tokio_tungstenite::tungstenite::{Message, WebSocket, client};

    use super::*;

    fn runtime() -> Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    }

    fn served(runtime: &Runtime, manners: Manners, answer: Answerer) -> Handle {
        let node = Node::new(Config { port: 0, ..Config::default() }).expect("a possible configuration");
        runtime.block_on(serve_with(Arc::new(node), manners, answer)).expect("a free port")
    }

    /// What the node answers, and a few faults that it does not have.
    fn faulty(api: &Api, method: &str, params: Value) -> Answer {
        match method {
            "eth_panic" | "eth_accounts" => panic!("on purpose"),
            "eth_sleep" => {
                std::thread::sleep(Duration::from_secs(2));
                Ok(Value::Null)
            }
            "eth_long" => Ok(Value::String("x".repeat(1 << 20))),
            _ => api.request(method, params),
        }
    }

    fn request(method: &str) -> String {
        json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] }).to_string()
    }

    /// Sends a request and leaves its answer to be read.
    fn send(address: SocketAddr, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        let length = body.len();
        let head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n";
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").expect("sent");
        stream
    }

    fn ask(address: SocketAddr, method: &str) -> Value {
        let mut answer = String::new();
        send(address, &request(method)).read_to_string(&mut answer).expect("an answer");
        serde_json::from_str(answer.split_once("\r\n\r\n").expect("a head").1).expect("JSON")
    }

    fn open(address: SocketAddr) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(address).expect("a server");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        client(format!("ws://{address}/"), stream).expect("a WebSocket").0
    }

    fn ask_open(socket: &mut WebSocket<TcpStream>, method: &str) -> Value {
        socket.send(Message::text(request(method))).expect("sent");
        serde_json::from_str(socket.read().expect("an answer").to_text().expect("text")).expect("JSON")
    }

    #[test]
    fn a_panic_is_one_answer_and_the_node_lives() {
        let runtime = runtime();
        let node = served(&runtime, Manners::default(), faulty);
        let mut socket = open(node.address());
        for blocks in 0..3 {
            // One that is answered at once, and one that gets a thread.
            for method in ["eth_accounts", "eth_panic"] {
                for answer in [ask(node.address(), method), ask_open(&mut socket, method)] {
                    assert_eq!(answer["error"], json!({ "code": -32603, "message": "method handler crashed" }));
                }
            }
            assert_eq!(ask(node.address(), "eth_blockNumber")["result"], format!("{blocks:#x}"));
            assert_eq!(ask_open(&mut socket, "evm_mine")["result"], "0x0");
        }
        let batch = format!("[{},{}]", request("eth_panic"), request("eth_chainId"));
        let mut answer = String::new();
        send(node.address(), &batch).read_to_string(&mut answer).expect("an answer");
        assert!(answer.contains("crashed") && answer.contains("0x64aba"), "{answer}");
        runtime.block_on(node.stop());
    }

    #[test]
    fn who_waits_too_long_is_told_so() {
        let runtime = runtime();
        let manners = Manners { read: Duration::ZERO, ..Manners::default() };
        let node = served(&runtime, manners, faulty);
        let error = ask(node.address(), "eth_sleep")["error"].clone();
        assert_eq!(error, json!({ "code": -32000, "message": "execution aborted (timeout = 0s)" }));
    }

    #[test]
    fn a_flood_of_long_requests_holds_up_nobody_who_asks_for_little() {
        let runtime = runtime();
        let node = served(&runtime, Manners::default(), faulty);
        let flood: Vec<_> = (0..2 * MAX_READERS).map(|_| send(node.address(), &request("eth_sleep"))).collect();
        std::thread::sleep(Duration::from_millis(200));
        let started = Instant::now();
        assert_eq!(ask(node.address(), "eth_chainId")["result"], "0x64aba");
        assert_eq!(ask(node.address(), "evm_mine")["result"], "0x0");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        drop(flood);
    }

    #[test]
    fn the_end_waits_for_nobody() {
        let runtime = runtime();
        let node = served(&runtime, Manners::default(), faulty);
        let _idle = TcpStream::connect(node.address()).expect("a server");
        let _busy = send(node.address(), &request("eth_sleep"));
        let mut open = [open(node.address()), open(node.address())];
        ask_open(&mut open[0], "eth_chainId");
        open[1].send(Message::text(request("eth_sleep"))).expect("sent");
        std::thread::sleep(Duration::from_millis(200));
        let (address, started) = (node.address(), Instant::now());
        runtime.block_on(node.stop());
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        for socket in &mut open {
            while socket.read().is_ok() {}
        }
        assert!(TcpStream::connect(address).is_err(), "the port is free");
    }

    #[test]
    fn who_does_not_read_is_dropped() {
        let runtime = runtime();
        let manners = Manners { patience: Duration::from_millis(300), ..Manners::default() };
        let node = served(&runtime, manners, faulty);
        let mut slow = open(node.address());
        let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
        slow.send(Message::text(subscribe.to_string())).expect("sent");
        slow.read().expect("an id");
        assert_eq!(node.node().listeners(), 1);
        // More than sockets hold.
        node.node().mine(20_000, 0).expect("mined");
        let started = Instant::now();
        while node.node().listeners() > 0 {
            assert!(started.elapsed() < Duration::from_secs(20), "the subscription is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
        // The same with answers: the server neither keeps them nor reads more requests.
        let mut slow = open(node.address());
        slow.get_ref().set_write_timeout(Some(Duration::from_secs(20))).expect("set");
        let sent = (0..100_000).take_while(|_| slow.send(Message::text(request("eth_long"))).is_ok()).count();
        assert!(sent < 100_000, "{sent} requests were taken");
        assert_eq!(ask(node.address(), "eth_chainId")["result"], "0x64aba");
        let _ = slow.get_ref().shutdown(Shutdown::Both);
    }
}

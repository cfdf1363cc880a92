//! A keeper's numbers, over HTTP in Prometheus' text format.

use std::{collections::BTreeMap, convert::Infallible, fmt::Write, net::SocketAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{net::TcpListener, task::JoinHandle};

/// The text format's media type.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only rises.
    Counter,
    /// It is what it was last.
    Gauge,
}

#[derive(Debug)]
struct Metric {
    kind: Kind,
    help: &'static str,
    /// By labels, as they are shown.
    values: BTreeMap<String, f64>,
}

/// The numbers.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<&'static str, Metric>>>);

impl Metrics {
    /// Adds to a counter.
    pub fn add(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)], by: f64) {
        self.update(name, Kind::Counter, help, labels, |value| value + by);
    }

    /// Sets a gauge.
    pub fn set(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)], to: f64) {
        self.update(name, Kind::Gauge, help, labels, |_| to);
    }

    /// One value; `None` where it was never set.
    #[must_use]
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.0.lock().get(name)?.values.get(&shown(labels)).copied()
    }

    fn update(
        &self,
        name: &'static str,
        kind: Kind,
        help: &'static str,
        labels: &[(&str, &str)],
        change: impl FnOnce(f64) -> f64,
    ) {
        let mut metrics = self.0.lock();
        let metric = metrics.entry(name).or_insert_with(|| Metric { kind, help, values: BTreeMap::new() });
        let value = metric.values.entry(shown(labels)).or_default();
        *value = change(*value);
    }

    /// All of them, as Prometheus reads them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, Metric { kind, help, values }) in &*self.0.lock() {
            let kind = match kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            };
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}"); // a string takes all
            for (labels, value) in values {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        }
        text
    }

    /// Answers `GET /metrics` at `address` until the task is aborted; tells where, since port 0 is a free one.
    ///
    /// # Errors
    /// Where the address cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let metrics = self.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let metrics = metrics.clone();
                let answer = service_fn(move |request| {
                    let answer = metrics.answer(&request);
                    async move { Ok::<_, Infallible>(answer) }
                });
                // one reader that hangs up harms no other
                let connection =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Ok((address, task))
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, text) = match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => (StatusCode::OK, self.text()),
            (&Method::GET, _) => (StatusCode::NOT_FOUND, "the numbers are at /metrics\n".into()),
            _ => (StatusCode::METHOD_NOT_ALLOWED, "GET only\n".into()),
        };
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(TEXT));
        response
    }
}

/// Labels as the text format has them, with what it escapes.
fn shown(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.add("deeds_total", "What was done.", &[("kind", "report")], 1.0);
        metrics.add("deeds_total", "What was done.", &[("kind", "report")], 1.0);
        metrics.set("assets", "Of a vault.", &[("vault", "a \"b\"\\\n")], 1.5);
        assert_eq!(
            metrics.text(),
            "# HELP assets Of a vault.\n# TYPE assets gauge\nassets{vault=\"a \\\"b\\\"\\\\\\n\"} 1.5\n\
             # HELP deeds_total What was done.\n# TYPE deeds_total counter\ndeeds_total{kind=\"report\"} 2\n"
        );
        assert_eq!(metrics.get("deeds_total", &[("kind", "report")]), Some(2.0));
        assert_eq!(metrics.get("deeds_total", &[]), None);
    }

    #[tokio::test]
    async fn only_the_numbers_are_served() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let metrics = Metrics::default();
        metrics.set("up", "Whether it runs.", &[], 1.0);
        let (address, task) = metrics.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
        let ask = |request: &'static str| async move {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = ask("GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("up 1\n"), "{answer}");
        let answer = ask("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        let answer = ask("POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
        task.abort();
    }
}

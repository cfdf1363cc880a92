//! Asks another node over HTTP: just enough of it for one question.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 256 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none of `http://host:port`.
    #[error("{0} is no address of a node: give one such as http://127.0.0.1:8547")]
    Address(String),
    /// Nobody answers there.
    #[error("cannot reach {url}: {error}")]
    Io {
        /// Where.
        url: String,
        /// What the system says.
        error: io::Error,
    },
    /// What answers there is no node.
    #[error("{0} does not answer as a node does: {1}")]
    Foreign(String, String),
    /// The node refuses.
    #[error("{0}")]
    Refused(String),
}

/// Asks the node at `url`.
pub(super) fn ask(url: &str, method: &str, params: Value) -> Result<Value, ClientError> {
    let (host, path) = split(url).ok_or_else(|| ClientError::Address(url.to_owned()))?;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let body = post(&host, path, &request).map_err(|error| ClientError::Io { url: url.to_owned(), error })?;
    let foreign = |problem: String| ClientError::Foreign(url.to_owned(), problem);
    let answer: Value = serde_json::from_slice(&body).map_err(|error| foreign(error.to_string()))?;
    if let Some(error) = answer.get("error").filter(|error| !error.is_null()) {
        let message = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
        return Err(ClientError::Refused(message));
    }
    answer.get("result").cloned().ok_or_else(|| foreign("no result".to_owned()))
}

/// Host with its port, and the path.
fn split(url: &str) -> Option<(String, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    (!host.is_empty() && !host.contains('@')).then(|| {
        let host = if has_port { host.to_owned() } else { format!("{host}:80") };
        (host, path)
    })
}

/// Posts a request and gives the body of the answer.
fn post(host: &str, path: &str, request: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{request}",
        request.len()
    )?;
    read_answer(BufReader::new(stream.take(MAX_ANSWER)))
}

fn read_answer(mut stream: impl BufRead) -> io::Result<Vec<u8>> {
    let malformed = |problem: &str| io::Error::new(io::ErrorKind::InvalidData, problem.to_owned());
    let line = |stream: &mut dyn BufRead| -> io::Result<String> {
        let mut line = String::new();
        stream.take(64 << 10).read_line(&mut line)?;
        line.strip_suffix("\r\n").map(str::to_owned).ok_or_else(|| malformed("no HTTP answer"))
    };
    let status = line(&mut stream)?;
    if !status.starts_with("HTTP/1.1 ") {
        return Err(malformed("no HTTP answer"));
    }
    let (mut length, mut chunked) = (None, false);
    loop {
        let header = line(&mut stream)?.to_ascii_lowercase();
        match header.split_once(':').map(|(name, value)| (name, value.trim())) {
            None if header.is_empty() => break,
            Some(("content-length", value)) => {
                length = Some(value.parse::<u64>().map_err(|_| malformed("no HTTP answer"))?);
            }
            Some(("transfer-encoding", value)) => chunked = value.contains("chunked"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = line(&mut stream)?;
            let digits = size.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16).map_err(|_| malformed("no chunk"))?;
            if size == 0 {
                break;
            }
            if stream.by_ref().take(size).read_to_end(&mut body)? as u64 != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            line(&mut stream)?;
        }
    } else {
        stream.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
        if length.is_some_and(|length| body.len() as u64 != length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if !status.starts_with("HTTP/1.1 200") {
        let text = String::from_utf8_lossy(&body);
        return Err(malformed(&format!("{} {}", &status[9..], text.lines().next().unwrap_or_default())));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(split("http://localhost:8547"), Some(("localhost:8547".to_owned(), "/")));
        assert_eq!(split("http://[::1]:8547/rpc"), Some(("[::1]:8547".to_owned(), "/rpc")));
        assert_eq!(split("http://node"), Some(("node:80".to_owned(), "/")));
        for wrong in ["https://node", "node:8547", "", "http://", "http://me@node"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn answers_of_known_length_and_in_chunks_are_read() {
        let read = |text: &str| read_answer(text.as_bytes()).map(|body| String::from_utf8(body).expect("text"));
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("whole"), "ok");
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x\r\nd\r\n0\r\n\r\n";
        assert_eq!(read(chunks).expect("whole"), "abcd");
        for wrong in [
            "",
            "SSH-2.0\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

//! A connection that does not let itself be held up: by one who does not read, nor by one who asks faster than he can
//! be answered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Sleep;

/// Requests of one WebSocket connection that are worked on at once; the next ones are not even read.
const MAX_CALLS: usize = 64;

/// What is known of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    cut: watch::Sender<bool>,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    /// Requests that are worked on.
    calls: usize,
    /// Whether the other side does not read what it is sent.
    stalled: bool,
    /// Who wants to read on.
    reader: Option<Waker>,
}

impl Pace {
    /// Whether more requests may come.
    fn has_room(&self) -> bool {
        self.calls < MAX_CALLS && !self.stalled
    }
}

impl Connection {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { cut: watch::Sender::new(false), pace: Mutex::default() })
    }

    /// Ends it at once.
    pub(super) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Counts a request until what is returned is dropped.
    pub(super) fn call(self: Arc<Self>) -> Call {
        self.pace.lock().calls += 1;
        Call(self)
    }

    fn change(&self, change: impl FnOnce(&mut Pace)) {
        let mut pace = self.pace.lock();
        change(&mut pace);
        if pace.has_room()
            && let Some(reader) = pace.reader.take()
        {
            reader.wake();
        }
    }

    /// Ready if there is room for more requests.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut pace = self.pace.lock();
        if pace.has_room() {
            return Poll::Ready(());
        }
        pace.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A request that is worked on.
#[derive(Debug)]
pub(super) struct Call(Arc<Connection>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.change(|pace| pace.calls -= 1);
    }
}

/// Ready when a connection is to end.
type End = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The bytes of a connection.
pub(super) struct Io {
    stream: TcpStream,
    connection: Arc<Connection>,
    /// Longest time in which the other side may read nothing.
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// Reading and writing are waited for by different tasks, and each needs an end of its own.
    read_end: End,
    write_end: End,
    _place: OwnedSemaphorePermit,
}

impl Io {
    /// `all` ends every connection. `place` is free again when this one has ended.
    pub(super) fn new(
        stream: TcpStream,
        connection: Arc<Connection>,
        patience: Duration,
        all: &watch::Receiver<bool>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let end = || {
            let (mut one, mut all) = (connection.cut.subscribe(), all.clone());
            let end: End = Box::pin(async move {
                // An error means that nobody is left who could say it.
                tokio::select! {
                    _ = one.wait_for(|cut| *cut) => {}
                    _ = all.wait_for(|cut| *cut) => {}
                }
            });
            end
        };
        let (read_end, write_end) = (end(), end());
        Self { stream, connection, patience, stalled: None, read_end, write_end, _place: place }
    }

    /// What a write came to: it must not wait for too long.
    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            if self.stalled.take().is_some() {
                self.connection.change(|pace| pace.stalled = false);
            }
            return written;
        }
        if self.stalled.is_none() {
            self.connection.change(|pace| pace.stalled = true);
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        self.connection.cut();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Fails if the connection is to end.
    fn end(&mut self, cx: &mut Context<'_>, half: impl FnOnce(&mut Self) -> &mut End) -> io::Result<()> {
        // Once ready, an end must not be polled again: the cut is asked for first therefore.
        if *self.connection.cut.borrow() || half(self).as_mut().poll(cx).is_ready() {
            self.connection.cut();
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.end(cx, |io| &mut io.read_end)?;
        ready!(self.connection.poll_room(cx));
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.end(cx, |io| &mut io.write_end)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.end(cx, |io| &mut io.write_end)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

//! The thread that writes the state file.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::frames::{Broken, FrameReader, FrameWriter, frame};
use super::record::{Step, encode_step};
use super::{StateFile, StateFileError, fresh_file, fresh_path, read, replace, write_image};

/// How long steps are gathered before they are written. With the time that a disk takes, less than a second.
const GATHER: Duration = Duration::from_millis(200);
/// How long to wait before writing is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// A file is written anew when it has grown to this multiple of its image …
const GROWTH: u64 = 4;
/// … and to this many bytes.
pub(super) const LEAST: u64 = 16 << 20;

/// Takes the steps of a chain and has them written. Dropping it waits until they are.
#[derive(Debug)]
pub(in super::super) struct Journal {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What to say if the thread ended before its time.
    broken: StateFileError,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    /// The writer has something to do.
    work: Condvar,
    /// It has done something.
    done: Condvar,
}

/// What the chain and the writer tell each other.
#[derive(Debug, Default)]
struct Pending {
    /// Records that nobody has written yet.
    records: Vec<u8>,
    /// Steps taken, and those of them that are on the disk.
    taken: u64,
    written: u64,
    /// Somebody waits for that.
    urgent: bool,
    /// No more steps will come.
    stop: bool,
    /// Why writing failed last, until it succeeds.
    failure: Option<StateFileError>,
    /// Times that it failed.
    failures: u64,
}

impl Journal {
    /// Begins to write to a file, which is written anew from `least` bytes on.
    pub(super) fn start(file: StateFile, least: u64) -> Self {
        let shared = Arc::new(Shared::default());
        let broken = StateFileError::Io {
            action: "write",
            path: file.path.clone(),
            error: "internal error: its writer panicked".to_owned(),
        };
        let writer = Writer { shared: shared.clone(), file, least, renewal: None };
        Self { shared, thread: Some(thread::spawn(move || writer.run())), broken }
    }

    /// Takes a step.
    pub(in super::super) fn push(&self, step: &Step) {
        let mut pending = self.shared.pending.lock();
        encode_step(step, &mut pending.records);
        pending.taken += 1;
        self.shared.work.notify_all();
    }

    /// Waits until the disk has all steps taken so far.
    pub(in super::super) fn save(&self) -> Result<(), StateFileError> {
        let mut pending = self.shared.pending.lock();
        let (goal, failures) = (pending.taken, pending.failures);
        while pending.written < goal {
            if let Some(failure) = pending.failure.as_ref().filter(|_| pending.failures > failures) {
                return Err(failure.clone());
            }
            if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return Err(self.broken.clone());
            }
            pending.urgent = true;
            self.shared.work.notify_all();
            self.shared.done.wait_for(&mut pending, RETRY);
        }
        Ok(())
    }

    /// Why writing fails at present.
    pub(in super::super) fn failure(&self) -> Option<StateFileError> {
        match &self.thread {
            Some(thread) if thread.is_finished() => Some(self.broken.clone()),
            _ => self.shared.pending.lock().failure.clone(),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.shared.pending.lock().stop = true;
        self.shared.work.notify_all();
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so.
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Writer {
    shared: Arc<Shared>,
    file: StateFile,
    least: u64,
    renewal: Option<Renewal>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let (records, taken, stop) = self.gather();
            if !records.is_empty() {
                self.write(records, taken, stop);
            }
            if stop {
                if let Some(renewal) = self.renewal.take() {
                    renewal.abandon();
                }
                return;
            }
            self.renew();
        }
    }

    /// Waits for records and a moment longer, so that several share a frame.
    fn gather(&self) -> (Vec<u8>, u64, bool) {
        let Shared { pending, work, .. } = &*self.shared;
        let mut pending = pending.lock();
        let mut until = self.renewal.is_some().then(|| Instant::now() + RETRY);
        let mut gathering = false;
        while !pending.stop {
            if !pending.records.is_empty() {
                if pending.urgent {
                    break;
                }
                if !gathering {
                    gathering = true;
                    until = Some(Instant::now() + GATHER);
                }
            }
            match until {
                Some(until) if work.wait_until(&mut pending, until).timed_out() => break,
                Some(_) => {}
                None => work.wait(&mut pending),
            }
        }
        pending.urgent = false;
        (std::mem::take(&mut pending.records), pending.taken, pending.stop)
    }

    /// Writes records; if that fails, they come first next time.
    fn write(&mut self, records: Vec<u8>, taken: u64, stop: bool) {
        let result = self.file.append(&records);
        let mut pending = self.shared.pending.lock();
        match result {
            Ok(()) => {
                pending.written = taken;
                pending.failure = None;
            }
            Err(error) => {
                let later = std::mem::replace(&mut pending.records, records);
                pending.records.extend(later);
                pending.failure = Some(StateFileError::io("write", &self.file.path)(error));
                pending.failures += 1;
            }
        }
        self.shared.done.notify_all();
        let until = Instant::now() + RETRY;
        while pending.failure.is_some() && !pending.stop && !stop {
            if self.shared.work.wait_until(&mut pending, until).timed_out() {
                break;
            }
        }
    }

    /// Begins to write the file anew if it has grown, or puts the new one in its place when that is ready. What goes
    /// wrong with it leaves the old file, which is as good.
    fn renew(&mut self) {
        match self.renewal.take() {
            Some(renewal) if !renewal.thread.is_finished() => self.renewal = Some(renewal),
            Some(renewal) => {
                let fresh = renewal.thread.join().ok().and_then(Result::ok);
                if fresh.is_none_or(|fresh| self.file.take_over(fresh).is_err()) {
                    // Not again until the file has grown as much once more.
                    self.file.image = self.file.length;
                    let _ = std::fs::remove_file(fresh_path(&self.file.path));
                }
            }
            None if self.file.length >= self.least.max(self.file.image.saturating_mul(GROWTH)) => {
                self.renewal = Some(Renewal::start(&self.file));
            }
            None => {}
        }
    }
}

impl StateFile {
    /// Appends a frame and waits until the disk has it. If that fails, the file is as it was.
    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        let frame = frame(self.frames, records)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        if let Err(error) = self.file.write_all(&frame).and_then(|()| self.file.sync_data()) {
            // If this fails too, the next frame overwrites what is there.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.frames += 1;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Goes on with a new file.
    fn take_over(&mut self, mut fresh: Fresh) -> Result<(), StateFileError> {
        let (frames, length) = self.copy_tail(&mut fresh).map_err(StateFileError::io("write", &fresh.path))?;
        replace(&self.path, &fresh.path, &fresh.file)?;
        (self.file, self.frames, self.length, self.image) = (fresh.file, frames, length, fresh.length);
        Ok(())
    }

    /// Copies the frames that a new file does not have yet. Gives its frames and its length then.
    fn copy_tail(&mut self, fresh: &mut Fresh) -> io::Result<(u64, u64)> {
        let broken = |error| match error {
            Broken::Io(error) => error,
            Broken::Torn | Broken::Damaged => io::Error::other("a frame that was written is not there"),
        };
        let Fresh { file, frames, length, copied, .. } = fresh;
        self.file.seek(SeekFrom::Start(copied.1))?;
        let input = BufReader::with_capacity(1 << 20, &mut self.file);
        let mut reader = FrameReader::resume(input, self.length, copied.0, copied.1);
        file.seek(SeekFrom::Start(*length))?;
        let mut writer = FrameWriter::resume(file, *frames, *length);
        while let Some(payload) = reader.next_frame().map_err(broken)? {
            writer.write(&payload)?;
        }
        Ok((writer.frames(), writer.length()))
    }
}

/// A new file in the making.
#[derive(Debug)]
struct Renewal {
    abandoned: Arc<AtomicBool>,
    thread: JoinHandle<Result<Fresh, StateFileError>>,
}

/// A new file.
#[derive(Debug)]
struct Fresh {
    path: PathBuf,
    file: File,
    frames: u64,
    length: u64,
    /// Frames and bytes of the old file that it has in it.
    copied: (u64, u64),
}

impl Renewal {
    fn start(old: &StateFile) -> Self {
        let (path, identity, copied) = (old.path.clone(), old.identity, (old.frames, old.length));
        let abandoned = Arc::new(AtomicBool::new(false));
        let is_abandoned = abandoned.clone();
        let thread = thread::spawn(move || {
            let mut old = File::open(&path).map_err(StateFileError::io("open", &path))?;
            let chain = read(&path, &mut old, copied.1)?.chain;
            let (mut file, fresh) = fresh_file(&path)?;
            let (frames, length) = if is_abandoned.load(Ordering::Relaxed) {
                (0, 0)
            } else {
                let written = write_image(&mut file, identity, &chain).and_then(|size| file.sync_all().map(|()| size));
                written.map_err(StateFileError::io("write", &fresh))?
            };
            Ok(Fresh { path: fresh, file, frames, length, copied })
        });
        Self { abandoned, thread }
    }

    /// Waits until it has ended, and throws away what it made.
    fn abandon(self) {
        self.abandoned.store(true, Ordering::Relaxed);
        if let Ok(Ok(fresh)) = self.thread.join() {
            let _ = std::fs::remove_file(fresh.path);
        }
    }
}

//! The state file: a chain that outlives its process.
//!
//! The file is one line of text, `devnode state 1`, and then frames ([`frames`]): each with its number, length and checksum.
//! The frames hold records ([`record`]): who the chain is, then *steps*. The first steps make the chain as it was when
//! the file was made, up to the record that ends this image; each later one is what one change of the chain did
//! (a block, a snapshot gone back to, a balance set by hand), and is appended.
//!
//! - The chain's lock is held only while a step is put into a buffer in memory. A thread ([`journal`]) writes the buffer to
//!   the file as one frame, within a quarter of a second, and waits until the disk has it. So the work of a second does not
//!   grow with the chain, and a process that is killed loses no more than that.
//! - What is read back is what whole frames say. A frame that was being written when the machine stopped is cut off; any
//!   other that is not as it was written makes the file a damaged one, which is left as it is.
//! - When the file has grown to a multiple of its image, a second thread reads it, writes its chain as a new image beside it,
//!   and the new file takes the place of the old one by a rename. The chain itself is not asked.
//! - `FILE.lock` beside it keeps other processes out. It stays there.
//!
//! Past states are kept as far as they were kept in memory. Snapshots and filters end with the process.

mod frames;
mod journal;
mod record;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub(super) use journal::Journal;
pub(super) use record::Saved;

use super::Chain;
use crate::config::Config;
use frames::{Broken, FrameReader, FrameWriter};
use record::{Identity, Record};

/// Version of the format.
const FORMAT: u32 = 1;
/// What every state file begins with.
const MAGIC: &str = "devnode state ";
/// Bytes of the longest first line.
const FIRST_LINE: usize = 32;

/// Why a state file cannot be used. It is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFileError {
    /// The system does not let us.
    #[error("cannot {action} {path}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: String,
    },
    /// Something else is in the file.
    #[error("{0} is no state file of a devnode: choose another file, this one is left as it is")]
    Foreign(PathBuf),
    /// It was made by a newer version of this program.
    #[error("{path} has format {format}, this devnode knows {FORMAT}: use the devnode that wrote it, or a newer one")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// It is not what was written.
    #[error("{path} is damaged at byte {at}: restore it from a copy or choose another file, it is left as it is")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
    /// Another node uses it.
    #[error("{0} is in use by another node: stop that one or choose another file")]
    Locked(PathBuf),
    /// It holds another chain than the one that was asked for.
    #[error("{path} holds a chain with {what} {found}, not {wanted}: ask for that one or choose another file")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What the file has.
        found: u64,
        /// What the configuration has.
        wanted: u64,
    },
}

impl StateFileError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { action, path, error: error.to_string() }
    }
}

/// A state file that is open: nobody else may use it, and it ends with a whole frame.
#[derive(Debug)]
struct StateFile {
    path: PathBuf,
    file: File,
    identity: Identity,
    /// Frames that it has.
    frames: u64,
    /// Its length.
    length: u64,
    /// Length of its first part, the image.
    image: u64,
    /// Held as long as the file is in use.
    _lock: File,
}

/// Opens the chain in a file, or makes the file with the chain that `genesis` gives. The chain records its steps then.
pub(super) fn open(
    path: &Path,
    config: &Config,
    genesis: impl FnOnce() -> Chain,
) -> Result<(Chain, Journal), StateFileError> {
    let (chain, file) = open_file(path, config, genesis)?;
    Ok((chain, Journal::start(file, journal::LEAST)))
}

fn open_file(
    path: &Path,
    config: &Config,
    genesis: impl FnOnce() -> Chain,
) -> Result<(Chain, StateFile), StateFileError> {
    // A rename would replace a link, not the file that it leads to.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let lock = match fs::metadata(&path) {
        // A folder, a device: nothing that another file could take the place of.
        Ok(metadata) if !metadata.is_file() => {
            return Err(StateFileError::Io { action: "use", path, error: "it is no ordinary file".to_owned() });
        }
        _ => lock(&path)?,
    };
    let wanted = Identity::of(config);
    let is_new = match fs::metadata(&path) {
        Ok(metadata) => metadata.len() == 0,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(StateFileError::io("read", &path)(error)),
    };
    if is_new {
        let chain = genesis();
        create(&path, wanted, &chain)?;
    }
    let mut file = OpenOptions::new().read(true).write(true).open(&path).map_err(StateFileError::io("open", &path))?;
    let contents = read(&path, &mut file, u64::MAX)?;
    contents.identity.check(&wanted, &path)?;
    let cannot = |error| StateFileError::io("write", &path)(error);
    file.set_len(contents.length).map_err(cannot)?;
    file.seek(SeekFrom::End(0)).map_err(cannot)?;
    let Contents { mut chain, identity, frames, length, image } = contents;
    chain.record();
    Ok((chain, StateFile { path, file, identity, frames, length, image, _lock: lock }))
}

/// Takes the lock beside the file.
fn lock(path: &Path) -> Result<File, StateFileError> {
    let beside = beside(path, ".lock");
    let cannot = |error| StateFileError::io("lock", &beside)(error);
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&beside).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StateFileError::Locked(path.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(StateFileError::io("lock", &beside)(error)),
    }
}

/// The path with something after its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What a file holds.
#[derive(Debug)]
struct Contents {
    chain: Chain,
    identity: Identity,
    frames: u64,
    /// Bytes up to the end of the last whole frame.
    length: u64,
    /// Bytes up to the end of the image.
    image: u64,
}

/// Reads a file's chain from its first `limit` bytes. What was not written whole at the end is left out.
fn read(path: &Path, file: &mut File, limit: u64) -> Result<Contents, StateFileError> {
    let cannot = |error| StateFileError::io("read", path)(error);
    let damaged = |at| StateFileError::Damaged { path: path.to_path_buf(), at };
    let length = file.seek(SeekFrom::End(0)).map_err(cannot)?.min(limit);
    file.seek(SeekFrom::Start(0)).map_err(cannot)?;
    let mut reader = FrameReader::new(BufReader::with_capacity(1 << 20, file), length);
    let first = reader.first_line(FIRST_LINE).map_err(cannot)?;
    let format = first.and_then(|line| line.strip_prefix(MAGIC)?.parse::<u32>().ok());
    match format {
        None => return Err(StateFileError::Foreign(path.to_path_buf())),
        Some(format) if format > FORMAT => return Err(StateFileError::Newer { path: path.to_path_buf(), format }),
        Some(_) => {}
    }
    let mut chain = None;
    let mut identity = None;
    let mut image = None;
    let whole = loop {
        let at = reader.position();
        let payload = match reader.next_frame() {
            Ok(Some(payload)) => payload,
            Ok(None) => break at,
            Err(Broken::Io(error)) => return Err(cannot(error)),
            Err(Broken::Torn) if image.is_some() => break at,
            Err(Broken::Torn | Broken::Damaged) => return Err(damaged(at)),
        };
        for record in record::decode(&payload).ok_or_else(|| damaged(at))? {
            let fits = match record {
                Record::Identity(found) => identity.replace(found).is_none(),
                Record::Step(step) => identity.is_some() && record::apply(&mut chain, *step),
                Record::ImageEnd => image.replace(reader.position()).is_none(),
            };
            if !fits {
                return Err(damaged(at));
            }
        }
    };
    let (Some(chain), Some(identity), Some(image)) = (chain, identity, image) else {
        return Err(damaged(whole));
    };
    Ok(Contents { chain, identity, frames: reader.frames(), length: whole, image })
}

/// Writes a chain into a new file and puts that in the place of `path`. Nobody ever sees a part of it.
fn create(path: &Path, identity: Identity, chain: &Chain) -> Result<(), StateFileError> {
    let (mut file, fresh) = fresh_file(path)?;
    write_image(&mut file, identity, chain).map_err(StateFileError::io("write", &fresh))?;
    replace(path, &fresh, &file)
}

/// Where a new file is written before it takes the place of `path`.
fn fresh_path(path: &Path) -> PathBuf {
    beside(path, ".new")
}

/// An empty file there.
fn fresh_file(path: &Path) -> Result<(File, PathBuf), StateFileError> {
    let fresh = fresh_path(path);
    // What an interrupted attempt left may go, nothing else.
    let mut start = Vec::new();
    if let Ok(file) = File::open(&fresh) {
        file.take(MAGIC.len() as u64).read_to_end(&mut start).map_err(StateFileError::io("read", &fresh))?;
    }
    if !MAGIC.as_bytes().starts_with(&start) {
        return Err(StateFileError::Foreign(fresh));
    }
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(true).read(true).write(true).open(&fresh);
    file.map(|file| (file, fresh.clone())).map_err(|error| StateFileError::io("create", &fresh)(error))
}

/// Writes a chain's image. Gives the number of frames and their length.
fn write_image(file: &mut File, identity: Identity, chain: &Chain) -> io::Result<(u64, u64)> {
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let first = format!("{MAGIC}{FORMAT}\n");
    out.write_all(first.as_bytes())?;
    let mut frames = FrameWriter::new(out, first.len() as u64);
    record::image(identity, chain, |payload| frames.write(payload))?;
    let (count, length) = (frames.frames(), frames.length());
    frames.into_inner().flush()?;
    Ok((count, length))
}

/// Puts a file that is complete in the place of `path`, once the disk has it.
fn replace(path: &Path, fresh: &Path, file: &File) -> Result<(), StateFileError> {
    file.sync_all().map_err(StateFileError::io("write", fresh))?;
    fs::rename(fresh, path).map_err(StateFileError::io("replace", path))?;
    // The name itself is in the folder. Some systems do not let folders be opened; they keep their own order then.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

//! Files that are written as a whole or not at all.

use std::{fs, io, path::Path};

/// Writes a file by way of one beside it, which one process at a time may do.
///
/// # Errors
/// What the file system refuses.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_by(path, "partial", bytes)
}

/// Writes a file by way of one beside it that has another extension.
///
/// # Errors
/// What the file system refuses.
pub(crate) fn write_by(path: &Path, extension: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = path.with_extension(extension);
    fs::write(&partial, bytes)?;
    fs::rename(&partial, path)
}

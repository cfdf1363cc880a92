//! Frames: pieces of a file that are read back whole or not at all.
//!
//! `mark (4 bytes) | number u64 | length u32 | checksum (8 bytes) | payload`, integers big-endian. The checksum is the beginning
//! of `keccak256(number ‖ payload)`.

use std::io::{self, BufRead, Read, Write};

use alloy_primitives::Keccak256;

/// What each frame begins with: no text, so that a file of text has none.
const MARK: [u8; 4] = [0xd0, 0xdf, 0x52, 0x0a];
/// Bytes before the payload.
const HEAD: usize = 24;

/// A frame that is not there as it was written.
#[derive(Debug)]
pub(super) enum Broken {
    /// It was the last one: its writing was interrupted.
    Torn,
    /// Others follow it.
    Damaged,
    /// The file cannot be read.
    Io(io::Error),
}

fn checksum(number: u64, payload: &[u8]) -> [u8; 8] {
    let mut hasher = Keccak256::new();
    hasher.update(number.to_be_bytes());
    hasher.update(payload);
    let hash = hasher.finalize();
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash[..8]);
    sum
}

/// A frame's bytes.
pub(super) fn frame(number: u64, payload: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(payload.len()).map_err(|_| io::Error::other("a frame above 4 GiB"))?;
    let mut bytes = Vec::with_capacity(HEAD + payload.len());
    bytes.extend(MARK);
    bytes.extend(number.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(checksum(number, payload));
    bytes.extend(payload);
    Ok(bytes)
}

/// Number, length of the payload and checksum.
fn head(bytes: &[u8]) -> Option<(u64, usize, [u8; 8])> {
    let rest = bytes.strip_prefix(&MARK)?;
    let (number, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (sum, _) = rest.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), u32::from_be_bytes(*length) as usize, *sum))
}

/// Writes frames one after the other.
#[derive(Debug)]
pub(super) struct FrameWriter<W> {
    out: W,
    frames: u64,
    length: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Writes behind the `length` bytes that `out` has already and that are no frames.
    pub(super) fn new(out: W, length: u64) -> Self {
        Self { out, frames: 0, length }
    }

    /// Writes behind `frames` frames in `length` bytes.
    pub(super) fn resume(out: W, frames: u64, length: u64) -> Self {
        Self { out, frames, length }
    }

    pub(super) fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let frame = frame(self.frames, payload)?;
        self.out.write_all(&frame)?;
        self.frames += 1;
        self.length += frame.len() as u64;
        Ok(())
    }

    /// Frames written.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes in all.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }
}

/// Reads frames one after the other.
#[derive(Debug)]
pub(super) struct FrameReader<R> {
    input: R,
    position: u64,
    length: u64,
    frames: u64,
}

impl<R: BufRead> FrameReader<R> {
    /// Reads `length` bytes of `input`.
    pub(super) fn new(input: R, length: u64) -> Self {
        Self { input, position: 0, length, frames: 0 }
    }

    /// Reads on behind `frames` frames in `position` bytes, up to `length` bytes.
    pub(super) fn resume(input: R, length: u64, frames: u64, position: u64) -> Self {
        Self { input, position, length, frames }
    }

    /// Bytes read so far, in whole frames.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Frames read so far.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// The line before the first frame, if there is one of at most `most` bytes.
    pub(super) fn first_line(&mut self, most: usize) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        self.input.by_ref().take(most as u64).read_until(b'\n', &mut line)?;
        self.position = line.len() as u64;
        Ok(line.strip_suffix(b"\n").and_then(|line| String::from_utf8(line.to_vec()).ok()))
    }

    /// The payload of the next frame; none at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let left = self.length.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.fill(&mut bytes, HEAD as u64, left)?;
        if let Some((number, length, sum)) = head(&bytes)
            && number == self.frames
        {
            let end = (HEAD + length) as u64;
            if end <= left {
                self.fill(&mut bytes, end, left)?;
                if bytes.len() as u64 == end && checksum(number, &bytes[HEAD..]) == sum {
                    self.position += end;
                    self.frames += 1;
                    bytes.drain(..HEAD);
                    return Ok(Some(bytes));
                }
            }
        }
        self.fill(&mut bytes, left, left)?;
        Err(if has_frame(&bytes) { Broken::Damaged } else { Broken::Torn })
    }

    /// Reads on until `bytes` has `length`, or the file ends.
    fn fill(&mut self, bytes: &mut Vec<u8>, length: u64, most: u64) -> Result<(), Broken> {
        let more = length.min(most).saturating_sub(bytes.len() as u64);
        self.input.by_ref().take(more).read_to_end(bytes).map(|_| ()).map_err(Broken::Io)
    }
}

/// Whether a whole frame begins anywhere.
fn has_frame(bytes: &[u8]) -> bool {
    let starts = (0..bytes.len()).filter(|i| bytes[*i..].starts_with(&MARK));
    starts.filter_map(|i| Some((i, head(&bytes[i..])?))).any(|(i, (number, length, sum))| {
        bytes.get(i + HEAD..i + HEAD + length).is_some_and(|payload| checksum(number, payload) == sum)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut writer = FrameWriter::new(b"line\n".to_vec(), 5);
        for payload in payloads {
            writer.write(payload).expect("memory");
        }
        let length = writer.length();
        let bytes = writer.into_inner();
        assert_eq!(bytes.len() as u64, length);
        bytes
    }

    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Result<(), Broken>) {
        let mut reader = FrameReader::new(bytes, bytes.len() as u64);
        assert_eq!(reader.first_line(32).expect("memory").as_deref(), Some("line"));
        let mut frames = Vec::new();
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, Ok(())),
                Err(error) => return (frames, Err(error)),
            }
        }
    }

    #[test]
    fn frames_come_back_as_they_were_written() {
        let payloads: [&[u8]; 4] = [b"one", b"", &[0; 100_000], &MARK];
        let (frames, end) = read(&file(&payloads));
        assert_eq!(frames, payloads);
        assert!(end.is_ok());
    }

    #[test]
    fn a_cut_at_any_byte_takes_the_last_frames_only() {
        let whole = file(&[b"one", b"two", b"three"]);
        let ends: Vec<usize> = [5, 5 + 27, 5 + 54, whole.len()].to_vec();
        for cut in 5..whole.len() {
            let (frames, end) = read(&whole[..cut]);
            assert_eq!(frames.len(), ends.iter().filter(|end| **end <= cut).count() - 1, "cut at {cut}");
            assert_eq!(end.is_ok(), ends.contains(&cut), "cut at {cut}");
            assert!(matches!(end, Ok(()) | Err(Broken::Torn)), "cut at {cut}");
        }
    }

    #[test]
    fn a_change_before_the_last_frame_is_damage() {
        let whole = file(&[b"one", b"two", b"three"]);
        for at in 5..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let (_, end) = read(&bytes);
            let last = at >= 5 + 54;
            assert!(if last { matches!(end, Err(Broken::Torn)) } else { matches!(end, Err(Broken::Damaged)) }, "{at}");
        }
    }

    #[test]
    fn a_frame_that_is_missing_is_damage() {
        let whole = file(&[b"one", b"two", b"three"]);
        let without_second = [&whole[..5 + 27], &whole[5 + 54..]].concat();
        assert!(matches!(read(&without_second), (frames, Err(Broken::Damaged)) if frames.len() == 1));
        let without_first = [&whole[..5], &whole[5 + 27..]].concat();
        assert!(matches!(read(&without_first), (frames, Err(Broken::Damaged)) if frames.is_empty()));
    }
}

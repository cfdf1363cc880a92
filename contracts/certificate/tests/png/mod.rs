//! A reader of as much PNG as `rsvg-convert` writes: eight bits a channel, with transparency, not interlaced.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// A picture in pixels of red, green, blue and opacity.
pub(crate) struct Picture {
    width: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// A pixel.
    pub(crate) fn at(&self, x: usize, y: usize) -> [u8; 4] {
        let at = (y * self.width + x) * 4;
        self.pixels[at..at + 4].try_into().expect("four bytes")
    }

    /// Reads a file.
    pub(crate) fn decode(file: &[u8]) -> Self {
        let mut rest = file.strip_prefix(b"\x89PNG\r\n\x1a\n").expect("a PNG file");
        let (mut header, mut packed) = ([0; 13], Vec::new());
        while let [a, b, c, d, kind @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let data = &kind[4..4 + length];
            match &kind[..4] {
                b"IHDR" => header.copy_from_slice(data),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            rest = &kind[4 + length + 4..]; // and a checksum
        }
        let [width, height] =
            [0, 4].map(|at| u32::from_be_bytes(header[at..at + 4].try_into().expect("four")) as usize);
        assert_eq!(header[8..], [8, 6, 0, 0, 0], "eight bits, with transparency, not interlaced");

        let mut filtered = Vec::new();
        ZlibDecoder::new(&packed[..]).read_to_end(&mut filtered).expect("packed data");
        let line = width * 4;
        let mut pixels = vec![0u8; line * height];
        for (y, row) in filtered.chunks_exact(line + 1).enumerate() {
            for x in 0..line {
                let left = if x >= 4 { pixels[y * line + x - 4] } else { 0 };
                let above = if y > 0 { pixels[(y - 1) * line + x] } else { 0 };
                let corner = if y > 0 && x >= 4 { pixels[(y - 1) * line + x - 4] } else { 0 };
                let guess = match row[0] {
                    0 => 0,
                    1 => left,
                    2 => above,
                    3 => left.midpoint(above),
                    4 => nearest(left, above, corner),
                    other => panic!("there is no filter {other}"),
                };
                pixels[y * line + x] = row[x + 1].wrapping_add(guess);
            }
        }
        Self { width, pixels }
    }
}

/// Which of three neighbours is nearest to left + above − corner: Paeth's guess.
fn nearest(left: u8, above: u8, corner: u8) -> u8 {
    let sum = i16::from(left) + i16::from(above) - i16::from(corner);
    // the first of those that are equally near
    [left, above, corner].into_iter().min_by_key(|guess| (sum - i16::from(*guess)).abs()).unwrap_or(0)
}

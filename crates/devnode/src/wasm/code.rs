//! Codes of accounts: what marks a program, and how its module is unpacked.

use alloy_primitives::Address;
use brotli_decompressor::BrotliResult;

use crate::rules::Rules;

/// What an account's code is to Stylus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramCode<'a> {
    /// `EFF000 dd`: the whole module, compressed with dictionary `dd`.
    Classic {
        /// 0: none, 1: Nitro's own, which this node does not have.
        dictionary: u8,
        /// Brotli stream.
        compressed: &'a [u8],
    },
    /// `EFF001`: a piece of a module; not callable.
    Fragment {
        /// Piece of a brotli stream.
        piece: &'a [u8],
    },
    /// `EFF002 dd`: the list of accounts that hold the pieces.
    Root {
        /// As in a classic program.
        dictionary: u8,
        /// Length of the module after decompression.
        length: u32,
        /// Accounts of the pieces, in order.
        fragments: Vec<Address>,
    },
}

impl<'a> ProgramCode<'a> {
    /// Reads a code; `None` when it is no program under these rules.
    pub fn parse(code: &'a [u8], rules: &Rules) -> Option<Self> {
        let (prefix, rest) = code.split_first_chunk::<3>()?;
        match (prefix, rest.split_first()) {
            ([0xEF, 0xF0, 0x00], Some((&dictionary, compressed))) => Some(Self::Classic { dictionary, compressed }),
            ([0xEF, 0xF0, 0x01], _) if rules.fragments => Some(Self::Fragment { piece: rest }),
            ([0xEF, 0xF0, 0x02], Some((&dictionary, rest))) if rules.fragments => {
                let (length, list) = rest.split_first_chunk::<4>()?;
                let (chunks, []) = list.as_chunks::<20>() else {
                    return None;
                };
                Some(Self::Root {
                    dictionary,
                    length: u32::from_be_bytes(*length),
                    fragments: chunks.iter().map(Address::from).collect(),
                })
            }
            _ => None,
        }
    }

    /// The code is run as a program when its account is called.
    pub fn is_callable(code: &'a [u8], rules: &Rules) -> bool {
        matches!(Self::parse(code, rules), Some(Self::Classic { .. } | Self::Root { .. }))
    }
}

/// Why a program's code could not be unpacked; a plain revert without data for who activates it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// Only dictionary 0 is known.
    #[error("unsupported dictionary type: {0}")]
    Dictionary(u8),
    /// The stream is no brotli or is cut.
    #[error("failed decompression")]
    Corrupt,
    /// The module is longer than the chain allows.
    #[error("decompressed module is longer than {0} bytes")]
    TooLong(u32),
}

/// Unpacks a module, at most `max_size` bytes long.
///
/// # Errors
///
/// Unknown dictionaries, streams that are no brotli or are cut, and modules that are too long. Bytes behind the end of
/// the stream are ignored.
pub fn decompress(dictionary: u8, compressed: &[u8], max_size: u32) -> Result<Vec<u8>, UnpackError> {
    if dictionary != 0 {
        return Err(UnpackError::Dictionary(dictionary));
    }
    let mut module = vec![0; max_size as usize];
    let result = brotli_decompressor::brotli_decode(compressed, &mut module);
    match result.result {
        BrotliResult::ResultSuccess => {
            module.truncate(result.decoded_size);
            Ok(module)
        }
        BrotliResult::NeedsMoreOutput => Err(UnpackError::TooLong(max_size)),
        _ => Err(UnpackError::Corrupt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(version: u64) -> Rules {
        Rules::of(version).expect("a known version")
    }

    #[test]
    fn a_classic_program_has_a_dictionary_behind_its_prefix() {
        let parse = |code: &'static [u8]| ProgramCode::parse(code, &Rules::default());
        assert_eq!(parse(&[0xEF, 0xF0, 0, 7, 8, 9]), Some(ProgramCode::Classic { dictionary: 7, compressed: &[8, 9] }));
        assert_eq!(parse(&[0xEF, 0xF0, 0, 0]), Some(ProgramCode::Classic { dictionary: 0, compressed: &[] }));
        for code in [&[0xEF, 0xF0, 0][..], &[0xEF, 0xF0], &[0xEF, 0, 0, 0], &[0x60, 0, 0, 0], &[]] {
            assert_eq!(ProgramCode::parse(code, &Rules::default()), None, "{code:?}");
        }
    }

    #[test]
    fn roots_and_fragments_come_with_sixty_one() {
        let fragment = [0xEF, 0xF0, 1, 5, 6];
        let mut root = vec![0xEF, 0xF0, 2, 0, 0, 1, 0, 2];
        root.extend([0x11; 20]);
        root.extend([0x22; 20]);
        for code in [&fragment[..], &root] {
            assert_eq!(ProgramCode::parse(code, &rules(51)), None);
            assert!(!ProgramCode::is_callable(code, &rules(51)));
        }
        assert_eq!(ProgramCode::parse(&fragment, &rules(61)), Some(ProgramCode::Fragment { piece: &[5, 6] }));
        assert!(!ProgramCode::is_callable(&fragment, &rules(61)));
        assert_eq!(
            ProgramCode::parse(&root, &rules(61)),
            Some(ProgramCode::Root {
                dictionary: 0,
                length: 0x0001_0002,
                fragments: vec![Address::repeat_byte(0x11), Address::repeat_byte(0x22)],
            })
        );
        assert!(ProgramCode::is_callable(&root, &rules(61)));
        assert_eq!(ProgramCode::parse(&root[..root.len() - 1], &rules(61)), None, "half an address");
    }
}

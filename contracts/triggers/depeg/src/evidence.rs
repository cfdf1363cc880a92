//! Evidence: ABI-encoded hints where to look.

use alloc::vec::Vec;

use alloy_primitives::U256;
use protocol::{Result, abi::IDepegTrigger, error};

/// Most rounds that one call takes in.
pub(crate) const MOST_ROUNDS: usize = 32;

/// The round ids of an `abi.encode(uint80[])`.
///
/// # Errors
/// `InvalidEvidence` for anything else; `TooManyRounds`.
pub(crate) fn rounds(evidence: &[u8]) -> Result<Vec<u128>> {
    let invalid = || error!(IDepegTrigger::InvalidEvidence);
    let words: Vec<U256> = evidence.chunks_exact(32).map(U256::from_be_slice).collect();
    let [offset, length, ids @ ..] = words.as_slice() else { return Err(invalid()) };
    if !evidence.len().is_multiple_of(32) || *offset != U256::from(32) || *length != U256::from(ids.len()) {
        return Err(invalid());
    }
    if ids.len() > MOST_ROUNDS {
        return Err(error!(IDepegTrigger::TooManyRounds, *length, U256::from(MOST_ROUNDS)));
    }
    ids.iter().map(|id| if id.bit_len() <= 80 { Ok(id.to::<u128>()) } else { Err(invalid()) }).collect()
}

/// The start of a window, of an `abi.encode(uint64)`; nothing where there is no evidence.
///
/// # Errors
/// `InvalidEvidence` for anything else.
pub(crate) fn window(evidence: &[u8]) -> Result<Option<u64>> {
    if evidence.is_empty() {
        return Ok(None);
    }
    match evidence {
        word if word.len() == 32 && word[..24] == [0; 24] => Ok(Some(U256::from_be_slice(word).to::<u64>())),
        _ => Err(error!(IDepegTrigger::InvalidEvidence)),
    }
}

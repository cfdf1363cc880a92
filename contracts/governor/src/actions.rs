//! What a proposal does: calls in their order.

use alloc::vec::Vec;

use alloy_primitives::{Address, B256, U256, keccak256};
use protocol::{
    Result, Word,
    abi::IGovernor::{GovernorInvalidProposalLength, GovernorTooManyActions},
    error,
};
use standards::encoder::Encoder;
use stylus_sdk::abi::Bytes;

/// The most actions of a proposal.
pub(crate) const MOST: usize = 10;

/// A proposal's calls.
pub(crate) struct Actions {
    pub(crate) targets: Vec<Address>,
    pub(crate) values: Vec<U256>,
    pub(crate) calldatas: Vec<Bytes>,
}

impl Actions {
    /// Fails unless each action has its three parts, and there are one to [`MOST`].
    pub(crate) fn check(&self) -> Result<()> {
        let lengths = [self.targets.len(), self.calldatas.len(), self.values.len()];
        let [targets, calldatas, values] = lengths;
        if targets == 0 || targets != calldatas || targets != values {
            let [targets, calldatas, values] = lengths.map(U256::from);
            return Err(error!(GovernorInvalidProposalLength, targets, calldatas, values));
        }
        if targets > MOST {
            return Err(error!(GovernorTooManyActions, U256::from(targets), U256::from(MOST)));
        }
        Ok(())
    }

    /// The proposal's id: `keccak256(abi.encode(targets, values, calldatas, descriptionHash))`.
    pub(crate) fn proposal_id(&self, description_hash: B256) -> U256 {
        keccak256(self.encode(&[], &[description_hash.word()])).word()
    }

    /// The timelock's id for them: `keccak256(abi.encode(targets, values, calldatas, 0, salt))`.
    pub(crate) fn operation_id(&self, salt: B256) -> B256 {
        keccak256(self.encode(&[], &[U256::ZERO, salt.word()]))
    }

    /// The three arrays, and static `words` after them, as arguments behind `prefix`.
    #[inline(never)]
    pub(crate) fn encode(&self, prefix: &[u8], words: &[U256]) -> Vec<u8> {
        let mut encoder = Encoder::new(prefix, 3 + words.len());
        encoder.addresses(&self.targets).words(&self.values).payloads(&self.calldatas);
        for word in words {
            encoder.word(*word);
        }
        encoder.finish()
    }
}

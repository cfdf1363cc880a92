//! `ArbSys`: the chain about itself, and messages to L1.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use alloy_sol_types::SolValue;

use super::ArbSys::*;
use super::{Answer, Fail, Frame, word};
use crate::arbos::state::{space, u64_of};
use crate::arbos::storage::{Slots, Space};

/// What an L1 contract's address is raised by when it sends to L2.
const ALIAS: Address = address!("1111000000000000000000000000000000001111");
/// `arbOSVersion` counts on from the versions of the chain before Nitro.
const CLASSIC_VERSIONS: u64 = 55;
/// L2 blocks whose hash can be asked for.
const HASH_WINDOW: u64 = 256;
/// Gas of a hash, and of each word that goes into it.
const KECCAK: u64 = 30;
const KECCAK_WORD: u64 = 6;

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbSysCalls as C;
    match f.decode()? {
        C::arbBlockNumber(_) => {
            f.view()?;
            word(f.world.block().number)
        }
        C::arbBlockHash(c) => {
            f.view()?;
            let current = f.world.block().number;
            match u64::try_from(c.number) {
                Ok(n) if n < current && current - n <= HASH_WINDOW => Ok(f.world.block_hash(n).to_vec()),
                _ => Err(InvalidBlockNumber { requested: c.number, current: U256::from(current) }.into()),
            }
        }
        C::arbChainID(_) => {
            f.view()?;
            word(f.world.block().chain_id)
        }
        C::arbOSVersion(_) => {
            f.view()?;
            word(CLASSIC_VERSIONS + f.world.rules().arbos_version)
        }
        C::getStorageGasAvailable(_) => {
            f.view()?;
            word(0_u64)
        }
        C::isTopLevelCall(_) => {
            f.view()?;
            word(u64::from(f.world.depth() <= 1))
        }
        C::mapL1SenderContractAddressToL2Alias(c) => {
            f.pure()?;
            Ok(alias(c.sender).abi_encode())
        }
        // No transaction of this chain comes from an L1 contract.
        C::wasMyCallersAddressAliased(_) => {
            f.view()?;
            word(0_u64)
        }
        C::myCallersAddressWithoutAliasing(_) => {
            f.view()?;
            Ok(f.world.callers_caller().unwrap_or_default().abi_encode())
        }
        C::sendTxToL1(c) => send(f, c.destination, c.data),
        C::withdrawEth(c) => send(f, c.destination, Bytes::new()),
        C::sendMerkleTreeState(_) => {
            f.view()?;
            // Only calls from the zero address may ask: nodes do, contracts cannot.
            if f.request.caller != Address::ZERO {
                return Err(Fail::Plain);
            }
            let tree = Accumulator::open(f)?;
            let partials = tree.partials(f)?;
            let root = tree.root(&partials);
            Ok((U256::from(tree.size), root, partials).abi_encode_params())
        }
    }
}

fn alias(address: Address) -> Address {
    let sum = U256::from_be_slice(address.as_slice()) + U256::from_be_slice(ALIAS.as_slice());
    Address::from_word(B256::from(sum))
}

/// Sends a message to L1: burns the value, appends the message to the accumulator, logs both.
fn send(f: &mut Frame<'_>, destination: Address, data: Bytes) -> Answer {
    f.payable()?;
    let (caller, value) = (f.request.caller, f.request.value);
    let block = f.world.block().clone();
    // The L1 block number is a slot of ArbOS: reading it costs, though the block knows it too.
    f.read(space::block_hashes().at(0))?;
    let l1_number = block.l1_number;

    let message = [
        caller.as_slice(),
        destination.as_slice(),
        &U256::from(block.number).to_be_bytes::<32>(),
        &U256::from(l1_number).to_be_bytes::<32>(),
        &U256::from(block.timestamp).to_be_bytes::<32>(),
        &value.to_be_bytes::<32>(),
        &data,
    ]
    .concat();
    f.burn_gas(KECCAK + KECCAK_WORD * (message.len() as u64).div_ceil(32))?;
    let hash = keccak256(&message);

    let updates = Accumulator::open(f)?.append(f, hash)?;
    let size = u64_of(f.read(space::send_merkle().at(0))?);
    if !f.world.burn(f.request.precompile, value) {
        return Err(Fail::Plain);
    }
    for (level, position, node) in updates {
        // The place of a node: its level above, the number of its last leaf below.
        let position = (U256::from(level) << 192) + U256::from(position);
        f.emit(&SendMerkleUpdate { reserved: U256::ZERO, hash: node, position })?;
    }
    let leaf = U256::from(size - 1);
    f.emit(&L2ToL1Tx {
        caller,
        destination,
        hash: hash.into(),
        position: leaf,
        arbBlockNum: U256::from(block.number),
        ethBlockNum: U256::from(l1_number),
        timestamp: U256::from(block.timestamp),
        callvalue: value,
        data,
    })?;
    word(leaf)
}

/// The Merkle accumulator of messages: slot 0 holds their number, slot 2 + n the root of a full subtree of height n.
struct Accumulator {
    space: Space,
    size: u64,
}

impl Accumulator {
    fn open(f: &mut Frame<'_>) -> Result<Self, Fail> {
        let space = space::send_merkle();
        Ok(Self { space, size: u64_of(f.read(space.at(0))?) })
    }

    /// Levels that a tree of this size has.
    const fn levels(size: u64) -> u64 {
        (u64::BITS - size.leading_zeros()) as u64
    }

    /// Adds a leaf. Answers each node that became full: level, number of its last leaf, hash.
    fn append(self, f: &mut Frame<'_>, leaf: B256) -> Result<Vec<(u64, u64, B256)>, Fail> {
        let size = self.size + 1;
        f.write(self.space.at(0), U256::from(size))?;
        let mut node = keccak256(leaf);
        let mut updates = Vec::new();
        for level in 0.. {
            if level == Self::levels(size - 1) {
                f.write(self.space.at(2 + level), node.into())?;
                break;
            }
            let full = B256::from(f.read(self.space.at(2 + level))?);
            if full.is_zero() {
                f.write(self.space.at(2 + level), node.into())?;
                break;
            }
            f.burn_gas(KECCAK + KECCAK_WORD * 2)?;
            node = keccak256([full, node].concat());
            f.write(self.space.at(2 + level), U256::ZERO)?;
            updates.push((level + 1, size - 1, node));
        }
        Ok(updates)
    }

    fn partials(&self, f: &mut Frame<'_>) -> Result<Vec<B256>, Fail> {
        (0..Self::levels(self.size)).map(|level| f.read(self.space.at(2 + level)).map(B256::from)).collect()
    }

    /// Root of the tree, missing leaves taken as zero.
    fn root(&self, partials: &[B256]) -> B256 {
        let mut so_far: Option<(B256, u64)> = None;
        for (level, partial) in partials.iter().enumerate().filter(|(_, partial)| !partial.is_zero()) {
            so_far = Some(match so_far {
                None => (*partial, level as u64),
                Some((mut node, mut height)) => {
                    while height < level as u64 {
                        node = keccak256([node, B256::ZERO].concat());
                        height += 1;
                    }
                    (keccak256([*partial, node].concat()), level as u64 + 1)
                }
            });
        }
        so_far.map(|(node, _)| node).unwrap_or_default()
    }
}

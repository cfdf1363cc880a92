//! `NodeInterface`: not on chain. The node itself answers calls to its address.

use std::convert::Infallible;

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolInterface, SolValue};
use revm::Database;

use super::Executor;
use super::estimate::{Estimate, estimate};
use super::transaction;
use super::types::{BlockContext, Execution, Options, Status, TxError, TxRequest};
use crate::arbos::precompiles::NodeInterface::NodeInterfaceCalls as C;

/// Answers a call to `NodeInterface`: what it does not know, or cannot decode, is a revert without data.
pub(super) fn answer<DB>(
    executor: &Executor,
    mut db: DB,
    block: &BlockContext,
    tx: &TxRequest,
    options: &Options,
) -> Result<Execution, TxError>
where
    DB: Database<Error = Infallible>,
{
    let output = match C::abi_decode(&tx.data) {
        Ok(C::nitroGenesisBlock(_)) => Some(U256::ZERO.abi_encode()),
        // Batches are never posted: nothing is confirmed, and no block is in any batch.
        Ok(C::getL1Confirmations(_)) => Some(U256::ZERO.abi_encode()),
        Ok(C::findBatchContainingBlock(_)) | Err(_) => None,
        // The L1 block number stands still on a chain without L1, as far as this block can tell.
        Ok(C::blockL1Num(c)) => (c.l2BlockNum <= block.number).then(|| U256::from(block.l1_number).abi_encode()),
        Ok(C::l2BlockRangeForL1(c)) => {
            (c.blockNum == block.l1_number).then(|| (0_u64, block.number).abi_encode_params())
        }
        Ok(C::gasEstimateL1Component(c)) => {
            let request = asked(tx, c.to, c.contractCreation, c.data);
            let (gas, price) = transaction::l1_gas(executor, &mut db, block, &request);
            Some((gas, U256::from(block.basefee), price).abi_encode_params())
        }
        Ok(C::gasEstimateComponents(c)) => {
            let request = asked(tx, c.to, c.contractCreation, c.data);
            match gas_of(executor, &mut db, block, &request, options)? {
                Estimate::Gas(gas) => {
                    let (l1_gas, price) = transaction::l1_gas(executor, &mut db, block, &request);
                    Some((gas, l1_gas, U256::from(block.basefee), price).abi_encode_params())
                }
                Estimate::Fails(execution) => return Ok(*execution),
                Estimate::NeedsMore => {
                    return Ok(ended(tx, Status::Halt(super::words::OUT_OF_GAS.into()), Bytes::new()));
                }
            }
        }
    };
    Ok(match output {
        Some(output) => ended(tx, Status::Success, output.into()),
        None => ended(tx, Status::Revert, Bytes::new()),
    })
}

/// The call that a method asks about.
fn asked(tx: &TxRequest, to: Address, creates: bool, data: Bytes) -> TxRequest {
    TxRequest { to: (!creates).then_some(to), data, ..tx.clone() }
}

/// Gas that a call needs, at most what the asking call has.
fn gas_of<DB>(
    executor: &Executor,
    db: &mut DB,
    block: &BlockContext,
    request: &TxRequest,
    options: &Options,
) -> Result<Estimate, TxError>
where
    DB: Database<Error = Infallible>,
{
    let options = Options { mode: options.mode, ..Options::CALL };
    estimate(request.gas_limit, |gas_limit| {
        let request = TxRequest { gas_limit, ..request.clone() };
        match transaction::execute(executor, &mut *db, block, &request, &options) {
            Ok(execution) => Ok(Some(execution)),
            Err(TxError::IntrinsicGasTooLow { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// An execution that touched nothing.
fn ended(tx: &TxRequest, status: Status, output: Bytes) -> Execution {
    Execution { status, gas_used: tx.gas_limit.min(transaction::BASE_GAS), output, ..Execution::default() }
}

//! The opcodes that answer differently on Arbitrum.

use std::convert::Infallible;

use alloy_primitives::{B256, U256, keccak256};
use revm::Database;
use revm::bytecode::opcode;
use revm::context::JournalTr;
use revm::handler::instructions::EthInstructions;
use revm::interpreter::instructions::host::selfdestruct;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::InputsTr;
use revm::interpreter::{Instruction, InstructionContext, InstructionExecResult, InstructionResult};
use revm::primitives::hardfork::SpecId;

use super::context::Ctx;
use crate::wasm::code::ProgramCode;

type At<'a, DB> = InstructionContext<'a, Ctx<DB>, EthInterpreter>;

/// Ethereum's opcodes with Arbitrum's in their place. `COINBASE`, `PREVRANDAO`, `GASLIMIT` and `GASPRICE` need nothing:
/// the block and the transaction that revm sees hold what they answer.
pub(super) fn table<DB>(spec: SpecId) -> EthInstructions<EthInterpreter, Ctx<DB>>
where
    DB: Database<Error = Infallible>,
{
    let mut table = EthInstructions::new_mainnet_with_spec(spec);
    let gas = |op: u8| table.gas_table()[op as usize];
    let [number_gas, hash_gas, blob_gas, destruct_gas] =
        [opcode::NUMBER, opcode::BLOCKHASH, opcode::BLOBBASEFEE, opcode::SELFDESTRUCT].map(gas);
    table.insert_instruction(opcode::NUMBER, Instruction::new(number), number_gas);
    table.insert_instruction(opcode::BLOCKHASH, Instruction::new(block_hash), hash_gas);
    table.insert_instruction(opcode::BLOBBASEFEE, Instruction::new(blob_base_fee), blob_gas);
    table.insert_instruction(opcode::SELFDESTRUCT, Instruction::new(self_destruct), destruct_gas);
    table
}

/// `NUMBER` is that of the L1 block, which ArbOS knows.
fn number<DB: Database<Error = Infallible>>(at: At<'_, DB>) -> InstructionExecResult {
    at.host.chain.read_l1_number = true;
    let number = U256::from(at.host.chain.block.l1_number);
    if at.interpreter.stack.push(number) { Ok(()) } else { Err(InstructionResult::StackOverflow) }
}

/// L1 blocks whose hash can be asked for.
const HASH_WINDOW: u64 = 256;

/// `BLOCKHASH` counts L1 blocks. There is no L1 here: the hashes are made up, the same on every run.
fn block_hash<DB: Database<Error = Infallible>>(at: At<'_, DB>) -> InstructionExecResult {
    let Some(([], number)) = at.interpreter.stack.popn_top() else {
        return Err(InstructionResult::StackUnderflow);
    };
    at.host.chain.read_l1_number = true;
    let current = at.host.chain.block.l1_number;
    *number = match u64::try_from(*number) {
        Ok(n) if n < current && current - n <= HASH_WINDOW => l1_block_hash(n).into(),
        _ => U256::ZERO,
    };
    Ok(())
}

/// The hash that stands for an L1 block's.
fn l1_block_hash(number: u64) -> B256 {
    keccak256([b"l1 block ".as_slice(), &number.to_be_bytes()].concat())
}

/// `BLOBBASEFEE` fails its frame.
fn blob_base_fee<DB: Database<Error = Infallible>>(at: At<'_, DB>) -> InstructionExecResult {
    at.host.chain.failure = Some("BLOBBASEFEE is not supported on Arbitrum".into());
    Err(InstructionResult::OpcodeNotFound)
}

/// `SELFDESTRUCT` reverts where a program delegates to its code, and is recorded.
fn self_destruct<DB: Database<Error = Infallible>>(at: At<'_, DB>) -> InstructionExecResult {
    let acting = at.interpreter.input.target_address();
    let Ok(account) = at.host.journaled_state.load_account_with_code(acting);
    let balance = account.info.balance;
    let is_program = account
        .info
        .code
        .as_ref()
        .is_some_and(|code| ProgramCode::is_callable(code.original_byte_slice(), &at.host.chain.rules));
    if is_program {
        return Err(InstructionResult::Revert);
    }
    let Some(target) = at.interpreter.stack.data().last().copied() else {
        return Err(InstructionResult::StackUnderflow);
    };
    let At { interpreter, host } = at;
    let ended = selfdestruct(At { interpreter: &mut *interpreter, host: &mut *host });
    if ended == Err(InstructionResult::SelfDestruct) {
        let target = alloy_primitives::Address::from_word(B256::from(target));
        if let Some(calls) = &mut host.chain.calls {
            calls.self_destruct(acting, target, balance);
        }
        if let Some(trace) = &mut host.chain.host {
            trace.enter("evm_self_destruct", target);
            trace.exit();
        }
    }
    ended
}

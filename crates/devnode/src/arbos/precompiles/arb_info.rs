//! `ArbInfo`, for light clients, and `ArbStatistics`, which has little left to tell.

use alloy_primitives::U256;
use alloy_sol_types::SolValue;

use super::ArbInfo::ArbInfoCalls;
use super::ArbStatistics::ArbStatisticsCalls;
use super::{Answer, Frame, gas, word, words};

/// Gas for reading an account's code, the copy not included.
const CODE: u64 = 2_100;

pub(super) fn info(f: &mut Frame<'_>) -> Answer {
    match f.decode()? {
        ArbInfoCalls::getBalance(c) => {
            f.view()?;
            f.burn_gas(gas::BALANCE)?;
            word(f.world.balance(c.account))
        }
        ArbInfoCalls::getCode(c) => {
            f.view()?;
            f.burn_gas(CODE)?;
            let code = f.world.code(c.account);
            f.copy(code.len())?;
            Ok((code,).abi_encode_params())
        }
    }
}

pub(super) fn statistics(f: &mut Frame<'_>) -> Answer {
    match f.decode()? {
        ArbStatisticsCalls::getStats(_) => {
            f.view()?;
            let mut stats = [U256::ZERO; 6];
            stats[0] = U256::from(f.world.block().number);
            words(stats)
        }
    }
}

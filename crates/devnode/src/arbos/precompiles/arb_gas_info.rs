//! `ArbGasInfo`: prices and how they move.

use alloy_primitives::{Address, U256};

use super::ArbGasInfo::ArbGasInfoCalls;
use super::{Answer, Fail, Frame, word, words};
use crate::arbos::state::{l1, l2, space};
use crate::arbos::storage::Slots;

/// Gas of a byte of calldata on L1, and of a slot that begins to hold something.
const CALLDATA_GAS: u64 = 16;
const STORAGE_GAS: u64 = 20_000;
/// Bytes of a small transaction, which the prices by transaction are counted for.
const SMALL_TX_BYTES: u64 = 140;

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbGasInfoCalls as C;
    match f.decode()? {
        C::getPricesInWei(_) => prices_in_wei(f, Address::ZERO),
        C::getPricesInWeiWithAggregator(c) => prices_in_wei(f, c.aggregator),
        C::getPricesInArbGas(_) => prices_in_gas(f, Address::ZERO),
        C::getPricesInArbGasWithAggregator(c) => prices_in_gas(f, c.aggregator),
        C::getGasAccountingParams(_) => {
            f.view()?;
            let speed = f.read(space::l2().at(l2::SPEED_LIMIT))?;
            let limit = f.read(space::l2().at(l2::PER_TX_GAS_LIMIT))?;
            words([speed, limit, limit])
        }
        C::getMinimumGasPrice(_) => field(f, l2::MIN_BASE_FEE),
        C::getGasBacklog(_) => field(f, l2::BACKLOG),
        C::getPricingInertia(_) => field(f, l2::INERTIA),
        C::getGasBacklogTolerance(_) => field(f, l2::TOLERANCE),
        C::getL1BaseFeeEstimate(_) | C::getL1GasPriceEstimate(_) => l1_field(f, l1::PRICE_PER_UNIT),
        C::getL1BaseFeeEstimateInertia(_) => l1_field(f, l1::INERTIA),
        C::getL1RewardRate(_) => l1_field(f, l1::PER_UNIT_REWARD),
        C::getL1PricingEquilibrationUnits(_) => l1_field(f, l1::EQUILIBRATION_UNITS),
        C::getCurrentTxL1GasFees(_) => {
            f.view()?;
            word(f.world.l1_fee())
        }
    }
}

fn field(f: &mut Frame<'_>, offset: u64) -> Answer {
    f.view()?;
    word(f.read(space::l2().at(offset))?)
}

fn l1_field(f: &mut Frame<'_>, offset: u64) -> Answer {
    f.view()?;
    word(f.read(space::l1().at(offset))?)
}

/// What a byte of calldata costs on L1, and the base fee of this block.
fn prices(f: &mut Frame<'_>) -> Result<(U256, U256), Fail> {
    f.view()?;
    let unit = f.read(space::l1().at(l1::PRICE_PER_UNIT))?;
    Ok((unit.saturating_mul(U256::from(CALLDATA_GAS)), U256::from(f.world.block().basefee)))
}

fn prices_in_wei(f: &mut Frame<'_>, _aggregator: Address) -> Answer {
    let (byte, gas) = prices(f)?;
    let floor = f.read(space::l2().at(l2::MIN_BASE_FEE))?.min(gas);
    words([
        byte.saturating_mul(U256::from(SMALL_TX_BYTES)),
        byte,
        gas.saturating_mul(U256::from(STORAGE_GAS)),
        floor,
        gas.saturating_sub(floor),
        gas,
    ])
}

fn prices_in_gas(f: &mut Frame<'_>, _aggregator: Address) -> Answer {
    let (byte, gas) = prices(f)?;
    let byte = byte.checked_div(gas).unwrap_or_default();
    words([byte.saturating_mul(U256::from(SMALL_TX_BYTES)), byte, U256::from(STORAGE_GAS)])
}

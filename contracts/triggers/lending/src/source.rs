//! What lenders say. Every read is bounded; what does not answer, or answers something absurd, tells nothing.

use actuary::math::mul_div_down;
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, sol};
use protocol::{
    Result, Word,
    abi::{IERC20, IERC4626},
    fall::{
        course::Reading,
        probe::{address, amount, look, to_address},
    },
    oracle::ONE,
};
use stylus_sdk::host::VM;

use crate::{
    config::{Config, Kind},
    tally::{Losses, Moment, Tally},
};

sol! {
    interface IAavePool {
        function getReserveData(address asset) external view returns (uint256);
        function getReserveDeficit(address asset) external view returns (uint256);
    }
    interface IAToken {
        function UNDERLYING_ASSET_ADDRESS() external view returns (address);
    }
    interface IMetaMorpho {
        function lostAssets() external view returns (uint256);
    }
    interface IDecimals {
        function decimals() external view returns (uint8);
    }
}

/// Where the tokens are in the words of `getReserveData`: configuration, liquidity index and rate, variable index and
/// rate, stable rate, time, id, aToken, stable debt, variable debt.
const A_TOKEN: usize = 8;
const VARIABLE_DEBT: usize = 10;

/// To whose shares lost assets of MetaMorpho are paid back.
const DEAD: Address = Address::with_last_byte(1);

/// The most decimals of a share.
const MOST_DECIMALS: u128 = 30;

/// A reading, and the tally that it leads to.
pub(crate) struct Read {
    pub(crate) reading: Reading,
    pub(crate) tally: Option<Tally>,
    /// Claims are bare at this moment, be it by a loan of a moment: nothing is sold, but that proves nothing yet.
    pub(crate) bare: bool,
}

/// Finds the tokens of a subject whose source, asset and kind are set; `None` where they are not what they are said to be.
///
/// # Errors
/// `InsufficientGas`.
pub(crate) fn resolve(vm: &VM, mut config: Config) -> Result<Option<Config>> {
    let asset = match config.kind {
        Kind::Aave => {
            let selector = IAavePool::getReserveDataCall::SELECTOR;
            let words: Option<[U256; 11]> = look(vm, config.source, selector, &[config.asset.word()])?;
            let Some(words) = words else { return Ok(None) };
            let tokens = (to_address(words[A_TOKEN]), to_address(words[VARIABLE_DEBT]));
            let (Some(share), Some(debt)) = tokens else { return Ok(None) };
            (config.share, config.debt) = (share, debt);
            address(vm, share, IAToken::UNDERLYING_ASSET_ADDRESSCall::SELECTOR, &[])?
        }
        Kind::Price | Kind::Lost => {
            config.share = config.source;
            address(vm, config.source, IERC4626::assetCall::SELECTOR, &[])?
        }
    };
    let decimals = amount(vm, config.share, IDecimals::decimalsCall::SELECTOR, &[])?;
    match decimals {
        Some(decimals) if asset == Some(config.asset) && decimals <= MOST_DECIMALS => {
            config.decimals = decimals as u8;
            Ok(Some(config))
        }
        _ => Ok(None),
    }
}

/// What a source whose losses are added up says at its registration.
///
/// # Errors
/// `InsufficientGas`.
pub(crate) fn first_tally(vm: &VM, config: &Config) -> Result<Option<Tally>> {
    let found = match config.kind {
        Kind::Aave => reserve(vm, config)?,
        Kind::Price => Some(Losses { missing: 0, supply: 1, short: 0 }),
        Kind::Lost => lost(vm, config)?,
    };
    Ok(found.filter(|losses| losses.supply > 0).as_ref().map(Tally::begin))
}

/// Reads what a share is worth now.
///
/// # Errors
/// `InsufficientGas`.
pub(crate) fn read(vm: &VM, config: &Config, tally: &Tally, at: &Moment) -> Result<Option<Read>> {
    let losses = match config.kind {
        Kind::Aave => reserve(vm, config)?,
        Kind::Price => None,
        Kind::Lost => lost(vm, config)?,
    };
    let tally = match &losses {
        Some(losses) => Some(tally.next(losses, at)?),
        None if config.kind == Kind::Price => None,
        None => return Ok(None),
    };
    let kept = tally.map_or(ONE, |tally| tally.value());
    let value = if config.kind == Kind::Aave {
        kept
    } else {
        let Some(price) = price(vm, config)? else { return Ok(None) };
        // at most the price
        mul_div_down(U256::from(price), U256::from(kept), U256::from(ONE))?.to::<u128>()
    };
    let latent = tally.is_some_and(|tally| tally.is_latent(at));
    let bare = tally.is_some_and(|tally| tally.is_bare());
    Ok(Some(Read { reading: Reading { value, latent, doubtful: false }, tally, bare }))
}

/// What a vault says that one share is worth.
fn price(vm: &VM, config: &Config) -> Result<Option<u128>> {
    let price = amount(vm, config.source, IERC4626::convertToAssetsCall::SELECTOR, &[U256::from(config.unit())])?;
    // Without shares there is no price of one.
    Ok(price.zip(supply(vm, config)?.filter(|supply| *supply > 0)).map(|(price, _)| price))
}

/// Of a reserve of Aave: its deficit and its supply.
fn reserve(vm: &VM, config: &Config) -> Result<Option<Losses>> {
    let Some(missing) = deficit(vm, config)? else { return Ok(None) };
    let Some(supply) = supply(vm, config)? else { return Ok(None) };
    let Some(debt) = amount(vm, config.debt, IERC20::totalSupplyCall::SELECTOR, &[])? else { return Ok(None) };
    let cash = amount(vm, config.asset, IERC20::balanceOfCall::SELECTOR, &[config.share.word()])?;
    let Some(cash) = cash else { return Ok(None) };
    let short = supply.saturating_sub(cash).saturating_sub(debt).saturating_sub(missing);
    Ok(Some(Losses { missing, supply, short }))
}

/// Of a vault that tells its losses: what is lost and not covered, and the total assets.
fn lost(vm: &VM, config: &Config) -> Result<Option<Losses>> {
    let total = amount(vm, config.source, IERC4626::totalAssetsCall::SELECTOR, &[])?;
    let lost = amount(vm, config.source, IMetaMorpho::lostAssetsCall::SELECTOR, &[])?;
    let dead = amount(vm, config.source, IERC20::balanceOfCall::SELECTOR, &[DEAD.word()])?;
    let (Some(supply), Some(lost), Some(dead)) = (total, lost, dead) else { return Ok(None) };
    let back = match dead {
        0 => Some(0),
        dead => amount(vm, config.source, IERC4626::convertToAssetsCall::SELECTOR, &[U256::from(dead)])?,
    };
    let Some(back) = back else { return Ok(None) };
    let missing = lost.saturating_sub(back);
    // Who has lost more than there is said to be tells something absurd.
    Ok((supply > 0 && missing <= supply).then_some(Losses { missing, supply, short: 0 }))
}

fn deficit(vm: &VM, config: &Config) -> Result<Option<u128>> {
    amount(vm, config.source, IAavePool::getReserveDeficitCall::SELECTOR, &[config.asset.word()])
}

/// The insured's shares.
///
/// # Errors
/// `InsufficientGas`.
pub(crate) fn shares(vm: &VM, config: &Config, insured: Address) -> Result<Option<u128>> {
    amount(vm, config.share, IERC20::balanceOfCall::SELECTOR, &[insured.word()])
}

/// All shares.
///
/// # Errors
/// `InsufficientGas`.
pub(crate) fn supply(vm: &VM, config: &Config) -> Result<Option<u128>> {
    amount(vm, config.share, IERC20::totalSupplyCall::SELECTOR, &[])
}

/// What shares are worth in the asset, at `value` for one.
///
/// # Errors
/// `MathOverflow`, which no amount of a real token reaches.
pub(crate) fn worth(config: &Config, shares: u128, value: u128) -> Result<U256> {
    // aTokens count the asset itself; their value is in WAD
    let unit = if config.kind == Kind::Aave { ONE } else { config.unit() };
    Ok(mul_div_down(U256::from(shares), U256::from(value), U256::from(unit))?)
}

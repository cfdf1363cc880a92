//! The first program: what happens every day. Its fallback runs the second one ([`crate::extension`]).

use actuary::{math::to_u128, payout::Rise};
use alloy_primitives::{Address, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result,
    abi::{IERC20, IERC4626, IERC7540Redeem, IOwned::ParameterOutOfBounds, IVault},
    call::{ask, token},
    error, ext, routes,
};
use standards::text::ShortString;
use stylus_sdk::{ArbResult, prelude::*, stylus_core::host::MessageAccess};

use crate::{
    premiums::{Premium, Sold, name as parameter},
    state::State,
};

/// The shortest week, for development networks, and the longest, the real one, in seconds.
const WEEKS: [u64; 2] = [10, 7 * 24 * 60 * 60];
/// The longest cooldown: thirty days.
const LONGEST_COOLDOWN: u64 = 30 * 24 * 60 * 60;
/// The longest that a due cohort waits for incidents to be settled: three days.
const LONGEST_PATIENCE: u64 = 3 * 24 * 60 * 60;
/// Six decimals more than this must fit.
const MOST_DECIMALS: u64 = 30;

/// The vault, first program.
#[entrypoint]
#[storage]
pub struct Vault {
    /// Everything, in the layout of all programs.
    state: State,
}

routes! {
    Vault, constructor(owner, setup, extension, second_extension, asset, name, symbol, week_seconds, cooldown, patience), fallback(fallback);
    IERC20::totalSupplyCall => total_supply();
    IERC20::balanceOfCall => balance_of(account);
    IERC20::allowanceCall => allowance(owner, spender);
    IERC20::transferCall => transfer(to, value);
    IERC20::approveCall => approve(spender, value);
    IERC20::transferFromCall => transfer_from(from, to, value);
    IERC4626::assetCall => asset();
    IERC4626::totalAssetsCall => total_assets();
    IERC4626::depositCall => deposit(assets, receiver);
    IVault::depositCall => deposit_at_least(assets, receiver, min_shares);
    IERC4626::mintCall => mint(shares, receiver);
    IVault::mintCall => mint_at_most(shares, receiver, max_assets);
    IERC7540Redeem::requestRedeemCall => request_redeem(shares, controller, owner);
    IERC4626::redeemCall => redeem(shares, receiver, controller);
    IERC4626::withdrawCall => withdraw(assets, receiver, controller);
    IVault::capitalCall => capital();
    IVault::premiumCall => premium(net, start, end, treasury_fee, jury_fee, referrer, referral_fee);
    IVault::refundCall => refund(net, start, end, remaining, cover, short_rate_bps, to);
    IVault::repriceCall => reprice(net, start, end, added_net, new_end, treasury_fee, jury_fee, referrer, referral_fee);
    IVault::payCall => pay(policy, to, before, total, reserve_before, reserve_after);
}

impl Vault {
    /// Sets the vault up, for ever but for its peers: owner and set-up key; the second and the third program; the asset; the share's
    /// name and symbol, of at most 31 bytes each; the lengths of a week, of the cooldown, and of the wait for incidents, in seconds.
    #[allow(clippy::too_many_arguments)]
    pub fn constructor(
        &mut self,
        owner: Address,
        setup: Address,
        extension: Address,
        second_extension: Address,
        asset: Address,
        name: &[u8],
        symbol: &[u8],
        week_seconds: u64,
        cooldown: u64,
        patience: u64,
    ) -> Result<()> {
        if !(WEEKS[0]..=WEEKS[1]).contains(&week_seconds) {
            return Err(error!(ParameterOutOfBounds, parameter("weekSeconds"), week_seconds));
        }
        if cooldown > LONGEST_COOLDOWN {
            return Err(error!(ParameterOutOfBounds, parameter("cooldown"), cooldown));
        }
        if patience > LONGEST_PATIENCE {
            return Err(error!(ParameterOutOfBounds, parameter("patience"), patience));
        }
        let state = &mut self.state;
        state.roles.construct(owner, setup)?;
        state.extension.construct(extension)?;
        state.second_extension.construct(second_extension)?;
        let decimals = ask(state.vm(), asset, token::Erc20::decimalsCall::SELECTOR, &[])?.u64(0)?;
        if decimals > MOST_DECIMALS {
            return Err(error!(ParameterOutOfBounds, parameter("decimals"), decimals));
        }
        state.shares.construct(short("name", name)?, short("symbol", symbol)?);
        state.construct_settings(asset, decimals as u8 + 6, cooldown, patience);
        state.construct_books(week_seconds)
    }

    /// Whatever the first program does not know.
    pub fn fallback(&mut self, calldata: &[u8]) -> ArbResult {
        ext::delegate(self.state.vm(), self.state.extension.program(), calldata)
    }

    // The share

    /// See `IERC20`.
    pub fn total_supply(&self) -> U256 {
        U256::from(self.state.supply())
    }

    /// See `IERC20`. The vault itself has the shares that asked to leave.
    pub fn balance_of(&self, account: Address) -> U256 {
        self.state.balance_of(account)
    }

    /// See `IERC20`.
    pub fn allowance(&self, owner: Address, spender: Address) -> U256 {
        self.state.shares.allowances.allowance(owner, spender)
    }

    /// See `IERC20`.
    pub fn transfer(&mut self, to: Address, value: U256) -> Result<bool> {
        let from = self.state.vm().msg_sender();
        self.state.shares.transfer(from, to, value)?;
        Ok(true)
    }

    /// See `IERC20`.
    pub fn approve(&mut self, spender: Address, value: U256) -> Result<bool> {
        let owner = self.state.vm().msg_sender();
        self.state.shares.allowances._approve(owner, spender, value)?;
        Ok(true)
    }

    /// See `IERC20`.
    pub fn transfer_from(&mut self, from: Address, to: Address, value: U256) -> Result<bool> {
        self.state.shares.spend(from, value)?;
        self.state.shares.transfer(from, to, value)?;
        Ok(true)
    }

    // Deposits

    /// See `IERC4626`.
    pub fn asset(&self) -> Address {
        self.state.asset()
    }

    /// See `IERC4626`.
    pub fn total_assets(&self) -> Result<U256> {
        self.state.total_assets()
    }

    /// See `IERC4626`.
    pub fn deposit(&mut self, assets: U256, receiver: Address) -> Result<U256> {
        self.state.deposit(assets, receiver, U256::ZERO)
    }

    /// See `IVault`: a deposit that makes at least `min_shares`.
    pub fn deposit_at_least(&mut self, assets: U256, receiver: Address, min_shares: U256) -> Result<U256> {
        self.state.deposit(assets, receiver, min_shares)
    }

    /// See `IERC4626`.
    pub fn mint(&mut self, shares: U256, receiver: Address) -> Result<U256> {
        self.state.mint(shares, receiver, U256::MAX)
    }

    /// See `IVault`: a mint that takes at most `max_assets`.
    pub fn mint_at_most(&mut self, shares: U256, receiver: Address, max_assets: U256) -> Result<U256> {
        self.state.mint(shares, receiver, max_assets)
    }

    // Redemptions

    /// See `IERC7540Redeem`.
    pub fn request_redeem(&mut self, shares: U256, controller: Address, owner: Address) -> Result<U256> {
        self.state.request_redeem(shares, controller, owner)
    }

    /// See `IERC4626`.
    pub fn redeem(&mut self, shares: U256, receiver: Address, controller: Address) -> Result<U256> {
        self.state.redeem(shares, receiver, controller)
    }

    /// See `IERC4626`.
    pub fn withdraw(&mut self, assets: U256, receiver: Address, controller: Address) -> Result<U256> {
        self.state.withdraw(assets, receiver, controller)
    }

    // Policy and assessor

    /// See `IVault`.
    pub fn capital(&self) -> Result<(U256, bool)> {
        self.state.capital()
    }

    /// See `IVault`.
    #[allow(clippy::too_many_arguments)]
    pub fn premium(
        &mut self,
        net: U256,
        start: U256,
        end: U256,
        treasury_fee: U256,
        jury_fee: U256,
        referrer: Address,
        referral_fee: U256,
    ) -> Result<()> {
        self.state.premium(&Premium { net, start, end, treasury_fee, jury_fee, referrer, referral_fee })
    }

    /// See `IVault`.
    #[allow(clippy::too_many_arguments)]
    pub fn refund(
        &mut self,
        net: U256,
        start: U256,
        end: U256,
        remaining: U256,
        cover: U256,
        short_rate_bps: U256,
        to: Address,
    ) -> Result<U256> {
        self.state.refund(&Sold::new(net, start, end)?, [remaining, cover, short_rate_bps], to)
    }

    /// See `IVault`.
    #[allow(clippy::too_many_arguments)]
    pub fn reprice(
        &mut self,
        net: U256,
        start: U256,
        end: U256,
        added_net: U256,
        new_end: U256,
        treasury_fee: U256,
        jury_fee: U256,
        referrer: Address,
        referral_fee: U256,
    ) -> Result<U256> {
        let premium = Premium { net: added_net, start, end: new_end, treasury_fee, jury_fee, referrer, referral_fee };
        self.state.reprice(&Sold::new(net, start, end)?, &premium)
    }

    /// See `IVault`.
    pub fn pay(
        &mut self,
        policy: U256,
        to: Address,
        before: U256,
        total: U256,
        reserve_before: U256,
        reserve_after: U256,
    ) -> Result<U256> {
        let rise = Rise {
            before: to_u128(before)?,
            total: to_u128(total)?,
            reserve_before: to_u128(reserve_before)?,
            reserve_after: to_u128(reserve_after)?,
        };
        self.state.pay(policy, to, &rise)
    }
}

/// A text of the share's, where it is short enough.
fn short(what: &str, text: &[u8]) -> Result<ShortString> {
    ShortString::new(text).ok_or_else(|| error!(ParameterOutOfBounds, parameter(what), text.len() as u64))
}

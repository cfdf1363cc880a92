//! The third program: what is only read, and what governance does. It runs by DELEGATECALL of the second one
//! ([`crate::extension`]), on the first one's storage.

use alloy_primitives::{Address, B256, FixedBytes, U256};
use protocol::{
    Result,
    abi::{
        IERC20, IERC165, IERC4626, IERC7540Redeem,
        IOwned::{self, AlreadyWired, ParameterOutOfBounds},
        IPausable::PauseSet,
        IVault::{self, PeersSet, PreviewNotSupported, RunOffSet, TreasurySet},
    },
    call, emit, error, routes,
};
use standards::{dispatch::Encoded, text::ShortString};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, MessageAccess},
};

use crate::{
    premiums::name as parameter,
    state::{DEPOSITS, REDEMPTIONS, State},
};

/// The vault, third program. Natively all programs exist; as WASM a build holds one of them.
#[cfg_attr(target_arch = "wasm32", entrypoint)]
#[storage]
pub struct VaultMore {
    /// Everything, in the layout of all programs.
    state: State,
}

#[cfg(not(target_arch = "wasm32"))]
// SAFETY: the struct is the root of the contract's storage, as an entrypoint is.
unsafe impl stylus_sdk::stylus_core::storage::TopLevelStorage for VaultMore {}

routes! {
    VaultMore;
    IERC20::nameCall => name();
    IERC20::symbolCall => symbol();
    IERC20::decimalsCall => decimals();
    IERC7540Redeem::shareCall => share();
    IERC165::supportsInterfaceCall => supports_interface(interface_id);
    IERC4626::maxDepositCall => max_deposit(receiver);
    IERC4626::maxMintCall => max_mint(receiver);
    IERC4626::convertToSharesCall => convert_to_shares(assets);
    IERC4626::convertToAssetsCall => convert_to_assets(shares);
    IERC4626::previewDepositCall => preview_deposit(assets);
    IERC4626::previewMintCall => preview_mint(shares);
    IERC4626::maxWithdrawCall => max_withdraw(controller);
    IERC4626::previewWithdrawCall => preview_withdraw(assets);
    IERC4626::maxRedeemCall => max_redeem(controller);
    IERC4626::previewRedeemCall => preview_redeem(shares);
    IERC7540Redeem::pendingRedeemRequestCall => pending_redeem_request(request_id, controller);
    IERC7540Redeem::claimableRedeemRequestCall => claimable_redeem_request(request_id, controller);
    IVault::requestOfCall => request_of(controller);
    IVault::cohortCall => cohort(week);
    IVault::redemptionHeadCall => redemption_head();
    IVault::owedOfCall => owed_of(policy);
    IVault::creditOfCall => credit_of(account);
    IVault::feesAccruedCall => fees_accrued();
    IVault::solvencyCall => solvency();
    IVault::checkpointCountCall => checkpoint_count();
    IVault::checkpointsCall => checkpoints(cursor, n);
    IVault::runOffCall => run_off();
    IVault::weekSecondsCall => week_seconds();
    IVault::cooldownCall => cooldown();
    IVault::patienceCall => patience();
    IVault::pausedUntilCall => paused_until(kind);
    IVault::peersCall => peers();
    IVault::extensionCall => extension();
    IVault::secondExtensionCall => second_extension();
    IVault::allocatorCall => allocator();
    IVault::setAllocatorCall => set_allocator(allocator);
    IVault::investCall => invest(strategy, assets);
    IVault::divestCall => divest(strategy, assets);
    IVault::harvestCall => harvest(strategy);
    IVault::reportHeldCall => report_held(risk_key);
    IVault::wireCall => wire(risk, policy, assessor, treasury);
    IVault::setTreasuryCall => set_treasury(treasury);
    IVault::orderRunOffCall => order_run_off(ordered);
    IVault::pauseCall => pause(kind, duration, reason);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(VaultMore, state.roles);

impl VaultMore {
    // The share

    /// See `IERC20`.
    pub fn name(&self) -> ShortString {
        self.state.shares.name()
    }

    /// See `IERC20`.
    pub fn symbol(&self) -> ShortString {
        self.state.shares.symbol()
    }

    /// See `IERC20`: six more than the asset's.
    pub fn decimals(&self) -> u8 {
        self.state.decimals()
    }

    /// See `IERC7540Redeem`: the vault is its own share.
    pub fn share(&self) -> Address {
        self.state.vm().contract_address()
    }

    /// See `IERC165`.
    pub fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        self.state.supports(interface_id)
    }

    // Deposits

    /// See `IERC4626`.
    pub fn max_deposit(&self, _receiver: Address) -> Result<U256> {
        self.state.max_deposit()
    }

    /// See `IERC4626`.
    pub fn max_mint(&self, _receiver: Address) -> Result<U256> {
        self.state.max_mint()
    }

    /// See `IERC4626`.
    pub fn convert_to_shares(&self, assets: U256) -> Result<U256> {
        self.state.convert_to_shares(assets)
    }

    /// See `IERC4626`.
    pub fn convert_to_assets(&self, shares: U256) -> Result<U256> {
        self.state.convert_to_assets(shares)
    }

    /// See `IERC4626`.
    pub fn preview_deposit(&self, assets: U256) -> Result<U256> {
        self.state.convert_to_shares(assets)
    }

    /// See `IERC4626`.
    pub fn preview_mint(&self, shares: U256) -> Result<U256> {
        self.state.preview_mint(shares)
    }

    // Redemptions

    /// See `IERC4626`.
    pub fn max_withdraw(&self, controller: Address) -> Result<U256> {
        Ok(U256::from(self.state.claimable(controller)?.1))
    }

    /// See `IERC4626`: reverts, as ERC-7540 demands.
    pub fn preview_withdraw(&self, _assets: U256) -> Result<U256> {
        Err(error!(PreviewNotSupported))
    }

    /// See `IERC4626`.
    pub fn max_redeem(&self, controller: Address) -> Result<U256> {
        Ok(U256::from(self.state.claimable(controller)?.0))
    }

    /// See `IERC4626`: reverts, as ERC-7540 demands.
    pub fn preview_redeem(&self, _shares: U256) -> Result<U256> {
        Err(error!(PreviewNotSupported))
    }

    /// See `IERC7540Redeem`. There is one request, of id 0.
    pub fn pending_redeem_request(&self, request_id: U256, controller: Address) -> Result<U256> {
        if request_id.is_zero() { self.state.pending(controller) } else { Ok(U256::ZERO) }
    }

    /// See `IERC7540Redeem`. There is one request, of id 0.
    pub fn claimable_redeem_request(&self, request_id: U256, controller: Address) -> Result<U256> {
        if request_id.is_zero() { Ok(U256::from(self.state.claimable_shares(controller)?)) } else { Ok(U256::ZERO) }
    }

    /// See `IVault`.
    pub fn request_of(&self, controller: Address) -> Result<(U256, U256, U256, U256, U256)> {
        self.state.request_view(controller)
    }

    /// See `IVault`.
    pub fn cohort(&self, week: U256) -> Result<(U256, U256, U256, U256, U256, U256)> {
        self.state.cohort_view(u64::try_from(week).unwrap_or(u64::MAX))
    }

    /// See `IVault`.
    pub fn redemption_head(&self) -> Result<U256> {
        Ok(U256::from(self.state.peek_unpriced()?.head))
    }

    // Money that waits for somebody

    /// See `IVault`.
    pub fn owed_of(&self, policy: U256) -> Result<(U256, U256, Address)> {
        self.state.owed_view(policy)
    }

    /// See `IVault`.
    pub fn credit_of(&self, account: Address) -> U256 {
        self.state.credit(account)
    }

    /// See `IVault`.
    pub fn fees_accrued(&self) -> (U256, U256) {
        let (treasury, jury) = self.state.fees();
        (U256::from(treasury), U256::from(jury))
    }

    // The ability to pay, settings

    /// See `IVault`.
    pub fn solvency(&self) -> Result<[U256; 18]> {
        self.state.solvency()
    }

    /// See `IVault`.
    pub fn checkpoint_count(&self) -> U256 {
        self.state.checkpoint_count()
    }

    /// See `IVault`.
    pub fn checkpoints(&self, cursor: U256, n: U256) -> Encoded {
        self.state.checkpoint_page(cursor, n)
    }

    /// See `IVault`.
    pub fn run_off(&self) -> Result<(bool, bool)> {
        let open = self.state.peek_unpriced()?;
        Ok((open.ordered, open.depleted))
    }

    /// See `IVault`.
    pub fn week_seconds(&self) -> u64 {
        self.state.seconds()
    }

    /// See `IVault`.
    pub fn cooldown(&self) -> U256 {
        U256::from(self.state.cooldown())
    }

    /// See `IVault`.
    pub fn patience(&self) -> U256 {
        U256::from(self.state.patience())
    }

    /// See `IVault`.
    pub fn paused_until(&self, kind: u8) -> U256 {
        match kind {
            DEPOSITS | REDEMPTIONS => U256::from(self.state.paused_until(kind)),
            _ => U256::ZERO,
        }
    }

    /// See `IVault`.
    pub fn peers(&self) -> (Address, Address, Address, Address) {
        let state = &self.state;
        (state.risk(), state.policy.get(), state.assessor.get(), state.treasury.get())
    }

    /// See `IVault`.
    pub fn extension(&self) -> Address {
        self.state.extension.program()
    }

    /// See `IVault`.
    pub fn second_extension(&self) -> Address {
        self.state.second_extension.program()
    }

    // Fund allocation

    /// See `IVault`.
    pub fn allocator(&self) -> Address {
        self.state.investment().0
    }

    /// See `IVault`.
    pub fn set_allocator(&mut self, allocator: Address) -> Result<()> {
        self.state.appoint_allocator(allocator)
    }

    /// See `IVault`.
    pub fn invest(&mut self, strategy: Address, assets: U256) -> Result<()> {
        self.state.invest(strategy, assets)
    }

    /// See `IVault`.
    pub fn divest(&mut self, strategy: Address, assets: U256) -> Result<U256> {
        self.state.divest(strategy, assets)
    }

    /// See `IVault`.
    pub fn harvest(&mut self, strategy: Address) -> Result<U256> {
        self.state.harvest(strategy)
    }

    /// See `IVault`.
    pub fn report_held(&mut self, risk_key: B256) -> Result<()> {
        self.state.report_held(risk_key)
    }

    // Owner and guardian

    /// See `IVault`.
    pub fn wire(&mut self, risk: Address, policy: Address, assessor: Address, treasury: Address) -> Result<()> {
        let state = &mut self.state;
        state.roles.only_owner()?;
        if !state.risk().is_zero() {
            return Err(error!(AlreadyWired));
        }
        for peer in [risk, policy, assessor] {
            call::require_code(state.vm(), peer)?;
        }
        state.set_risk(risk);
        state.policy.set(policy);
        state.assessor.set(assessor);
        emit!(state.vm(), PeersSet, [risk, policy, assessor], []);
        self.set_treasury(treasury)
    }

    /// See `IVault`.
    pub fn set_treasury(&mut self, treasury: Address) -> Result<()> {
        self.state.roles.only_owner()?;
        if treasury.is_zero() {
            return Err(error!(ParameterOutOfBounds, parameter("treasury"), 0u8));
        }
        self.state.treasury.set(treasury);
        emit!(self.state.vm(), TreasurySet, [treasury], []);
        Ok(())
    }

    /// See `IVault`.
    pub fn order_run_off(&mut self, ordered: bool) -> Result<()> {
        self.state.roles.only_owner()?;
        self.state.order_run_off(ordered)?;
        emit!(self.state.vm(), RunOffSet, [], [ordered]);
        Ok(())
    }

    /// See `IVault`.
    pub fn pause(&mut self, kind: u8, duration: u64, reason: B256) -> Result<()> {
        let state = &mut self.state;
        state.roles.only_guardian()?;
        let caller = state.vm().msg_sender();
        let by_owner = caller == state.roles.owner();
        let pause = match kind {
            DEPOSITS => &mut state.deposits_pause,
            REDEMPTIONS => &mut state.redemptions_pause,
            _ => return Err(error!(ParameterOutOfBounds, parameter("kind"), kind)),
        };
        let until = pause.set(duration, by_owner)?;
        state.set_paused_until(kind, until);
        emit!(state.vm(), PauseSet, [kind, caller], [U256::from(until), U256::from_be_bytes(reason.0)]);
        Ok(())
    }
}

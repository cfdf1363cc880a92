//! The second program: all that does not happen every day. It runs by DELEGATECALL of the first one
//! ([`crate::everyday`]), on its storage.

use alloy_primitives::{Address, B256, FixedBytes, U256};
use protocol::{
    Result,
    abi::{
        IERC20, IERC20Permit, IERC165, IERC4626, IERC7540Redeem,
        IOwned::{self, AlreadyWired, ParameterOutOfBounds},
        IPausable::PauseSet,
        IVault::{self, PeersSet, PreviewNotSupported, RunOffSet, TreasurySet},
    },
    call, emit, error, routes,
};
use standards::{dispatch::Encoded, permit::Permit, text::ShortString};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{AccountAccess, MessageAccess},
};

use crate::{
    premiums::{Premium, Sold, name as parameter},
    state::{DEPOSITS, REDEMPTIONS, State},
};

/// The vault, second program. Natively both programs exist; as WASM a build holds one of them.
#[cfg_attr(target_arch = "wasm32", entrypoint)]
#[storage]
pub struct VaultExt {
    /// Everything, in the layout of both programs.
    state: State,
}

#[cfg(not(target_arch = "wasm32"))]
// SAFETY: the struct is the root of the contract's storage, as an entrypoint is.
unsafe impl stylus_sdk::stylus_core::storage::TopLevelStorage for VaultExt {}

routes! {
    VaultExt;
    IERC20::nameCall => name();
    IERC20::symbolCall => symbol();
    IERC20::decimalsCall => decimals();
    IERC20Permit::permitCall => permit(owner, spender, value, deadline, v, r, s);
    IERC20Permit::noncesCall => nonces(owner);
    IERC20Permit::DOMAIN_SEPARATORCall => domain_separator();
    IERC20Permit::eip712DomainCall => eip712_domain();
    IERC7540Redeem::shareCall => share();
    IERC165::supportsInterfaceCall => supports_interface(interface_id);
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
    IERC7540Redeem::isOperatorCall => is_operator(controller, operator);
    IERC7540Redeem::setOperatorCall => set_operator(operator, approved);
    IVault::cancelRedeemRequestCall => cancel_redeem_request(request_id, controller, receiver);
    IVault::refundCall => refund(net, start, end, remaining, cover, short_rate_bps, to);
    IVault::repriceCall => reprice(net, start, end, added_net, new_end, treasury_fee, jury_fee, referrer, referral_fee);
    IVault::requestOfCall => request_of(controller);
    IVault::cohortCall => cohort(week);
    IVault::redemptionHeadCall => redemption_head();
    IVault::catchUpCall => catch_up(edges);
    IVault::topUpCall => top_up();
    IVault::claimOwedCall => claim_owed(policy);
    IVault::owedOfCall => owed_of(policy);
    IVault::recoverCall => recover(amount);
    IVault::withdrawCreditCall => withdraw_credit(receiver);
    IVault::creditOfCall => credit_of(account);
    IVault::collectFeesCall => collect_fees();
    IVault::feesAccruedCall => fees_accrued();
    IVault::solvencyCall => solvency();
    IVault::runOffCall => run_off();
    IVault::weekSecondsCall => week_seconds();
    IVault::cooldownCall => cooldown();
    IVault::patienceCall => patience();
    IVault::pausedUntilCall => paused_until(kind);
    IVault::peersCall => peers();
    IVault::extensionCall => extension();
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

impl VaultExt {
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

    /// See `IERC20Permit`.
    #[allow(clippy::too_many_arguments)]
    pub fn permit(
        &mut self,
        owner: Address,
        spender: Address,
        value: U256,
        deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<()> {
        self.state.shares.permit(&Permit { owner, spender, value, deadline, v, r, s })
    }

    /// See `IERC20Permit`.
    pub fn nonces(&self, owner: Address) -> U256 {
        self.state.shares.nonce(owner)
    }

    /// See `IERC20Permit`.
    pub fn domain_separator(&self) -> B256 {
        self.state.shares.separator()
    }

    /// See `IERC20Permit`.
    pub fn eip712_domain(&self) -> Encoded {
        self.state.shares.domain()
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

    /// See `IERC7540Redeem`.
    pub fn is_operator(&self, controller: Address, operator: Address) -> bool {
        self.state.is_operator(controller, operator)
    }

    /// See `IERC7540Redeem`.
    pub fn set_operator(&mut self, operator: Address, approved: bool) -> bool {
        self.state.operate(operator, approved);
        true
    }

    /// See `IVault`.
    pub fn cancel_redeem_request(&mut self, request_id: U256, controller: Address, receiver: Address) -> Result<U256> {
        self.state.cancel_redeem(request_id, controller, receiver)
    }

    /// See `IVault`.
    pub fn request_of(&self, controller: Address) -> Result<(U256, U256, U256, U256, U256)> {
        self.state.request_view(controller)
    }

    /// See `IVault`.
    pub fn cohort(&self, week: U256) -> (U256, U256, U256, U256, U256, U256) {
        self.state.cohort_view(u64::try_from(week).unwrap_or(u64::MAX))
    }

    /// See `IVault`.
    pub fn redemption_head(&self) -> Result<U256> {
        Ok(U256::from(self.state.peek()?.head))
    }

    // Policy

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

    // Money that waits for somebody

    /// See `IVault`.
    pub fn catch_up(&mut self, edges: U256) -> Result<bool> {
        self.state.catch_up(edges)
    }

    /// See `IVault`.
    pub fn top_up(&mut self) -> Result<U256> {
        self.state.top_up()
    }

    /// See `IVault`.
    pub fn claim_owed(&mut self, policy: U256) -> Result<U256> {
        self.state.claim_owed(policy)
    }

    /// See `IVault`.
    pub fn owed_of(&self, policy: U256) -> Result<(U256, U256, Address)> {
        self.state.owed_view(policy)
    }

    /// See `IVault`.
    pub fn recover(&mut self, amount: U256) -> Result<()> {
        self.state.recover(amount)
    }

    /// See `IVault`.
    pub fn withdraw_credit(&mut self, receiver: Address) -> Result<U256> {
        self.state.withdraw_credit(receiver)
    }

    /// See `IVault`.
    pub fn credit_of(&self, account: Address) -> U256 {
        self.state.credit(account)
    }

    /// See `IVault`.
    pub fn collect_fees(&mut self) -> Result<(U256, U256)> {
        self.state.collect_fees()
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
    pub fn run_off(&self) -> Result<(bool, bool)> {
        let open = self.state.peek()?;
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

    /// See `IOwned`.
    pub fn owner(&self) -> Address {
        self.state.roles.owner()
    }

    /// See `IOwned`.
    pub fn pending_owner(&self) -> Address {
        self.state.roles.pending_owner()
    }

    /// See `IOwned`.
    pub fn transfer_ownership(&mut self, new_owner: Address) -> Result<()> {
        self.state.roles.transfer_ownership(new_owner)
    }

    /// See `IOwned`.
    pub fn accept_ownership(&mut self) -> Result<()> {
        self.state.roles.accept_ownership()
    }

    /// See `IOwned`.
    pub fn setup(&self) -> Address {
        self.state.roles.setup()
    }

    /// See `IOwned`.
    pub fn finish_setup(&mut self) -> Result<()> {
        self.state.roles.finish_setup()
    }

    /// See `IOwned`.
    pub fn guardian(&self) -> Address {
        self.state.roles.guardian()
    }

    /// See `IOwned`.
    pub fn set_guardian(&mut self, new_guardian: Address) -> Result<()> {
        self.state.roles.set_guardian(new_guardian)
    }
}

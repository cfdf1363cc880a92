//! The second program: what happens now and then. It runs by DELEGATECALL of the first one ([`crate::everyday`]), on
//! its storage; its fallback runs the third one ([`crate::more`]) likewise.

use alloy_primitives::{Address, B256, U256};
use protocol::{
    Result,
    abi::{IERC20Permit, IERC7540Redeem, IVault},
    ext, routes,
};
use standards::{dispatch::Encoded, permit::Permit};
use stylus_sdk::{ArbResult, prelude::*};

use crate::state::State;

/// The vault, second program. Natively all programs exist; as WASM a build holds one of them.
#[cfg_attr(target_arch = "wasm32", entrypoint)]
#[storage]
pub struct VaultExt {
    /// Everything, in the layout of all programs.
    state: State,
}

#[cfg(not(target_arch = "wasm32"))]
// SAFETY: the struct is the root of the contract's storage, as an entrypoint is.
unsafe impl stylus_sdk::stylus_core::storage::TopLevelStorage for VaultExt {}

routes! {
    VaultExt, fallback(fallback);
    IERC20Permit::permitCall => permit(owner, spender, value, deadline, v, r, s);
    IERC20Permit::noncesCall => nonces(owner);
    IERC20Permit::DOMAIN_SEPARATORCall => domain_separator();
    IERC20Permit::eip712DomainCall => eip712_domain();
    IERC7540Redeem::isOperatorCall => is_operator(controller, operator);
    IERC7540Redeem::setOperatorCall => set_operator(operator, approved);
    IVault::cancelRedeemRequestCall => cancel_redeem_request(request_id, controller, receiver);
    IVault::serveCall => serve(n);
    IVault::catchUpCall => catch_up(edges);
    IVault::topUpCall => top_up();
    IVault::checkpointCall => checkpoint();
    IVault::claimOwedCall => claim_owed(policy);
    IVault::recoverCall => recover(amount);
    IVault::withdrawCreditCall => withdraw_credit(receiver);
    IVault::collectFeesCall => collect_fees();
}

impl VaultExt {
    /// Whatever neither the first nor this program knows.
    pub fn fallback(&mut self, calldata: &[u8]) -> ArbResult {
        ext::delegate(self.state.vm(), self.state.second_extension.program(), calldata)
    }

    // The share

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

    // Redemptions

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
    pub fn serve(&mut self, n: U256) -> Result<(U256, U256)> {
        self.state.serve(n)
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
    pub fn checkpoint(&mut self) -> Result<bool> {
        self.state.checkpoint()
    }

    /// See `IVault`.
    pub fn claim_owed(&mut self, policy: U256) -> Result<U256> {
        self.state.claim_owed(policy)
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
    pub fn collect_fees(&mut self) -> Result<(U256, U256)> {
        self.state.collect_fees()
    }
}

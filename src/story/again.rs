//! A second operation of each kind by the same user, and the kinds that the story does without: for the gas table.

use ethers::types::{Address, U256};

use super::{Result, Story, event};
use crate::{
    bindings::policy::PolicyBoughtFilter,
    chain::Client,
    deploy::profile::{pali, usd},
};

/// Policies that are closed at once in the end.
const BATCH: usize = 10;

/// How long an extension of cover is.
const EXTENSION: u64 = 30 * 86_400;

/// What the distribution of a year's losses is worked out with: points of its grid, level of its tail.
const POINTS: u64 = 512;
const LEVEL: u16 = 9_950;

impl Story {
    /// Operations for the gas table, after the story: each kind until its last one fills no slot that is new by
    /// anything but the operation itself.
    ///
    /// # Errors
    /// What an operation failed with.
    pub async fn again(&mut self) -> Result<()> {
        self.enter_again().await?;
        let policies = self.buy_again().await?;
        self.extend_and_cancel(&policies).await?;
        self.hand_on(&policies).await?;
        self.leave_again().await?;
        self.report_losses().await?;
        self.expire_all(&policies).await
    }

    async fn enter_again(&mut self) -> Result<()> {
        let alice = self.cast.alice.clone();
        let vault = self.deployment.vault(&alice);
        // more than is needed: a balance or an allowance that ends would give gas back
        self.provide(&alice, vault.address(), usd(1_000_000)).await?;
        for _ in 0..2 {
            self.act("deposit", &alice, vault.deposit(usd(100_000), alice.address())).await?;
        }
        for _ in 0..2 {
            self.act("mint", &alice, vault.mint(usd(100_000), alice.address())).await?;
        }
        Ok(())
    }

    /// Bob's policies: two to be extended, two to be given back, two to be given away, and the batch.
    async fn buy_again(&mut self) -> Result<Vec<U256>> {
        let bob = self.cast.bob.clone();
        self.fresh_price().await?;
        let (term, amount) = (self.cover_term(), usd(20_000));
        let mut policies = Vec::new();
        for _ in 0..6 + BATCH {
            self.buy(&bob, amount, term, amount).await?;
            let from = self.deployment.address("policy");
            let receipt = &self.measured.last().expect("the purchase was just measured").receipt;
            let bought: Option<PolicyBoughtFilter> = event(receipt, from);
            Self::expect("buy", bought.is_some(), "a PolicyBought event", "none")?;
            policies.extend(bought.map(|bought| bought.policy));
        }
        Ok(policies)
    }

    async fn extend_and_cancel(&mut self, policies: &[U256]) -> Result<()> {
        let bob = self.cast.bob.clone();
        let policy = self.deployment.policy(&bob);
        let most = usd(20_000);
        for id in &policies[..2] {
            self.provide(&bob, policy.address(), most).await?;
            let deadline = self.now().await? + 3_600;
            let call = policy.extend(*id, EXTENSION.into(), most, deadline.into(), Address::zero());
            self.act("extend", &bob, call).await?;
        }
        for id in &policies[2..4] {
            self.act("cancel", &bob, policy.cancel(*id, bob.address())).await?;
        }
        Ok(())
    }

    /// What standard tokens do too: policies, shares and votes change hands.
    async fn hand_on(&mut self, policies: &[U256]) -> Result<()> {
        let (alice, bob, dora) = (self.cast.alice.clone(), self.cast.bob.clone(), self.cast.dora.clone());
        let to = self.cast.keeper.address();
        let (policy, vault) = (self.deployment.policy(&bob), self.deployment.vault(&alice));
        let token = self.deployment.token(&dora);
        for id in &policies[4..6] {
            self.act("transfer policy", &bob, policy.transfer_from(bob.address(), to, *id)).await?;
        }
        for _ in 0..2 {
            self.act("transfer shares", &alice, vault.transfer(to, usd(1_000))).await?;
        }
        for _ in 0..2 {
            self.pass(1).await?;
            self.act("transfer votes", &dora, token.transfer(to, pali(1_000))).await?;
        }
        for _ in 0..2 {
            self.pass(1).await?;
            let call = token.transfer(self.cast.erin.address(), pali(1_000));
            self.act("transfer votes between delegates", &dora, call).await?;
        }
        Ok(())
    }

    async fn leave_again(&mut self) -> Result<()> {
        let carol = self.cast.carol.clone();
        let vault = self.deployment.vault(&carol);
        let shares = self.chain().read("reading shares", vault.balance_of(carol.address())).await? / 8;
        self.act("request redemption", &carol, vault.request_redeem(shares, carol.address(), carol.address())).await?;
        self.pass(2 * self.profile.week + self.profile.cooldown + 1).await?;
        self.serve().await?;
        let claimable = self
            .chain()
            .read("reading the request", vault.claimable_redeem_request(U256::zero(), carol.address()))
            .await?;
        self.act("claim redemption", &carol, vault.redeem(claimable, carol.address(), carol.address())).await?;
        Ok(())
    }

    /// The distribution of a year's losses, for who wants it in a transaction.
    async fn report_losses(&mut self) -> Result<()> {
        let keeper = self.cast.keeper.clone();
        let call = self.losses(&self.deployment.distribution(&keeper));
        self.act("distribution", &keeper, call).await?;
        Ok(())
    }

    /// The report on losses by a contract that has the ABI of `distribution`.
    pub fn losses(
        &self,
        contract: &crate::bindings::IDistribution<Client>,
    ) -> ethers::contract::ContractCall<Client, crate::bindings::distribution::Report> {
        let lines = (vec![self.deployment.product], vec![self.deployment.subject()]);
        let vault = self.deployment.address("vault");
        contract.report(vault, lines.0, lines.1, POINTS.into(), LEVEL, 10_000, usd(600_000))
    }

    async fn expire_all(&mut self, policies: &[U256]) -> Result<()> {
        self.pass(self.cover_term() + self.profile.waiting + self.profile.grace + 1).await?;
        let keeper = self.cast.keeper.clone();
        let policy = self.deployment.policy(&keeper);
        for id in &policies[4..6] {
            self.act("expire", &keeper, policy.expire(*id)).await?;
        }
        let batch = policies[6..].to_vec();
        self.act("expire ten", &keeper, policy.batch_expire(batch)).await?;
        for id in &policies[4..] {
            let record = self.chain().read("reading a policy", policy.policy_of(*id)).await?;
            Self::expect("expire", record.expired, "an expired policy", format!("{record:?}"))?;
        }
        Ok(())
    }
}

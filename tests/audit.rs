//! `palisade audit`: a fresh deployment is what it should be, and whatever is changed about one is found.

#[path = "stage/decree.rs"]
mod decree;
#[path = "stage/disguise.rs"]
mod disguise;
mod stage;

use std::collections::BTreeSet;

use decree::send_as;
use ethers::{
    abi::Detokenize,
    contract::ContractCall,
    providers::Middleware,
    types::{Address, Bytes, H256, U256},
    utils::keccak256,
};
use palisade::{
    audit::{Check, audit},
    bindings::{IPolicy, IRisk, ITimelock, ITreasury, IVault},
    chain::{Chain, Client},
    deploy::{Deployment, profile::pali},
};
use serde_json::json;
use stage::{Stage, builder, developer};

const SOMEBODY: Address = Address::repeat_byte(0xaa);

/// A deployment, and who changes it.
struct Site {
    chain: Chain,
    deployment: Deployment,
    client: std::sync::Arc<Client>,
}

impl Site {
    fn at(&self, name: &str) -> Address {
        self.deployment.address(name)
    }

    /// What does not hold.
    async fn wrong(&self) -> Vec<Check> {
        let all = audit(&self.chain, &self.client, &self.deployment.ledger, Some(&builder())).await.unwrap();
        assert!(all.len() > 200, "{} facts are few", all.len());
        all.into_iter().filter(|check| !check.holds).collect()
    }

    /// Sends a call in an account's name; it must succeed.
    async fn send_as<D: Detokenize>(&self, from: Address, call: ContractCall<Client, D>) {
        send_as(&self.chain, from, &call).await;
        // what it was given for gas is not the timelock's to hold
        self.chain.request("anvil_setBalance", json!([from, "0x0"])).await.unwrap();
    }

    /// The same in the timelock's.
    async fn decree<D: Detokenize>(&self, call: ContractCall<Client, D>) {
        self.send_as(self.at("timelock"), call).await;
    }

    /// Writes `new` over the word of a contract that begins (from its low end) with the bytes of `old`.
    async fn overwrite(&self, contract: Address, old: u64, new: u64) {
        let provider = self.chain.provider();
        for slot in 0..64_u64 {
            let mut word = provider.get_storage_at(contract, H256::from_low_u64_be(slot), None).await.unwrap();
            if word.0[24..] == old.to_be_bytes() {
                word.0[24..].copy_from_slice(&new.to_be_bytes());
                let slot = U256::from(slot);
                self.chain.request("anvil_setStorageAt", json!([contract, slot, word])).await.unwrap();
                return;
            }
        }
        panic!("no word of {contract:?} holds {old}");
    }
}

/// Ways to spoil a deployment.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    VaultOffered,
    PolicyTaken,
    SomebodyProposes,
    OperationPlanted,
    SomebodyAdministers,
    GovernorDeposed,
    ExecutionClosed,
    GuardianReplaced,
    FeesDiverted,
    CertificateReplaced,
    CodeReplaced,
    ProgramRemoved,
    TimelockHoldsVotes,
    TimelockHoldsEther,
    DelayCut,
    BudgetAbsurd,
    ForeignVaultSells,
}

use Tampering::*;

const TAMPERINGS: [Tampering; 17] = [
    VaultOffered,
    PolicyTaken,
    SomebodyProposes,
    OperationPlanted,
    SomebodyAdministers,
    GovernorDeposed,
    ExecutionClosed,
    GuardianReplaced,
    FeesDiverted,
    CertificateReplaced,
    CodeReplaced,
    ProgramRemoved,
    TimelockHoldsVotes,
    TimelockHoldsEther,
    DelayCut,
    BudgetAbsurd,
    ForeignVaultSells,
];

impl Tampering {
    /// Does it; answers with what the audit must find, and nothing else.
    async fn commit(self, site: &Site) -> BTreeSet<&'static str> {
        let client = &site.client;
        let vault = IVault::new(site.at("vault"), client.clone());
        let policy = IPolicy::new(site.at("policy"), client.clone());
        let timelock = ITimelock::new(site.at("timelock"), client.clone());
        let treasury = ITreasury::new(site.at("treasury"), client.clone());
        let risk = IRisk::new(site.at("risk"), client.clone());
        let found: &[_] = match self {
            VaultOffered => {
                site.decree(vault.transfer_ownership(SOMEBODY)).await;
                &["the offered owner of vault"]
            }
            PolicyTaken => {
                site.decree(policy.transfer_ownership(SOMEBODY)).await;
                site.send_as(SOMEBODY, policy.accept_ownership()).await;
                &["the owner of policy"]
            }
            SomebodyProposes => {
                site.decree(timelock.grant_role(keccak256("PROPOSER_ROLE"), SOMEBODY)).await;
                &["who has PROPOSER_ROLE"]
            }
            OperationPlanted => {
                // his role is taken from him, what he scheduled stays
                let theft = treasury.pay(site.at("token"), SOMEBODY, pali(1_000_000)).calldata().unwrap();
                let (nothing, delay) = (U256::zero(), timelock.get_min_delay().call().await.unwrap());
                let schedule = timelock.schedule(treasury.address(), nothing, theft, [0; 32], [7; 32], delay);
                site.decree(timelock.grant_role(keccak256("PROPOSER_ROLE"), SOMEBODY)).await;
                site.send_as(SOMEBODY, schedule).await;
                site.decree(timelock.revoke_role(keccak256("PROPOSER_ROLE"), SOMEBODY)).await;
                &["what waits in the timelock"]
            }
            SomebodyAdministers => {
                site.decree(timelock.grant_role([0; 32], SOMEBODY)).await;
                &["who has DEFAULT_ADMIN_ROLE"]
            }
            GovernorDeposed => {
                site.decree(timelock.revoke_role(keccak256("PROPOSER_ROLE"), site.at("governor"))).await;
                &["who has PROPOSER_ROLE"]
            }
            ExecutionClosed => {
                site.decree(timelock.revoke_role(keccak256("EXECUTOR_ROLE"), Address::zero())).await;
                &["who has EXECUTOR_ROLE"]
            }
            GuardianReplaced => {
                site.decree(vault.set_guardian(SOMEBODY)).await;
                &["the guardian of vault"]
            }
            FeesDiverted => {
                site.decree(vault.set_treasury(SOMEBODY)).await;
                &["the treasury of vault"]
            }
            CertificateReplaced => {
                site.decree(policy.set_certificate(site.at("distribution"))).await;
                &["the certificate of policy"]
            }
            CodeReplaced => {
                let code = site.chain.code(site.at("allocator")).await.unwrap();
                site.chain.request("anvil_setCode", json!([site.at("certificate"), code])).await.unwrap();
                &["the code of certificate"]
            }
            ProgramRemoved => {
                let nothing = Bytes::from(vec![0xfe]);
                site.chain.request("anvil_setCode", json!([site.at("distribution"), nothing])).await.unwrap();
                &[
                    "the code of distribution",
                    "the time that the program of distribution has left",
                    "the risk of distribution",
                ]
            }
            TimelockHoldsVotes => {
                site.decree(treasury.pay(site.at("token"), timelock.address(), pali(1))).await;
                &["the timelock's balance of votes"]
            }
            TimelockHoldsEther => {
                site.chain.request("anvil_setBalance", json!([timelock.address(), "0x1"])).await.unwrap();
                &["the timelock's ether"]
            }
            DelayCut => {
                let delay = timelock.get_min_delay().call().await.unwrap().as_u64();
                site.overwrite(timelock.address(), delay, 3_600).await;
                &["the timelock's delay"]
            }
            BudgetAbsurd => {
                site.decree(treasury.set_budget(site.at("token"), pali(50_000_000))).await;
                &["the treasury's budget of votes"]
            }
            ForeignVaultSells => {
                // a vault of the same kind that nobody of the deployment knows
                let code = site.chain.code(vault.address()).await.unwrap();
                site.chain.request("anvil_setCode", json!([SOMEBODY, code])).await.unwrap();
                let id = site.deployment.product;
                let terms = risk.terms(id).call().await.unwrap();
                site.decree(risk.add_vault(SOMEBODY, [7; 32], 10_000, 12_000, 1)).await;
                site.decree(risk.add_product(SOMEBODY, site.at("depeg"), 5, terms)).await;
                &["the vault of product #2"]
            }
        };
        found.iter().copied().collect()
    }
}

#[tokio::test]
async fn a_fresh_deployment_holds_and_every_tampering_is_found() {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and only the embedded node lets itself be tampered with");
        return;
    }
    let stage = Stage::open("audit").await;
    let chain = stage.story.chain().clone();
    let site = Site { client: developer(&chain), chain, deployment: stage.story.deployment.clone() };
    let wrong = site.wrong().await;
    assert!(wrong.is_empty(), "{wrong:#?}");

    for tampering in TAMPERINGS {
        let before = site.chain.request("evm_snapshot", ()).await.unwrap();
        let expected = tampering.commit(&site).await;
        let wrong = site.wrong().await;
        let found: BTreeSet<_> = wrong.iter().map(|check| check.what.as_str()).collect();
        assert_eq!(found, expected, "{tampering:?}: {wrong:#?}");
        site.chain.request("evm_revert", [before]).await.unwrap();
    }
    assert!(site.wrong().await.is_empty(), "what was reverted is as it was");
    stage.strike().await;
}

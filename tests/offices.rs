//! What belongs to the DAO, on the node: votes that vest, the treasury and its budgets, the guardian's office, rewards.

#[path = "stage/decree.rs"]
mod decree;
#[path = "stage/disguise.rs"]
mod disguise;
mod stage;

use std::sync::Arc;

use decree::send_as;
use ethers::{
    abi::Detokenize,
    contract::ContractCall,
    types::{Address, U256},
};
use palisade::{
    audit::audit,
    bindings::{IGuardian, IVesting, guardian::OperationCancelledFilter},
    chain::Client,
    dao::{Action, Motion, State, salt},
    deploy::{
        plan::word,
        profile::{pali, usd},
    },
    story::{Story, event},
};
use stage::Stage;

const DAY: u64 = 86_400;

async fn open(name: &str) -> Option<Stage> {
    if std::env::var_os("PALISADE_RPC_URL").is_some() {
        eprintln!("skipped: PALISADE_RPC_URL is set, and these need a clock that moves by months");
        return None;
    }
    Some(Stage::open(name).await)
}

/// Sends a call in the timelock's name, as it does once the DAO has voted and the delay is over; what it refused.
async fn decree<D: Detokenize>(story: &Story, call: ContractCall<Client, D>) -> Result<(), String> {
    let (chain, timelock) = (story.chain(), story.deployment.address("timelock"));
    let asked = call.clone().from(timelock).call().await;
    if let Err(error) = asked {
        return Err(palisade::chain::contract_error("asking", &error).refusal().unwrap_or_default().to_owned());
    }
    send_as(chain, timelock, &call).await;
    Ok(())
}

fn refusal<T: std::fmt::Debug>(result: Result<T, palisade::story::Error>) -> String {
    match result.expect_err("it must be refused") {
        palisade::story::Error::Chain(error) => error.refusal().expect("a contract refused").to_owned(),
        other => panic!("refused for another reason: {other}"),
    }
}

#[tokio::test]
async fn votes_vest_and_vote_meanwhile() {
    let Some(mut stage) = open("vesting").await else { return };
    let story = &mut stage.story;
    let erin = story.cast.erin.clone();
    let token = story.deployment.token(&erin);
    let vesting = IVesting::new(story.deployment.address("vesting#1"), erin.clone());
    let me = erin.address();
    assert_eq!(vesting.beneficiary().call().await.unwrap(), me);
    story.act("delegate", &erin, token.delegate(me)).await.unwrap();
    story.act("delegate", &erin, vesting.delegate(me)).await.unwrap();
    assert_eq!(token.get_votes(me).call().await.unwrap(), pali(14_000_000), "her own and what vests");
    let frank = story.cast.frank.clone();
    let theft = IVesting::new(vesting.address(), frank.clone()).delegate(frank.address());
    let refused = refusal(story.act("delegate", &frank, theft).await);
    assert!(refused.starts_with("NotBeneficiary"), "{refused}");

    // nothing before the cliff; afterwards in proportion to time
    story.pass(89 * DAY).await.unwrap();
    assert_eq!(vesting.releasable(token.address()).call().await.unwrap(), U256::zero());
    story.pass(91 * DAY).await.unwrap();
    story
        .act("release", &frank, IVesting::new(vesting.address(), frank.clone()).release(token.address()))
        .await
        .unwrap();
    let half = token.balance_of(me).call().await.unwrap() - pali(10_000_000);
    assert!(half >= pali(2_000_000) && half < pali(2_010_000), "{half}");
    assert_eq!(token.get_votes(me).call().await.unwrap(), pali(14_000_000), "what was released votes on");

    // the DAO ends it: what had vested stays hers
    let treasury = story.deployment.address("treasury");
    let before = token.balance_of(treasury).call().await.unwrap();
    decree(story, vesting.revoke(treasury)).await.unwrap();
    let back = token.balance_of(treasury).call().await.unwrap() - before;
    assert!(back <= pali(2_000_000) && back > pali(1_990_000), "{back}");
    story.pass(180 * DAY).await.unwrap();
    let rest = vesting.releasable(token.address()).call().await.unwrap();
    assert_eq!(rest + half + back, pali(4_000_000));
    stage.strike().await;
}

/// Two delegations to one account in one second share a checkpoint, so the second is cheap; a second later it needs a
/// checkpoint of its own. What a transaction may take must not hang on the second in which it was asked about.
#[tokio::test]
async fn gas_asked_for_suffices_a_second_later() {
    let Some(mut stage) = open("second").await else { return };
    let story = &mut stage.story;
    let erin = story.cast.erin.clone();
    let token = story.deployment.token(&erin);
    let vesting = IVesting::new(story.deployment.address("vesting#1"), erin.clone());
    let me = erin.address();

    story.chain().request("anvil_setBlockTimestampInterval", [0u64]).await.unwrap();
    story.act("delegate", &erin, token.delegate(me)).await.unwrap();
    let chain = story.chain();
    let signed = chain.sign("delegate what vests", &erin, vesting.delegate(me).tx).await.unwrap();
    chain.request("anvil_setBlockTimestampInterval", [1u64]).await.unwrap();
    chain.submit("delegate what vests", &signed).await.unwrap();
    assert_eq!(token.get_votes(me).call().await.unwrap(), pali(14_000_000));
    stage.strike().await;
}

#[tokio::test]
async fn the_treasury_gets_its_share_of_premiums_and_pays_within_its_budgets() {
    let Some(mut stage) = open("treasury").await else { return };
    let story = &mut stage.story;
    story.capital().await.unwrap();
    story.cover().await.unwrap();
    let keeper = story.cast.keeper.clone();
    let (vault, treasury) = (story.deployment.vault(&keeper), story.deployment.treasury(&keeper));
    let (asset, coin) = (story.deployment.address("asset"), story.asset(&keeper));
    let (fee, _) = vault.fees_accrued().call().await.unwrap();
    assert!(!fee.is_zero());
    story.act("collect", &keeper, vault.collect_fees()).await.unwrap();
    assert_eq!(coin.balance_of(treasury.address()).call().await.unwrap(), fee);

    // nobody but the DAO pays out of it, and the DAO no more than the budget
    let frank = story.cast.frank.clone();
    let theft = story.deployment.treasury(&frank).pay(asset, frank.address(), fee);
    let refused = refusal(story.act("pay", &frank, theft).await);
    assert!(refused.starts_with("OwnableUnauthorizedAccount"), "{refused}");
    let receiver = story.cast.carol.address();
    let had = coin.balance_of(receiver).call().await.unwrap();
    decree(story, treasury.pay(asset, receiver, fee)).await.unwrap();
    assert_eq!(coin.balance_of(receiver).call().await.unwrap() - had, fee);
    let votes = story.deployment.address("token");
    let (budget, next, spent, left) = treasury.budget_of(votes).call().await.unwrap();
    assert_eq!((budget, next, spent, left), (pali(1_000_000), pali(1_000_000), U256::zero(), pali(1_000_000)));
    let refused = decree(story, treasury.pay(votes, receiver, budget + 1)).await.unwrap_err();
    assert!(refused.starts_with("BudgetExceeded"), "{refused}");
    // a higher budget is for the next period: it cannot be raised and spent in one decision
    decree(story, treasury.set_budget(votes, budget * 2)).await.unwrap();
    let refused = decree(story, treasury.pay(votes, receiver, budget + 1)).await.unwrap_err();
    assert!(refused.starts_with("BudgetExceeded"), "{refused}");
    let end = treasury.period_end().call().await.unwrap();
    story.chain().wait_until(end, &keeper).await.unwrap();
    story.pass(1).await.unwrap();
    decree(story, treasury.pay(votes, receiver, budget + 1)).await.unwrap();
    stage.strike().await;
}

/// A motion with one call.
fn motion<D: Detokenize>(call: &ContractCall<Client, D>, text: &str) -> Motion {
    Motion { actions: vec![Action::of(call)], description: text.into() }
}

/// The guardian's cancelling of a motion that is queued.
fn cancel(
    office: &IGuardian<Client>,
    motion: &Motion,
    governor: Address,
    reason: [u8; 32],
) -> ContractCall<Client, [u8; 32]> {
    let [action] = &motion.actions[..] else { panic!("it has one call") };
    let salt = salt(&motion.description, governor);
    office.cancel(vec![action.to], vec![action.value], vec![action.data.clone()], [0; 32], salt, reason)
}

/// Proposes, votes and queues; answers with the id.
async fn queue(story: &mut Story, motion: &Motion) -> U256 {
    let dora = story.cast.dora.clone();
    let governor = story.deployment.governor(&dora);
    let profile = story.profile.clone();
    let propose = motion.propose(&governor);
    let id = propose.call().await.unwrap();
    story.act("propose", &dora, propose).await.unwrap();
    story.pass(profile.voting_delay + 1).await.unwrap();
    story.act("vote", &dora, governor.cast_vote(id, 1)).await.unwrap();
    story.pass(profile.voting_period + profile.vote_extension + 1).await.unwrap();
    story.act("queue", &dora, motion.queue(&governor)).await.unwrap();
    id
}

#[tokio::test]
async fn the_guardian_cancels_what_is_hostile_but_not_a_vote_on_the_office() {
    let Some(mut stage) = open("office").await else { return };
    let story = &mut stage.story;
    let (dora, gina): (Arc<Client>, Arc<Client>) = (story.cast.dora.clone(), story.cast.gina.clone());
    let office = story.deployment.guardian(&gina);
    let governor = story.deployment.governor(&dora);
    let token = story.deployment.token(&dora);
    story.act("delegate", &dora, token.delegate(dora.address())).await.unwrap();
    story.pass(1).await.unwrap();
    let reason = word("takes half of every premium");

    // a hostile change, queued by a majority, waits in the timelock: the guardian cancels it there
    let policy = story.deployment.policy(&dora);
    let hostile = motion(&policy.set_shares(5_000, 0, 0), "Half of every premium for the treasury");
    let id = queue(story, &hostile).await;
    let facts = audit(story.chain(), &dora, &story.deployment.ledger, None).await.unwrap();
    let waits = facts.iter().find(|fact| fact.what == "what waits in the timelock").unwrap();
    assert!(waits.holds && waits.found.contains("0x"), "the audit knows what the governor queued: {waits}");
    let call = cancel(&office, &hostile, governor.address(), reason);
    let receipt = story.act("cancel", &gina, call).await.unwrap();
    let told: Option<OperationCancelledFilter> = event(&receipt, office.address());
    let told = told.expect("the use of a power is an event");
    assert_eq!((told.holder, told.reason), (gina.address(), reason));
    assert_eq!(State::from_number(governor.state(id).call().await.unwrap()), Some(State::Canceled));
    let refused = refusal(story.act("execute", &dora, hostile.execute(&governor)).await);
    assert!(refused.starts_with("GovernorUnexpectedProposalState"), "{refused}");

    // she can do nothing else with the timelock, and others nothing with the office
    let frank = story.cast.frank.clone();
    let vault = story.deployment.address("vault");
    let pause = story.deployment.guardian(&frank).pause(vault, 0, 86_400, reason);
    let refused = refusal(story.act("pause", &frank, pause).await);
    assert!(refused.starts_with("NotGuardian"), "{refused}");
    story.act("pause", &gina, office.pause(vault, 0, 86_400, reason)).await.unwrap();
    let paused = story.deployment.vault(&gina).paused_until(0).call().await.unwrap();
    assert!(paused > story.chain().now().await.unwrap().into());

    // a vote on the office itself is beyond her
    let dismissal = motion(&office.appoint(Address::zero(), 0), "Dismiss the guardian");
    let id = queue(story, &dismissal).await;
    let call = cancel(&office, &dismissal, governor.address(), reason);
    let refused = refusal(story.act("cancel", &gina, call).await);
    assert!(refused.starts_with("OwnOffice"), "{refused}");
    story.pass(story.profile.delay + 1).await.unwrap();
    story.act("execute", &dora, dismissal.execute(&governor)).await.unwrap();
    assert_eq!(State::from_number(governor.state(id).call().await.unwrap()), Some(State::Executed));
    let refused = refusal(story.act("pause", &gina, office.pause(vault, 2, 86_400, reason)).await);
    assert!(refused.starts_with("OfficeVacant") || refused.starts_with("NotGuardian"), "{refused}");
    stage.strike().await;
}

#[tokio::test]
async fn stakers_of_shares_earn_votes_and_leave_through_the_vaults_queue() {
    let Some(mut stage) = open("rewards").await else { return };
    let story = &mut stage.story;
    story.capital().await.unwrap();
    let alice = story.cast.alice.clone();
    let me = alice.address();
    let (vault, rewards) = (story.deployment.vault(&alice), story.deployment.rewards(&alice));
    let token = story.deployment.token(&alice);
    let shares = vault.balance_of(me).call().await.unwrap();
    story.act("approve", &alice, vault.approve(rewards.address(), shares)).await.unwrap();
    story.act("stake", &alice, rewards.stake(shares, me)).await.unwrap();
    let (rate, most, ..) = rewards.emission().call().await.unwrap();
    assert!(!rate.is_zero() && rate <= most.into(), "{rate} of {most}");

    story.pass(30 * 86_400).await.unwrap();
    story.act("claim rewards", &alice, rewards.claim(me)).await.unwrap();
    let earned = token.balance_of(me).call().await.unwrap();
    let (least, most) = (rate * (30 * 86_400), rate * (30 * 86_400 + 60));
    assert!(earned <= most && earned + pali(1) >= least, "{earned} of {least} to {most}");

    // she leaves: her staked shares go into the vault's queue at once, and are served as others' are
    story.act("request", &alice, rewards.request_redeem(shares, me)).await.unwrap();
    assert_eq!(vault.pending_redeem_request(U256::zero(), me).call().await.unwrap(), shares);
    story.pass(2 * story.profile.week + story.profile.cooldown + 1).await.unwrap();
    story.serve().await.unwrap();
    let claimable = vault.claimable_redeem_request(U256::zero(), me).call().await.unwrap();
    assert!(!claimable.is_zero());
    let coin = story.asset(&alice);
    let had = coin.balance_of(me).call().await.unwrap();
    story.act("claim redemption", &alice, vault.redeem(claimable, me, me)).await.unwrap();
    assert!(coin.balance_of(me).call().await.unwrap() > had + usd(1));
    stage.strike().await;
}

//! What must hold whatever anybody does about claims.

use alloy_primitives::U256;
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};
use protocol::abi::{IAssessor, IERC20, IERC4626, IERC7540Redeem, IJury, IRisk, ITrigger, IVault};

use crate::{
    hostile::{LINES, Model},
    insurer::{AT_ONCE, CONFIRMED, COOLDOWN, PATIENCE, WEEK, stage, u},
};

pub(crate) type Check = Result<(), TestCaseError>;

/// What is compared before and after a few calls.
#[derive(Clone)]
pub(crate) struct Look {
    pub(crate) solvency: IVault::Solvency,
    pub(crate) supply: U256,
    /// Of all policies together.
    pub(crate) confirmed: U256,
}

impl Look {
    pub(crate) fn at(model: &Model) -> Self {
        let insurer = &model.insurer;
        let count = insurer.bought.borrow().len();
        Self {
            solvency: insurer.solvency(),
            supply: insurer.read(insurer.vault, IERC20::totalSupplyCall {}),
            confirmed: (0..count).map(|index| insurer.policy_of(index).confirmed).sum(),
        }
    }
}

/// What is looked at after every few calls.
pub(crate) fn each(model: &Model, before: &Look) -> Result<Look, TestCaseError> {
    let look = Look::at(model);
    bonds_are_conserved(model)?;
    stakes_are_conserved(model)?;
    money_is_where_the_books_say(model, &look)?;
    a_share_falls_by_claims_alone(before, &look)?;
    Ok(look)
}

/// What is looked at now and then.
pub(crate) fn all(model: &Model) -> Check {
    let look = Look::at(model);
    nothing_is_paid_above_cover_or_twice(model)?;
    payouts_come_out_of_what_came_in(model, &look)?;
    the_reserve_holds_for_every_claim(model, &look)?;
    no_more_is_paid_at_once_than_the_limit(model)
}

/// [I16] What Assessor holds for others is the bonds of open claims and what is credited; all of it is there.
pub(crate) fn bonds_are_conserved(model: &Model) -> Check {
    let insurer = &model.insurer;
    let asset = insurer.token.at;
    let money = insurer.read(insurer.assessor, IAssessor::moneyOfCall { asset });
    let count = insurer.bought.borrow().len();
    let bonds: U256 = (0..count).map(|index| insurer.claim(index).bond).sum();
    let credits: U256 = model.everybody().map(|who| insurer.credit(who)).sum();
    prop_assert_eq!(money.held, bonds + credits);
    prop_assert_eq!(money.held + money.jury, insurer.money(insurer.assessor));
    Ok(())
}

/// [I16] What the jury accounts for is there to the unit, in PALI and in the asset; no juror has more at risk than at
/// stake, nor anything at risk without a vote that is open.
pub(crate) fn stakes_are_conserved(model: &Model) -> Check {
    let insurer = &model.insurer;
    let mut total = U256::ZERO;
    for juror in model.jurors() {
        let state = insurer.read(insurer.jury, IJury::jurorOfCall { juror });
        prop_assert!(state.atRisk <= state.stake);
        prop_assert_eq!(state.openVotes.is_zero(), state.atRisk.is_zero());
        total += state.stake;
    }
    prop_assert_eq!(insurer.read(insurer.jury, IJury::totalStakeCall {}), total);
    for asset in [insurer.token.at, insurer.pali] {
        let balance = insurer.read(asset, IERC20::balanceOfCall { account: insurer.jury });
        prop_assert_eq!(insurer.read(insurer.jury, IJury::heldOfCall { asset }), balance);
    }
    Ok(())
}

/// [I1] Nobody donates here: every unit of the vault's balance is in its books, the shares of premiums that are not
/// collected yet beside them.
fn money_is_where_the_books_say(model: &Model, look: &Look) -> Check {
    let insurer = &model.insurer;
    let fees = insurer.read(insurer.vault, IVault::feesAccruedCall {});
    prop_assert_eq!(insurer.money(insurer.vault), look.solvency.cash + fees.treasuryFee + fees.juryFee);
    let s = &look.solvency;
    prop_assert!(s.assets + s.unearned + s.served + s.payables <= s.cash + s.invested + U256::ONE);
    Ok(())
}

/// [I6] The price of a share falls where a claim is confirmed, and never otherwise but by rounding.
fn a_share_falls_by_claims_alone(before: &Look, after: &Look) -> Check {
    if after.confirmed != before.confirmed || after.supply < u(1_000_000_000_000) {
        return Ok(());
    }
    let (was, is) = (before.solvency.entryPrice, after.solvency.entryPrice);
    prop_assert!(is + was / u(1_000_000_000) + U256::ONE >= was, "a share fell from {was} to {is}");
    Ok(())
}

/// [I4, I13] A policy's claims under all incidents together are what is confirmed on it, at most its cover, and what was
/// won back is no more than that. What the vault paid, owes and keeps ready for it is the same, once.
pub(crate) fn nothing_is_paid_above_cover_or_twice(model: &Model) -> Check {
    let insurer = &model.insurer;
    let count = insurer.bought.borrow().len();
    for index in 0..count {
        let (policy, id) = (insurer.policy_of(index), insurer.id(index));
        let cover = policy.amount * u(policy.ratioBps.into()) / u(10_000);
        prop_assert!(policy.confirmed <= cover);
        prop_assert_eq!(policy.remaining, cover - policy.confirmed);
        let claims: U256 = (0..=model.incidents(&model.line_of(index)))
            .map(|number| {
                let call = IAssessor::claimOfCall { policy: id, incident: u(number) };
                insurer.read(insurer.assessor, call)
            })
            .sum();
        prop_assert_eq!(claims, policy.confirmed);
        let recovered = insurer.read(insurer.assessor, IAssessor::recoveredOfCall { policy: id });
        prop_assert!(recovered <= policy.confirmed);
        let owed = insurer.read(insurer.vault, IVault::owedOfCall { policy: id });
        prop_assert!(owed.owed <= policy.confirmed);
        let claim = insurer.claim(index);
        prop_assert_eq!(policy.locked, claim.stage != stage::NONE);
        prop_assert!(claim.amount <= policy.remaining);
    }
    Ok(())
}

/// [I4] What went out as payouts is no more than what came in as deposits, premiums and recoveries.
fn payouts_come_out_of_what_came_in(model: &Model, look: &Look) -> Check {
    let s = &look.solvency;
    // What is confirmed has been paid, is kept ready, or is owed.
    let paid = look.confirmed.saturating_sub(s.owed);
    prop_assert!(paid <= model.came_in, "{paid} of {}", model.came_in);
    prop_assert!(s.owed <= look.confirmed);
    Ok(())
}

/// [I10] Whatever can still be claimed under incidents that are booked, and whatever waits for a decision, is reserved:
/// this is what a leaver does not get.
pub(crate) fn still_to_be_claimed(model: &Model) -> (U256, u64) {
    let insurer = &model.insurer;
    let count = insurer.bought.borrow().len();
    let (mut sum, mut claimants) = (U256::ZERO, 0);
    let clock = insurer.read(insurer.risk, IRisk::claimsClockCall {}).to::<u64>();
    for index in 0..count {
        let policy = insurer.policy_of(index);
        let open = insurer.claim(index);
        sum += open.amount;
        if policy.expired || policy.cancelled || clock > policy.deadline {
            continue;
        }
        let line = &LINES[model.line_of(index)];
        let told = insurer.line(line.product, line.subject);
        let newest = model.newest(line);
        if told.state == 0 || newest == 0 {
            continue;
        }
        // Older incidents may be over; the newest one is what nobody can deny.
        let Ok((CONFIRMED, loss)) = insurer.word(model.trigger(line), index, newest) else { continue };
        let event = insurer.read(
            model.trigger(line),
            ITrigger::incidentCall { subject: crate::insurer::text(line.subject), number: u(newest) },
        );
        let booked = insurer.read(
            insurer.assessor,
            IAssessor::incidentOfCall {
                product: u(line.product),
                subject: crate::insurer::text(line.subject),
                number: u(newest),
            },
        );
        // What the trigger found since is not booked yet.
        if booked.verdict != CONFIRMED || event.worstBps > booked.worstBps && booked.closedAt != 0 {
            continue;
        }
        let id = insurer.id(index);
        let had = [0, newest].map(|number| {
            let call = IAssessor::claimOfCall { policy: id, incident: u(number) };
            insurer.read(insurer.assessor, call)
        });
        let had = had[0] + had[1];
        let denied = insurer.read(insurer.assessor, IAssessor::deniedOfCall { policy: id, incident: u(newest) });
        let waits = if open.incident == u(newest) { open.amount } else { U256::ZERO };
        let claim = model.claim_of(&policy, loss);
        let rise = claim.saturating_sub(had + denied + waits).min(policy.remaining.saturating_sub(open.amount));
        sum += rise;
        claimants += u64::from(!rise.is_zero());
    }
    (sum, claimants)
}

fn the_reserve_holds_for_every_claim(model: &Model, look: &Look) -> Check {
    let (claimable, claimants) = still_to_be_claimed(model);
    let reserve = look.solvency.reserve;
    prop_assert!(claimable <= reserve + u(claimants), "{claimable} can be claimed, {reserve} is reserved");
    Ok(())
}

/// Whether anything waits to be settled: an incident that is booked and has not closed, or a claim that nothing proves.
fn is_unsettled(model: &Model) -> bool {
    let insurer = &model.insurer;
    let count = insurer.bought.borrow().len();
    let unproven = |index| matches!(insurer.claim(index).stage, stage::WAITING | stage::JURY | stage::REOPENED);
    (0..count).any(unproven)
        || LINES.iter().any(|line| {
            let booked = IAssessor::incidentOfCall {
                product: u(line.product),
                subject: crate::insurer::text(line.subject),
                number: u(model.newest(line)),
            };
            let booked = insurer.read(insurer.assessor, booked);
            booked.verdict == CONFIRMED && booked.closedAt == 0
        })
}

/// What a service may do, from what was there before it.
pub(crate) struct Service {
    look: Look,
    claimable: U256,
    unsettled: bool,
    /// When the first cohort in the queue is due.
    due: u64,
}

impl Service {
    pub(crate) fn before(model: &Model) -> Self {
        let insurer = &model.insurer;
        let head: u64 = insurer.read(insurer.vault, IVault::redemptionHeadCall {}).to();
        Self {
            look: Look::at(model),
            claimable: still_to_be_claimed(model).0,
            unsettled: is_unsettled(model),
            due: (head + 1) * WEEK + COOLDOWN,
        }
    }

    /// No exit ahead of a claim: who leaves gets no more than his part of what is left when every claim that can be made
    /// has been paid in full, and where anything is unsettled he had three days to think again.
    pub(crate) fn check(&self, model: &Model, shares: U256, assets: U256) -> Check {
        if shares.is_zero() {
            return Ok(());
        }
        let s = &self.look.solvency;
        let left = s.assets.saturating_sub(s.owed).saturating_sub(s.stream).saturating_sub(self.claimable);
        let most = shares * (left + U256::ONE) / (self.look.supply + u(1_000_000));
        // The stream has flowed since, and the books round by a unit.
        prop_assert!(assets <= most + u(10), "{assets} for {shares}, worth {most} after all claims");
        if self.unsettled {
            prop_assert!(model.now() >= self.due + PATIENCE, "served at {}, due at {}", model.now(), self.due);
        }
        Ok(())
    }
}

/// Within any day, and under any incident, no more is paid at once than a twentieth of the capital.
fn no_more_is_paid_at_once_than_the_limit(model: &Model) -> Check {
    let insurer = &model.insurer;
    let limits = insurer.read(insurer.assessor, IAssessor::limitsOfCall { vault: insurer.vault });
    prop_assert!(limits.paid <= limits.limit);
    prop_assert!(limits.limit <= model.most_capital * u(AT_ONCE) / u(10_000));
    for line in &LINES {
        for number in 1..=model.newest(line) {
            let call = IAssessor::paidAtOnceCall {
                product: u(line.product),
                subject: crate::insurer::text(line.subject),
                number: u(number),
            };
            let paid = insurer.read(insurer.assessor, call);
            prop_assert!(paid <= model.most_capital * u(AT_ONCE) / u(10_000));
            prop_assert!(!line.slow || paid.is_zero(), "an exploit is never paid at once");
        }
    }
    let most = model.most_capital * u(AT_ONCE) / u(10_000);
    for (first, (from, _)) in model.at_once.iter().enumerate() {
        let day = model.at_once[first..].iter().take_while(|(at, _)| *at < from + crate::insurer::DAY);
        let sum: U256 = day.map(|(_, amount)| *amount).sum();
        prop_assert!(sum <= most, "{sum} in a day, {most} at most");
    }
    Ok(())
}

/// [I26] The end of everything, with nobody but anyone: claims end by the clock, bonds and stakes come back, what is owed
/// is paid as far as there is money, everybody leaves.
pub(crate) fn everybody_leaves(model: &mut Model) -> Check {
    model.calm_down();
    let count = model.insurer.bought.borrow().len();
    let anyone = model.insurer.person("anyone");
    let begin = model.now();
    // 464 days is what docs/claims.md says of the longest way; each of its steps may be a month late here.
    while (0..count).any(|index| model.insurer.claim(index).stage != stage::NONE) {
        prop_assert!(model.now() < begin + 600 * crate::insurer::DAY, "a claim does not end");
        model.insurer.world.warp(30 * crate::insurer::DAY);
        model.catch_up();
        for index in 0..count {
            model.execute(index)?;
        }
    }
    while model.now() < begin + 600 * crate::insurer::DAY {
        model.insurer.world.warp(20 * WEEK);
        model.catch_up();
    }
    let insurer = &model.insurer;
    for index in 0..count {
        let policy = insurer.policy_of(index);
        if policy.filed && !policy.expired && !policy.cancelled {
            insurer.must(anyone, insurer.policy, protocol::abi::IPolicy::expireCall { policy: insurer.id(index) });
        }
    }
    model.catch_up();
    // The jury: every case has ended, every vote is settled, everything is taken.
    let cases: u64 = insurer.read(insurer.jury, IJury::casesCall {}).to();
    for id in (1..=cases).map(u) {
        prop_assert!(insurer.read(insurer.jury, IJury::verdictCall { id }).ended, "a case does not end");
        let _ = insurer.send(anyone, insurer.jury, IJury::finaliseCall { id });
        for juror in model.jurors() {
            // The second of a juror's votes in a case is settled with the first.
            let _ = insurer.send(anyone, insurer.jury, IJury::settleCall { id, juror });
        }
    }
    let mut spare = insurer.read(insurer.jury, IJury::spareOfCall { asset: insurer.token.at });
    for who in model.everybody() {
        for asset in [insurer.token.at, insurer.pali] {
            let _ = insurer.send(who, insurer.jury, IJury::withdrawCreditCall { asset, receiver: who });
        }
        let _ = insurer.send(
            who,
            insurer.assessor,
            IAssessor::withdrawCreditCall { asset: insurer.token.at, receiver: who },
        );
        let state = insurer.read(insurer.jury, IJury::jurorOfCall { juror: who });
        prop_assert_eq!((state.atRisk, state.openVotes), (U256::ZERO, U256::ZERO));
    }
    prop_assert_eq!(insurer.money(insurer.jury), spare);
    let money = insurer.read(insurer.assessor, IAssessor::moneyOfCall { asset: insurer.token.at });
    prop_assert_eq!(money.held, U256::ZERO, "bonds stay behind");
    spare += money.jury;

    // The vault: what is owed is topped up and taken, then everybody leaves.
    insurer.must(anyone, insurer.risk, IRisk::recountCall { vault: insurer.vault });
    insurer.must(anyone, insurer.vault, IVault::topUpCall {});
    for index in 0..count {
        let _ = insurer.send(anyone, insurer.vault, IVault::claimOwedCall { policy: insurer.id(index) });
    }
    let vault = insurer.vault;
    for who in model.everybody() {
        let _ = insurer.send(who, vault, IVault::withdrawCreditCall { receiver: who });
        let cancel = IVault::cancelRedeemRequestCall { requestId: U256::ZERO, controller: who, receiver: who };
        let _ = insurer.send(who, vault, cancel);
    }
    insurer.world.warp(5 * WEEK);
    for who in model.everybody() {
        let shares = insurer.shares(who);
        if !shares.is_zero() {
            insurer.request(who, shares);
        }
    }
    insurer.world.warp(2 * WEEK + COOLDOWN + PATIENCE);
    model.catch_up();
    insurer.serve();
    // What is still open when nobody has anything to claim any more delays nobody for longer than three days.
    insurer.world.warp(PATIENCE);
    insurer.serve();
    for who in model.everybody() {
        if !insurer.read(vault, IERC4626::maxWithdrawCall { controller: who }).is_zero() {
            insurer.redeem_all(who);
        }
    }
    insurer.must(anyone, vault, IVault::collectFeesCall {});
    let look = Look::at(model);
    let dust = u(4 * model.calls + 100);
    prop_assert_eq!(look.solvency.reserve, U256::ZERO);
    if look.solvency.owed.is_zero() {
        for who in model.everybody() {
            let pending = IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller: who };
            let pending = insurer.read(vault, pending);
            let worthless = look.solvency.assets <= dust;
            prop_assert!(pending <= dust * u(1_000_000) || worthless, "{pending} shares wait for ever");
        }
        prop_assert!(look.solvency.cash <= dust, "{} stays", look.solvency.cash);
    } else {
        prop_assert!(look.solvency.assets <= dust, "{} is left of a pool that owes", look.solvency.assets);
    }
    bonds_are_conserved(model)?;
    stakes_are_conserved(model)?;
    // All money is somewhere.
    let held: U256 = model.everybody().map(|who| insurer.money(who)).sum();
    let held = held
        + [insurer.vault, insurer.assessor, insurer.jury, insurer.owner]
            .map(|at| insurer.money(at))
            .iter()
            .sum::<U256>();
    prop_assert_eq!(held, insurer.read(insurer.token.at, IERC20::totalSupplyCall {}));
    Ok(())
}

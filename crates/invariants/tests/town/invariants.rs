//! What holds whatever anybody does, in any order: each as a function that tells what it found otherwise.
//!
//! The names in brackets are those of the catalogue that they come from; where a mechanism of ours replaced the one that
//! the catalogue speaks of, the comment says which.

use alloy_primitives::U256;
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};
use protocol::abi::{IAllocator, IAssessor, IERC721, IERC4626, IERC7540Redeem, IPolicy, IRisk, ITrigger, IVault};

use crate::{
    model::{Look, Model, whole_up},
    strategies::{self, losses_are_booked_and_books_agree},
    town::{DAY, GROUPS, LINES, MILLE, text, u},
    triggers::CONFIRMED,
};

pub(crate) type Check = Result<(), TestCaseError>;

/// One in RAY.
const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;
/// Shares that nobody has and that count in every price.
const VIRTUAL: u128 = 1_000_000;

// ————————————————————————————————————————————————————————————————————————————————————————————— after every call

/// [I1, I26] The balance is what the books have, fees and donations, to the unit: nobody's money is lost, and none is
/// made. What strategies have is not of the balance; there are no bonds.
pub(crate) fn every_unit_of_the_balance_has_a_name(model: &Model, pool: usize, look: &Look) -> Check {
    prop_assert_eq!(look.balance, look.solvency.cash + look.fees + model.donated[pool]);
    prop_assert!(pool == 0 || look.solvency.invested.is_zero());
    Ok(())
}

/// [I1, I9] What can pay claims is cash and investments less what belongs to others: unearned premiums, served
/// redemptions, credits. Those are covered by cash alone. What is above the investments' books is for who enters.
pub(crate) fn assets_are_what_belongs_to_nobody_else(_: &Model, _: usize, look: &Look) -> Check {
    let solvency = &look.solvency;
    let others = solvency.unearned + solvency.served + solvency.payables;
    // The last premium's rounding may be a unit ahead of the cash.
    prop_assert!(solvency.cash + U256::ONE >= others, "{} and {others}", solvency.cash);
    prop_assert_eq!(solvency.assets, (solvency.cash + solvency.invested).saturating_sub(others));
    prop_assert_eq!(look.total, look.booked() + look.gain());
    prop_assert!(solvency.stream <= look.booked());
    Ok(())
}

/// [I24] Prices, capital and coverage are worked out from the books as the design says.
pub(crate) fn prices_follow_from_the_books(model: &Model, pool: usize, look: &Look) -> Check {
    let solvency = &look.solvency;
    let middle = look.booked() - solvency.stream;
    let shares = look.supply + u(VIRTUAL);
    let price = |basis: U256| (basis + U256::ONE) * u(RAY) / shares;
    prop_assert_eq!(solvency.entryPrice, price(look.total));
    prop_assert_eq!(solvency.exitPrice, price(middle.saturating_sub(look.doubt()).saturating_sub(solvency.reserve)));
    let capital =
        if look.supply.is_zero() { middle } else { middle * (look.supply - solvency.requested) / look.supply };
    prop_assert_eq!(solvency.capital, capital);
    let coverage =
        if solvency.minimumCapital.is_zero() { U256::MAX } else { capital * u(10_000u64) / solvency.minimumCapital };
    prop_assert_eq!(solvency.coverageBps, coverage);
    let vault = model.town.pools[pool].vault;
    let run_off = model.town.read(vault, IVault::runOffCall {});
    let closed = run_off.ordered || run_off.depleted || !solvency.owed.is_zero() || solvency.assets < solvency.reserve;
    prop_assert_eq!(solvency.closed, closed);
    Ok(())
}

/// [I6] A share falls by confirmed claims and by what strategies lose, by as much as they are, and by nothing else but
/// rounding: neither who enters nor who leaves takes anything from it, with investments at the higher of book and worth
/// or at their books. An exit freeze does not exist: that an incident lowers what a leaver gets is the exit price, not
/// this one.
pub(crate) fn a_share_falls_by_losses_alone(before: &Look, after: &Look, loss: U256) -> Check {
    let (old, new) = (before.supply + u(VIRTUAL), after.supply + u(VIRTUAL));
    let gained = |look: &Look| look.solvency.invested + look.gain();
    for (was, is, lost) in [
        (before.total, after.total, strategies::lost(before, after, gained)),
        (before.booked(), after.booked(), strategies::lost(before, after, |look| look.solvency.invested)),
    ] {
        // Cross-multiplied: TA₀ ÷ S₀ ≤ (TA₁ + losses + 2) ÷ S₁.
        prop_assert!(
            was * new <= (is + loss + lost + u(2u64)) * old,
            "{was} of {old} became {is} of {new} with claims of {loss}, and {lost} lost by strategies"
        );
    }
    Ok(())
}

/// Who enters pays for all there is: neither the middle price falls by it nor that of who leaves, strategies at the
/// lower of book and worth.
pub(crate) fn entering_lowers_no_price(before: &Look, after: &Look) -> Check {
    let (old, new) = (before.supply + u(VIRTUAL), after.supply + u(VIRTUAL));
    let middle = |look: &Look| look.booked() - look.solvency.stream;
    let exit = |look: &Look| middle(look).saturating_sub(look.doubt()).saturating_sub(after.solvency.reserve);
    for (was, is) in [(middle(before), middle(after)), (exit(before), exit(after))] {
        // A share that was worth nothing cannot fall; the virtual unit of assets alone says that it does.
        let fell = !was.is_zero() && (was + U256::ONE) * new > (is + U256::ONE) * old;
        prop_assert!(!fell, "{was} of {old} became {is} of {new}");
    }
    Ok(())
}

// ——————————————————————————————————————————————————————————————————————————————————————————— after some of them

/// [I5, I8] Balances add up to the supply, those that asked to leave among them.
pub(crate) fn shares_add_up_to_the_supply(model: &Model, pool: usize, look: &Look) -> Check {
    let town = &model.town;
    let vault = town.pools[pool].vault;
    let held: U256 = model.holders().map(|who| town.shares(pool, who)).sum();
    let waiting = town.shares(pool, vault);
    prop_assert_eq!(held + waiting, look.supply);
    prop_assert_eq!(waiting, look.solvency.requested);
    let pending =
        |controller| town.read(vault, IERC7540Redeem::pendingRedeemRequestCall { requestId: U256::ZERO, controller });
    let pending: U256 = model.holders().map(pending).sum();
    prop_assert!(pending <= waiting, "{pending} of {waiting}");
    prop_assert!(waiting - pending <= u(4 * model.calls), "{waiting} less {pending} are nobody's");
    Ok(())
}

/// [I8, I9] What was served is set aside for those who can take it, but for dust.
pub(crate) fn what_was_served_is_set_aside(model: &Model, pool: usize, look: &Look) -> Check {
    let vault = model.town.pools[pool].vault;
    let claimable = |controller| model.town.read(vault, IVault::requestOfCall { controller }).assets;
    let claimable: U256 = model.holders().map(claimable).sum();
    prop_assert!(claimable <= look.solvency.served, "{claimable} of {}", look.solvency.served);
    prop_assert!(look.solvency.served - claimable <= u(2 * model.calls));
    Ok(())
}

/// [I11, I12] What is unearned is the sum of what every policy's premium has not earned, to the unit.
pub(crate) fn unearned_is_the_sum_over_policies(model: &Model, pool: usize, look: &Look) -> Check {
    let mine = model.policies.iter().filter(|policy| policy.pool() == pool);
    let unearned: U256 = mine.map(|policy| policy.unearned(model.now())).sum();
    prop_assert_eq!(look.solvency.unearned, whole_up(unearned));
    Ok(())
}

/// [I4, I13] Who has a claim got, is owed and can take together what was confirmed, at most their cover: nobody twice,
/// and nobody more. What the vault says that it owes and keeps ready is the sum of it.
pub(crate) fn claims_are_paid_once_and_never_beyond_cover(model: &Model, pool: usize, look: &Look) -> Check {
    let town = &model.town;
    let vault = town.pools[pool].vault;
    let (mut owed, mut ready) = (U256::ZERO, U256::ZERO);
    for policy in model.policies.iter().filter(|policy| policy.pool() == pool && policy.filed) {
        prop_assert!(policy.confirmed <= policy.cover);
        let sum: U256 = policy.claims.values().copied().sum();
        prop_assert_eq!(sum, policy.confirmed);
        let told = town.read(vault, IVault::owedOfCall { policy: policy.id });
        prop_assert!(policy.got + told.owed <= policy.confirmed, "{policy:?} is owed {}", told.owed);
        owed += told.owed;
        ready += policy.confirmed - policy.got - told.owed;
    }
    let credits: U256 = model.holders().map(|account| town.read(vault, IVault::creditOfCall { account })).sum();
    prop_assert!(ready + credits <= look.solvency.payables, "{ready} and {credits} of {}", look.solvency.payables);
    prop_assert!(look.solvency.payables - ready - credits <= u(2 * model.calls));
    let apart = owed.max(look.solvency.owed) - owed.min(look.solvency.owed);
    prop_assert!(apart <= u(2 * model.calls), "{owed} is owed, the vault says {}", look.solvency.owed);
    Ok(())
}

/// [I2, I19] A line's cover is what its policies can still be paid, as of now, whoever has brought it up to date or
/// not; what a vault has on its books is at least that. There are no modules with a stake: locked capital is the
/// product's share of the vault's.
pub(crate) fn cover_is_the_sum_of_what_policies_have_left(model: &Model) -> Check {
    let town = &model.town;
    let clock = town.clock();
    let mut sums = [U256::ZERO; 2];
    for (index, line) in LINES.iter().enumerate() {
        let told = town.line(line);
        prop_assert_eq!(told.cover, model.cover_of(index, clock), "{} on {}", line.product, line.subject);
        prop_assert!(told.exposed <= told.cover + told.confirmed);
        sums[line.pool] += told.cover;
    }
    for (pool, sum) in town.pools.iter().zip(sums) {
        let booked: U256 = town.read(town.risk, IRisk::activeCoverCall { vault: pool.vault });
        prop_assert!(booked >= sum, "{booked} of {sum}");
    }
    Ok(())
}

/// [I10] The reserve of a line is enough for all that can be claimed under its incidents, whoever files first. A
/// policy's cover is rounded down before its loss is taken of it, a claim after: a unit a policy lies between them.
pub(crate) fn the_reserve_is_enough_for_every_claim(model: &Model) -> Check {
    let town = &model.town;
    let clock = town.clock();
    for (index, line) in LINES.iter().enumerate() {
        let told = town.line(line);
        if told.state == 0 {
            prop_assert_eq!(told.reserve, U256::ZERO);
            continue;
        }
        let count = town.script_events(index);
        let (mut claimable, mut claimants) = (U256::ZERO, 0u64);
        for policy in model.policies.iter().filter(|policy| policy.line == index && !policy.is_closed()) {
            if clock > policy.deadline {
                continue;
            }
            let mut rise = U256::ZERO;
            for incident in 1..=count {
                let call = IAssessor::incidentOfCall {
                    product: u(line.product),
                    subject: line.subject(),
                    number: u(incident),
                };
                let booked = town.read(town.assessor, call);
                let Some(event) = model.event(index, incident) else { continue };
                // What is not booked yet has no reserve, and what is over can be claimed under no longer.
                if booked.openedAt == 0
                    || event.verdict != CONFIRMED
                    || event.opened < policy.start
                    || event.opened > policy.end
                {
                    continue;
                }
                let lapsed = event.closed != 0 && booked.closedAt != 0 && told.lapseAt != 0 && clock > told.lapseAt;
                if lapsed || (event.closed != 0 && clock > event.closed + model.times(index).1) {
                    continue;
                }
                let loss = model.loss(policy, &event).1;
                // An incident that is open in the books may still take all.
                let loss = if booked.closedAt == 0 { 10_000 } else { loss };
                rise += policy.rise(incident, loss);
            }
            claimable += rise.min(policy.remaining());
            claimants += u64::from(!rise.is_zero());
        }
        prop_assert!(
            claimable <= told.reserve + u(claimants),
            "{claimable} can be claimed of {} on {}, reserved {}",
            line.product,
            line.subject,
            told.reserve
        );
    }
    Ok(())
}

/// [I18] Exposures, and the capital that they require in their groups, are what adding up all lines anew gives.
pub(crate) fn required_capital_is_worked_out_anew(model: &Model) -> Check {
    let town = &model.town;
    for (number, pool) in town.pools.iter().enumerate() {
        let mine: Vec<_> = LINES.iter().filter(|line| line.pool == number).collect();
        let call = IRisk::portfolioCall {
            vault: pool.vault,
            products: mine.iter().map(|line| u(line.product)).collect(),
            subjects: mine.iter().map(|line| line.subject()).collect(),
        };
        let booked = town.read(town.risk, call);
        prop_assert_eq!(booked.missing, U256::ZERO);
        let (mut squared, mut largest) = (U256::ZERO, U256::ZERO);
        for (_, correlation, keys) in GROUPS {
            let (mut sum, mut squares) = (U256::ZERO, U256::ZERO);
            for key in keys {
                let on_key = mine.iter().zip(&booked.exposures).filter(|(line, _)| line.key == *key);
                let mut x: U256 = on_key.map(|(_, exposure)| exposure.amount).sum();
                let call = IRisk::exposureOfCall { vault: pool.vault, riskKey: text(key) };
                if number == 0 {
                    // What strategies hold there counts, and never less than is booked: who frees or loses some of it
                    // leaves it stale-high until anybody reports it.
                    x += town.read(town.allocator, IAllocator::heldOnCall { riskKey: text(key) });
                    prop_assert!(town.read(town.risk, call.clone()) >= x);
                    let report = IVault::reportHeldCall { riskKey: text(key) };
                    town.must(town.person("anyone"), pool.vault, report);
                }
                prop_assert_eq!(town.read(town.risk, call), x);
                largest = largest.max(x);
                // In units of 4,096, rounded up.
                let x = x.div_ceil(u(4_096u64));
                sum += x;
                squares += x * x;
            }
            squared += squares + ((sum * sum - squares) * u(correlation)).div_ceil(u(10_000u64));
        }
        let capital = town.read(town.risk, IRisk::capitalOfCall { vault: pool.vault });
        prop_assert_eq!(capital.requirement, root_up(squared) * u(4_096u64));
        // An upper bound after a fall, until somebody recounts.
        prop_assert!(capital.largest >= largest);
        let by = |bps: u16| (capital.requirement * u(bps)).div_ceil(u(10_000u64));
        prop_assert_eq!(capital.minimum, by(capital.minimumBps).max(capital.largest));
        prop_assert_eq!(capital.target, by(capital.targetBps).max(capital.floor));
        let solvency = town.solvency(number);
        prop_assert_eq!([solvency.minimumCapital, solvency.targetCapital], [capital.minimum, capital.target]);
        prop_assert_eq!(solvency.reserve, capital.reserve);
        let cover: U256 = town.read(town.risk, IRisk::activeCoverCall { vault: pool.vault });
        prop_assert_eq!(solvency.activeCover, cover);
    }
    Ok(())
}

/// The least number whose square is not below `square`.
fn root_up(square: U256) -> U256 {
    let root = square.root(2);
    if root * root < square { root + U256::ONE } else { root }
}

/// [I17] Rates stay within their bounds and fall by at most a quarter a day.
pub(crate) fn rates_stay_in_bounds_and_fall_slowly(model: &mut Model) -> Check {
    let now = model.now();
    for family in 1..=4u64 {
        let rate = model.town.read(model.town.risk, IRisk::estimateCall { family: u(family) }).rate;
        prop_assert!(rate >= u(MILLE) && rate <= u(200 * MILLE), "{rate}");
        if let Some((since, last)) = model.rates.insert(family, (now, rate)) {
            // 2^(−1/208175) a second is 0.75 a day.
            let least = last.to::<u128>() as f64 * 0.75f64.powf((now - since) as f64 / DAY as f64);
            prop_assert!(rate.to::<u128>() as f64 >= least * 0.999_999, "{last} fell to {rate}");
        }
    }
    Ok(())
}

/// [I14, I15, I16] Every policy is as the test keeps it: certificates are never destroyed, what is closed stays
/// closed, and nothing is locked between calls. There are no bonds.
pub(crate) fn policies_are_as_they_were_left(model: &Model) -> Check {
    let town = &model.town;
    prop_assert_eq!(town.read(town.policy, IPolicy::policyCountCall {}), u(model.policies.len() as u64));
    for policy in &model.policies {
        prop_assert!(model.agrees(policy), "{policy:?}");
    }
    for who in model.holders() {
        let held = model.policies.iter().filter(|policy| policy.holder == who).count() as u64;
        prop_assert_eq!(town.read(town.policy, IERC721::balanceOfCall { owner: who }), u(held));
    }
    Ok(())
}

/// [I22] No pause is longer than seven days from now, and the claims clock never runs ahead.
pub(crate) fn pauses_end_by_themselves(model: &Model) -> Check {
    let town = &model.town;
    let mut ends = vec![
        town.read(town.policy, IPolicy::pausedUntilCall {}),
        town.read(town.risk, IRisk::filingPausedUntilCall {}),
    ];
    for pool in &town.pools {
        ends.extend([0u8, 2].map(|kind| town.read(pool.vault, IVault::pausedUntilCall { kind })));
    }
    prop_assert!(ends.iter().all(|end| *end <= u(model.now() + 7 * DAY)));
    prop_assert!(town.clock() <= model.now());
    Ok(())
}

/// [I26] All of the first pool's asset that was ever made is where it can be named.
pub(crate) fn no_money_is_made_or_lost(model: &Model) -> Check {
    let town = &model.town;
    let others = [town.pools[0].vault, town.assessor, town.person("anyone")];
    let held: U256 = model.holders().chain(others).map(|who| town.money(0, who)).sum();
    prop_assert_eq!(held + model.working(), model.minted);
    Ok(())
}

/// [I3] After a sale the product's cover is within its share of the capital, and the capital is at least the target
/// and the reserve.
pub(crate) fn a_sale_stays_within_capital(model: &Model, line: usize) -> Check {
    let town = &model.town;
    let vault = town.pools[LINES[line].pool].vault;
    let capital = town.read(vault, IVault::capitalCall {});
    prop_assert!(!capital.closed);
    // The rounding of the premium may have taken a unit.
    let amount = capital.amount + U256::ONE;
    let product = u(LINES[line].product);
    let locked = town.read(town.risk, IRisk::capacityCall { product, capital: amount });
    prop_assert!(locked.locked <= locked.limit, "{} of {}", locked.locked, locked.limit);
    let gate = town.read(town.risk, IRisk::gateCall { vault });
    prop_assert!(gate.target <= amount && gate.reserve <= amount);
    Ok(())
}

/// [I7] What has just come in is worth no more than what was given for it, on either way out.
pub(crate) fn in_and_out_again_is_no_profit(model: &Model, pool: usize, assets: U256, shares: U256) -> Check {
    let town = &model.town;
    let vault = town.pools[pool].vault;
    let worth: U256 = town.read(vault, IERC4626::convertToAssetsCall { shares });
    prop_assert!(worth <= assets, "{worth} of {assets}");
    let price = town.solvency(pool).exitPrice;
    prop_assert!(shares * price / u(RAY) <= assets);
    Ok(())
}

impl crate::town::Town {
    /// How many events the subject of a line has had, as its trigger says.
    pub(crate) fn script_events(&self, line: usize) -> u64 {
        let line = &LINES[line];
        let trigger = self.read(self.risk, IRisk::productCall { id: u(line.product) }).trigger;
        self.read(trigger, ITrigger::incidentsCall { subject: line.subject() }).to()
    }
}

/// Everything that is looked at after some calls only.
pub(crate) fn all(model: &mut Model) -> Check {
    for pool in 0..2 {
        let look = Look::at(model, pool);
        shares_add_up_to_the_supply(model, pool, &look)?;
        what_was_served_is_set_aside(model, pool, &look)?;
        unearned_is_the_sum_over_policies(model, pool, &look)?;
        claims_are_paid_once_and_never_beyond_cover(model, pool, &look)?;
    }
    cover_is_the_sum_of_what_policies_have_left(model)?;
    the_reserve_is_enough_for_every_claim(model)?;
    required_capital_is_worked_out_anew(model)?;
    rates_stay_in_bounds_and_fall_slowly(model)?;
    policies_are_as_they_were_left(model)?;
    pauses_end_by_themselves(model)?;
    no_money_is_made_or_lost(model)
}

/// What is looked at after every call.
pub(crate) fn each(model: &Model, before: &[Look; 2], loss: [U256; 2]) -> Result<[Look; 2], TestCaseError> {
    let after = [0, 1].map(|pool| Look::at(model, pool));
    losses_are_booked_and_books_agree(model, &after[0])?;
    for (pool, look) in after.iter().enumerate() {
        every_unit_of_the_balance_has_a_name(model, pool, look)?;
        assets_are_what_belongs_to_nobody_else(model, pool, look)?;
        prices_follow_from_the_books(model, pool, look)?;
        a_share_falls_by_losses_alone(&before[pool], look, loss[pool])?;
    }
    Ok(after)
}

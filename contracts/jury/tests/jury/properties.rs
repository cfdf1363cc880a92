//! Whatever anybody does: money is conserved to the unit, nobody loses more than his part, no case waits for anyone.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256};
use proptest::{collection::vec, prelude::*, sample::select};
use protocol::abi::IJury;

use crate::scene::{AWARD, Ballot, DAY, DENIED, DRAW, ENDED, NO, Opening, Scene, TIMES, YES, pali, share, u, usd};

/// The most that a vote may cost, in ten-thousandths of its weight.
const PENALTY: u64 = 100;

fn choices() -> impl Strategy<Value = Option<Ballot>> {
    select(vec![Some(YES), Some(NO), Some(NO), Some(share(100)), Some(share(5_000)), None])
}

/// What one of the jurors, or anybody, tries next; much of it is refused.
#[derive(Clone, Debug)]
enum Step {
    Stake(usize, u64),
    Unstake(usize, u64),
    Cancel(usize),
    Withdraw(usize),
    Open(bool, u64),
    Commit(usize, usize, Option<Ballot>),
    Reveal(usize, usize),
    Appeal(usize),
    Rule(usize, u16),
    Finalise(usize),
    Settle(usize, usize),
    Pull(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Step> {
    let (juror, case) = (0..5usize, 0..4usize);
    prop_oneof![
        1 => (juror.clone(), 1..1_000u64).prop_map(|(who, amount)| Step::Stake(who, amount)),
        1 => (juror.clone(), 1..500u64).prop_map(|(who, amount)| Step::Unstake(who, amount)),
        1 => juror.clone().prop_map(Step::Cancel),
        1 => juror.clone().prop_map(Step::Withdraw),
        3 => (any::<bool>(), 1..5_000u64).prop_map(|(simple, amount)| Step::Open(simple, amount)),
        12 => (juror.clone(), case.clone(), choices()).prop_map(|(who, case, ballot)| Step::Commit(who, case, ballot)),
        12 => (juror.clone(), case.clone()).prop_map(|(who, case)| Step::Reveal(who, case)),
        2 => case.clone().prop_map(Step::Appeal),
        1 => (case.clone(), 0..=10_000u16).prop_map(|(case, share)| Step::Rule(case, share)),
        3 => case.clone().prop_map(Step::Finalise),
        6 => (juror.clone(), case).prop_map(|(who, case)| Step::Settle(who, case)),
        1 => juror.prop_map(Step::Pull),
        5 => (1..4 * DAY).prop_map(Step::Wait),
    ]
}

/// A jury and what its jurors have committed.
struct Play {
    scene: Scene,
    jurors: [Address; 5],
    ballots: BTreeMap<(U256, u8, Address), Ballot>,
    /// What each juror may have lost by now, and has.
    risked: BTreeMap<Address, U256>,
    lost: BTreeMap<Address, U256>,
}

impl Play {
    fn new() -> Self {
        let (scene, jurors) = Scene::with([900, 700, 500, 300, 100]);
        for juror in jurors {
            scene.fund(juror, pali(20_000));
            scene.fund_asset(juror, usd(1_000_000));
        }
        Self { scene, jurors, ballots: BTreeMap::new(), risked: BTreeMap::new(), lost: BTreeMap::new() }
    }

    /// One of the newest cases.
    fn case(&self, back: usize) -> U256 {
        self.scene.read(IJury::casesCall {}).saturating_sub(u(back as u64))
    }

    fn act(&mut self, step: Step) {
        let (scene, jurors) = (&self.scene, self.jurors);
        let (world, jury) = (&scene.world, scene.jury);
        match step {
            Step::Stake(who, amount) => {
                scene.done(jurors[who], IJury::stakeCall { amount: pali(amount) + u(amount) });
            }
            Step::Unstake(who, amount) => {
                let _ = world.send(jurors[who], jury, IJury::requestUnstakeCall { amount: pali(amount) - u(amount) });
            }
            Step::Cancel(who) => drop(world.send(jurors[who], jury, IJury::cancelUnstakeCall {})),
            Step::Withdraw(who) => {
                drop(world.send(jurors[who], jury, IJury::withdrawCall { receiver: jurors[who] }));
            }
            Step::Open(simple, amount) => {
                let fee = u(amount * 7 + 3);
                let opening = Opening { amount: usd(amount), simple, fee, ..scene.opening() };
                scene.open_with(&opening);
            }
            Step::Commit(who, back, ballot) => {
                let (id, juror) = (self.case(back), jurors[who]);
                let Ok(case) = world.try_read(jury, IJury::caseOfCall { id }) else { return };
                let weight = scene.weight(id, juror);
                let said = ballot.unwrap_or(Ballot { choice: 9, share_bps: 9 });
                if world.send(juror, jury, scene.commit_call(id, juror, said)).is_ok() {
                    self.ballots.insert((id, case.round, juror), said);
                    let risk = weight * u(PENALTY) / u(10_000);
                    *self.risked.entry(juror).or_default() += risk;
                }
            }
            Step::Reveal(who, back) => {
                let (id, juror) = (self.case(back), jurors[who]);
                let Ok(case) = world.try_read(jury, IJury::caseOfCall { id }) else { return };
                if let Some(ballot) = self.ballots.get(&(id, case.round, juror)) {
                    let _ = world.send(juror, jury, scene.reveal_call(id, juror, *ballot));
                }
            }
            Step::Appeal(back) => {
                let call = IJury::appealCall { id: self.case(back), reason: scene.salt(jury) };
                let _ = world.send(jurors[0], jury, call);
            }
            Step::Rule(back, share_bps) => {
                let _ = world.send(scene.owner, jury, IJury::ruleCall { id: self.case(back), shareBps: share_bps });
            }
            Step::Finalise(back) => drop(world.send(scene.alice, jury, IJury::finaliseCall { id: self.case(back) })),
            Step::Settle(who, back) => self.settle(self.case(back), jurors[who]),
            Step::Pull(who) => {
                for asset in [scene.asset.at, scene.token] {
                    let call = IJury::withdrawCreditCall { asset, receiver: jurors[who] };
                    let _ = world.send(jurors[who], jury, call);
                }
            }
            Step::Wait(seconds) => world.warp(seconds),
        }
    }

    fn settle(&mut self, id: U256, juror: Address) {
        if let Ok(settled) = self.scene.world.send(self.scene.alice, self.scene.jury, IJury::settleCall { id, juror }) {
            *self.lost.entry(juror).or_default() += settled.penalty;
        }
    }

    /// What holds at any time.
    fn check(&self) {
        let scene = &self.scene;
        let mut total = U256::ZERO;
        for juror in self.jurors {
            let state = scene.of(juror);
            assert!(state.atRisk <= state.stake);
            assert_eq!(state.openVotes.is_zero(), state.atRisk.is_zero());
            total += state.stake;
            let of = |sums: &BTreeMap<Address, U256>| sums.get(&juror).copied().unwrap_or_default();
            assert!(of(&self.lost) <= of(&self.risked), "no more than the part of each vote");
        }
        assert_eq!(scene.read(IJury::totalStakeCall {}), total);
        for asset in [scene.asset.at, scene.token] {
            assert_eq!(scene.read(IJury::heldOfCall { asset }), scene.balance(asset, scene.jury));
        }
    }

    /// Lets all cases end and settles all.
    fn finish(&mut self) {
        self.scene.world.warp(110 * DAY);
        let count: u64 = self.scene.read(IJury::casesCall {}).to();
        for id in (1..=count).map(u) {
            assert!(self.scene.verdict(id).is_some(), "it ends by the clock alone");
            let before = self.scene.verdict(id);
            self.scene.done(self.scene.alice, IJury::finaliseCall { id });
            assert_eq!(self.scene.verdict(id), before, "finalising changes no verdict");
            for juror in self.jurors {
                self.settle(id, juror);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn stakes_fees_and_bonds_are_conserved_to_the_unit(steps in vec(steps(), 1..120)) {
        let mut play = Play::new();
        for step in steps {
            play.act(step);
            play.check();
        }
        play.finish();
        play.check();
        let scene = &play.scene;
        for asset in [scene.asset.at, scene.token] {
            let mut all = scene.read(IJury::spareOfCall { asset });
            for juror in play.jurors {
                all += scene.credit(asset, juror);
                if asset == scene.token {
                    let state = scene.of(juror);
                    prop_assert_eq!((state.atRisk, state.openVotes), (U256::ZERO, U256::ZERO));
                    all += state.stake + state.leaving;
                }
            }
            prop_assert_eq!(all, scene.balance(asset, scene.jury));
        }
    }

    #[test]
    fn a_cartel_below_a_third_awards_nothing(cartel in 1..490u64, second: bool) {
        let (scene, [honest, other, cartel]) = Scene::with([600, 400, cartel]);
        let (id, before) = (scene.open(), scene.of(cartel).stake);
        scene.vote(id, &[(honest, NO), (other, NO), (cartel, YES)]);
        if second && scene.phase(id) != ENDED {
            scene.appeal(id, cartel);
            if scene.case(id).round == 1 {
                scene.vote(id, &[(honest, NO), (other, NO), (cartel, YES)]);
            }
        }
        scene.end(id);
        prop_assert_ne!(scene.verdict(id).unwrap().0, AWARD);
        scene.settle(id, cartel);
        prop_assert!(scene.of(cartel).stake * u(100) >= before * u(98), "nor is it ruined: a hundredth a vote");
    }

    #[test]
    fn a_cartel_above_a_third_makes_a_draw_at_most(cartel in 516..1_940u64, awards: bool) {
        // more than 34 % and less than 66 % of all
        let (scene, [honest, cartel]) = Scene::with([1_000, cartel]);
        let (theirs, ours) = if awards { (YES, NO) } else { (NO, YES) };
        let id = scene.open();
        scene.decide(id, &[(honest, ours), (cartel, theirs)]);
        prop_assert_eq!(scene.verdict(id), Some((DRAW, U256::ZERO)));
    }

    #[test]
    fn stake_of_the_cartel_that_came_with_the_case_decides_nothing(cartel in 1..1_000_000u64, age in 0..TIMES[0]) {
        let (scene, [honest]) = Scene::with([1_000]);
        let late = scene.juror("cartel", pali(cartel));
        scene.world.warp(age);
        let id = scene.open();
        prop_assert_eq!(scene.weight(id, late), U256::ZERO);
        prop_assert!(scene.world.send(late, scene.jury, scene.commit_call(id, late, YES)).is_err());
        scene.decide(id, &[(honest, NO)]);
        prop_assert_eq!(scene.verdict(id).unwrap().0, DENIED);
    }
}

//! Checkpoints of the ability to pay.

use alloy_primitives::U256;
use proptest::prelude::*;
use protocol::abi::IVault;

use crate::scene::{COOLDOWN, M, Scene, WEEK, u};

impl Scene {
    #[track_caller]
    fn checkpoint(&self) -> bool {
        self.done(self.carol, IVault::checkpointCall {})
    }

    fn checkpoints(&self) -> Vec<IVault::Checkpoint> {
        self.page(U256::ZERO, U256::MAX).0
    }

    fn page(&self, cursor: U256, n: U256) -> (Vec<IVault::Checkpoint>, U256) {
        let answer = self.read(IVault::checkpointsCall { cursor, n });
        (answer.page, answer.next)
    }

    fn count(&self) -> U256 {
        self.read(IVault::checkpointCountCall {})
    }
}

#[test]
fn a_checkpoint_is_kept_where_the_coverage_ratio_moved_by_more_than_a_hundredth() {
    let scene = Scene::new();
    assert_eq!((scene.count(), scene.checkpoints().len()), (U256::ZERO, 0));
    scene.gate.minimum.set(5 * M);
    scene.deposit(scene.alice, 10 * M);
    assert!(scene.checkpoint(), "the first is always kept");
    assert!(!scene.checkpoint(), "nothing moved");
    scene.deposit(scene.alice, M / 10);
    assert!(!scene.checkpoint(), "a hundredth is not more than a hundredth");
    scene.deposit(scene.alice, M / 1_000);
    assert!(scene.checkpoint());
    scene.world.warp(5);
    scene.gate.minimum.set(0);
    assert!(scene.checkpoint(), "without cover there is no ratio");
    assert!(!scene.checkpoint());
    let [first, second, third] = scene.checkpoints().try_into().unwrap_or_else(|_| panic!("there are three"));
    assert_eq!((first.at, first.coverageBps, first.capital), (scene.world.now() - 5, u(20_000u64), u(10 * M)));
    assert_eq!((second.coverageBps, second.capital), (u(20_202u64), u(10 * M + M / 10 + M / 1_000)));
    assert_eq!((third.at, third.coverageBps, third.capital), (scene.world.now(), U256::MAX, second.capital));
    assert_eq!(scene.solvency().coverageBps, U256::MAX);
    let events = scene.events::<IVault::SolvencyCheckpoint>();
    assert_eq!(events.len(), 3);
    assert_eq!((events[1].index, events[1].coverageBps, events[1].capital), (u(1u64), u(20_202u64), second.capital));
}

#[test]
fn what_asks_for_the_ratio_anyhow_keeps_it() {
    let scene = Scene::new();
    scene.gate.minimum.set(2 * M);
    scene.deposit(scene.alice, 10 * M);
    assert_eq!(scene.count(), U256::ZERO, "a deposit pays for none");
    scene.done(scene.bob, IVault::topUpCall {});
    assert_eq!(scene.count(), u(1u64));
    // capital counts what asked to leave no longer, so a request is seen at the next service
    scene.request(scene.alice, scene.shares_of(scene.alice) / u(2u64));
    scene.serve();
    assert_eq!(scene.checkpoints()[1].coverageBps, u(25_000u64));
    scene.world.warp(WEEK + COOLDOWN);
    scene.serve();
    assert_eq!(scene.count(), u(2u64), "who is served had left the capital before");
    scene.lose(M);
    scene.fund(scene.carol, M / 2);
    scene.done(scene.carol, IVault::recoverCall { amount: u(M / 2) });
    assert_eq!(scene.checkpoints()[2].coverageBps, scene.solvency().coverageBps);
    assert_eq!(scene.count(), u(3u64));
}

#[test]
fn pages_are_bounded_and_say_where_the_next_one_begins() {
    let scene = Scene::new();
    scene.deposit(scene.alice, 10 * M);
    for step in 0..7u64 {
        scene.gate.minimum.set((step + 1) * M);
        assert!(scene.checkpoint());
    }
    let (page, next) = scene.page(U256::ZERO, u(3u64));
    assert_eq!((page.len(), next), (3, u(3u64)));
    let (page, next) = scene.page(next, u(3u64));
    assert_eq!((page.len(), next), (3, u(6u64)));
    assert_eq!(page[0].coverageBps, u(25_000u64));
    let (page, next) = scene.page(next, u(3u64));
    assert_eq!((page.len(), next), (1, U256::ZERO));
    for cursor in [u(7u64), U256::MAX] {
        assert_eq!(scene.page(cursor, U256::MAX).0.len(), 0);
    }
    assert_eq!(scene.page(U256::ZERO, U256::ZERO).0.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The history is what a plain model keeps, whatever happens in between.
    #[test]
    fn the_history_is_that_of_a_model(steps in proptest::collection::vec((0u64..4, 0u64..3 * M), 1..40)) {
        let scene = Scene::new();
        scene.deposit(scene.alice, 20 * M);
        let mut model: Vec<(U256, U256)> = Vec::new();
        for (kind, amount) in steps {
            match kind {
                0 => scene.gate.minimum.set(amount),
                1 => { scene.deposit(scene.bob, amount + 1); }
                2 => { scene.lose(amount / 10 + 1); }
                _ => scene.world.warp(amount % WEEK),
            }
            let solvency = scene.solvency();
            let due = match model.last() {
                None => true,
                Some((kept, _)) if *kept == U256::MAX || solvency.coverageBps == U256::MAX => *kept != solvency.coverageBps,
                Some((kept, _)) => kept.abs_diff(solvency.coverageBps) * u(100u64) > *kept,
            };
            if due {
                model.push((solvency.coverageBps, solvency.capital));
            }
            prop_assert_eq!(scene.checkpoint(), due);
        }
        let kept: Vec<_> = scene.checkpoints().into_iter().map(|point| (point.coverageBps, point.capital)).collect();
        prop_assert_eq!(kept, model);
    }
}

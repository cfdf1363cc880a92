//! Random claims against a plain model: whatever is proven in whatever order, a policy has what its losses come to.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use protocol::abi::IAssessor;

use crate::peers::*;

proptest! {
    #[test]
    fn whatever_is_proven_in_whatever_order_a_policy_has_what_its_losses_come_to(
        amount in 1u64..1_000_000_000_000,
        ratio in 1u64..=10_000,
        deductible in 0u64..2_000,
        proofs in vec((1u64..4, 0u16..=10_000), 1..24),
    ) {
        let s = Setup::new();
        let cover = u64::try_from(u128::from(amount) * u128::from(ratio) / 10_000).unwrap();
        let claim = |loss: u16| {
            let exceeding = u128::from(loss).saturating_sub(u128::from(deductible));
            u64::try_from(u128::from(amount) * u128::from(ratio) * exceeding / 100_000_000).unwrap()
        };
        let mut confirmed = 0;
        let mut by_incident = BTreeMap::<u64, u64>::new();
        for (incident, loss) in proofs {
            s.sells(Terms { amount, confirmed, ratio, deductible, filed: confirmed > 0, ..Terms::new() });
            s.proves(2, loss);
            let had = by_incident.get(&incident).copied().unwrap_or_default();
            let total = claim(loss).min(cover - confirmed + had);
            match s.file(incident) {
                Ok((rise, _)) => {
                    prop_assert_eq!(rise, total - had);
                    prop_assert!(rise > 0);
                    confirmed += rise;
                    by_incident.insert(incident, total);
                }
                Err(reverted) => {
                    reverted.expect::<IAssessor::NothingToPay>();
                    prop_assert!(total <= had);
                }
            }
            prop_assert_eq!(s.claim_of(incident), by_incident.get(&incident).copied().unwrap_or_default());
        }
        prop_assert!(confirmed <= cover);
        prop_assert_eq!(confirmed, by_incident.values().sum::<u64>());
    }
}

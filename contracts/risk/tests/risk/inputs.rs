//! Whatever a caller says, a call succeeds or fails with an error that the interface declares.

use alloy_primitives::U256;
use alloy_sol_types::{SolCall, SolError, SolInterface};
use proptest::prelude::*;
use protocol::{
    Word,
    abi::{IOwned, IPausable, IRisk},
};
use standards::errors::MathOverflow;

use crate::town::{CONFIRMED, DAY, TERM, Town, text, u, usd};

/// A function of whole words: its selector, who calls it, and arguments that make sense.
struct Function {
    selector: [u8; 4],
    caller: Caller,
    sensible: Vec<U256>,
    /// Which argument is a flag.
    flag: Option<usize>,
}

#[derive(Clone, Copy)]
enum Caller {
    Policy,
    Assessor,
    Anyone,
}

fn functions(town: &Town) -> Vec<Function> {
    let subject = text("X").word();
    let (amount, term, capital) = (usd(1_000), u(TERM), town.capital);
    let sold = town.buy("X", amount);
    let closed = town.buy("Y", amount);
    town.warp(2 * DAY);
    town.book(town.report("Y", 1, CONFIRMED, town.now(), town.now(), 5_000));
    let now = u(town.now());
    let vault = town.vault.word();
    let function =
        |selector, caller, sensible: &[U256], flag| Function { selector, caller, sensible: sensible.to_vec(), flag };
    let (one, none) = (u(1), U256::ZERO);
    let (policy, assessor, anyone) = (Caller::Policy, Caller::Assessor, Caller::Anyone);
    let claim = [one, text("Y").word(), u(5_000), amount, closed.deadline, none, none, usd(500)];
    let incident = [one, subject, one, u(CONFIRMED), now, none, u(100)];
    vec![
        function(IRisk::underwriteCall::SELECTOR, policy, &[one, subject, amount, term, capital, U256::MAX], None),
        function(
            IRisk::renewCall::SELECTOR,
            policy,
            &[one, subject, amount, sold.deadline, term, capital, U256::MAX],
            None,
        ),
        function(IRisk::releaseCall::SELECTOR, policy, &[one, subject, amount, sold.deadline, none, none], Some(4)),
        function(IRisk::incidentCall::SELECTOR, assessor, &incident, None),
        function(IRisk::claimCall::SELECTOR, assessor, &claim, Some(5)),
        function(IRisk::quoteCall::SELECTOR, anyone, &[one, subject, amount, term, capital], None),
        function(
            IRisk::quoteRenewalCall::SELECTOR,
            anyone,
            &[one, subject, amount, sold.deadline, term, capital],
            None,
        ),
        function(IRisk::catchUpCall::SELECTOR, anyone, &[one, subject, u(64)], None),
        function(IRisk::gateCall::SELECTOR, anyone, &[vault], Some(0)),
        function(IRisk::lineCall::SELECTOR, anyone, &[one, subject], None),
        function(IRisk::productCall::SELECTOR, anyone, &[one], None),
        function(IRisk::termsCall::SELECTOR, anyone, &[one], None),
        function(IRisk::termsURICall::SELECTOR, anyone, &[one], None),
        function(IRisk::estimateCall::SELECTOR, anyone, &[one], None),
        function(IRisk::capacityCall::SELECTOR, anyone, &[one, capital], None),
        function(IRisk::groupOfCall::SELECTOR, anyone, &[text("key X").word()], None),
        function(IRisk::seedCall::SELECTOR, anyone, &[one, none], None),
        function(IRisk::seedCountCall::SELECTOR, anyone, &[one], None),
    ]
}

fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        any::<[u64; 4]>().prop_map(U256::from_limbs),
        (0usize..256, 0u64..3).prop_map(|(bit, near)| (U256::ONE << bit).wrapping_add(u(near)).wrapping_sub(U256::ONE)),
        (0u32..78).prop_map(|digits| U256::from(10).pow(U256::from(digits))),
        any::<u64>().prop_map(U256::from),
        (0u64..20_000).prop_map(U256::from),
        Just(U256::MAX),
    ]
}

/// A word for each argument that shall not make sense.
fn nonsense() -> impl Strategy<Value = Vec<Option<U256>>> {
    prop::collection::vec(prop::option::weighted(0.35, word()), 8)
}

fn is_declared(data: &[u8]) -> bool {
    let declared = |selector| {
        IRisk::IRiskErrors::selectors().any(|known| known == selector)
            || IOwned::IOwnedErrors::selectors().any(|known| known == selector)
            || IPausable::IPausableErrors::selectors().any(|known| known == selector)
            || selector == MathOverflow::SELECTOR
    };
    data.first_chunk().is_some_and(|selector| declared(*selector)) && data.len() % 32 == 4
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn scenario_18_no_input_is_worse_than_a_declared_error(
        words in prop::collection::vec(nonsense(), 18), flags: u32, incident: bool,
    ) {
        let town = Town::plain();
        let functions = functions(&town);
        if incident {
            town.open("X");
        }
        for (index, (function, nonsense)) in functions.iter().zip(words).enumerate() {
            let mut data = function.selector.to_vec();
            for (argument, sensible) in function.sensible.iter().enumerate() {
                let value = match nonsense[argument] {
                    _ if function.flag == Some(argument) && function.sensible.len() > 1 => u((flags >> index & 1).into()),
                    _ if function.flag == Some(argument) => *sensible,
                    Some(value) => value,
                    None => *sensible,
                };
                data.extend(value.to_be_bytes::<32>());
            }
            let caller = match function.caller {
                Caller::Policy => town.policy,
                Caller::Assessor => town.assessor,
                Caller::Anyone => town.anyone,
            };
            if let Err(reverted) = town.world.transact(caller, town.risk, U256::ZERO, data.clone()) {
                prop_assert!(is_declared(&reverted), "{reverted:02x?} for {data:02x?}");
            }
        }
        // whatever succeeded, the sums still hold
        let lines = town.line("X").cover + town.line("Y").cover;
        prop_assert_eq!(lines, town.active_cover());
    }
}

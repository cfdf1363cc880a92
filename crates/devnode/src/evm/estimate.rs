//! The search for the least gas with which something succeeds, as geth makes it, so that it ends where geth's does.

use super::types::{Execution, Status};

/// The search stops when it is this near to the least gas that suffices.
const TOLERANCE: f64 = 0.015;
/// Gas that a call with value gives away, which a probe above what was used allows for.
const CALL_STIPEND: u64 = 2_300;

/// What a search found.
#[derive(Clone, Debug)]
pub enum Estimate {
    /// Gas that suffices.
    Gas(u64),
    /// It fails with all the gas that it can get.
    Fails(Box<Execution>),
    /// It fails for want of gas with all that it can get.
    NeedsMore,
}

/// Searches between what is used with `highest` gas and `highest` itself. `run` executes with a gas limit; `None` stands
/// for a limit below the intrinsic gas.
///
/// # Errors
///
/// The first one of `run`.
pub fn estimate<E>(highest: u64, mut run: impl FnMut(u64) -> Result<Option<Execution>, E>) -> Result<Estimate, E> {
    let Some(first) = run(highest)? else { return Ok(Estimate::NeedsMore) };
    match &first.status {
        Status::Success => {}
        Status::Halt(reason) if reason == super::words::OUT_OF_GAS => return Ok(Estimate::NeedsMore),
        _ => return Ok(Estimate::Fails(Box::new(first))),
    }
    let (mut low, mut high) = (first.gas_used.saturating_sub(1), highest);
    // Most executions succeed with what they used at their peak and a little more: look there first.
    let peak = first.gas_used.saturating_add(first.gas_refunded).saturating_add(CALL_STIPEND);
    let mut next = u64::try_from(u128::from(peak) * 64 / 63).unwrap_or(u64::MAX);
    if next >= high {
        next = middle(low, high);
    }
    while low + 1 < high && (high - low) as f64 / high as f64 >= TOLERANCE {
        match run(next)? {
            Some(execution) if execution.is_success() => high = next,
            _ => low = next,
        }
        next = middle(low, high);
    }
    Ok(Estimate::Gas(high))
}

/// Halfway, but not above twice the lower end: most need little more than they use.
const fn middle(low: u64, high: u64) -> u64 {
    let half = low + (high - low) / 2;
    if half > low.saturating_mul(2) && low > 0 { low * 2 } else { half }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn execution(status: Status, gas_used: u64) -> Execution {
        Execution { status, gas_used, ..Execution::default() }
    }

    /// Something that uses `used` and needs `needed`.
    fn search(used: u64, needed: u64, highest: u64) -> (Estimate, usize) {
        let mut runs = 0;
        let Ok(found) = estimate::<Infallible>(highest, |gas| {
            runs += 1;
            let status = if gas >= needed { Status::Success } else { Status::Halt("out of gas".into()) };
            Ok((gas >= 21_000).then(|| execution(status, used)))
        });
        (found, runs)
    }

    #[test]
    fn an_estimate_suffices_and_is_near() {
        for (used, needed) in [(21_000, 21_000), (30_000, 60_000), (100_000, 101_000), (2_000_000, 31_000_000)] {
            let (Estimate::Gas(gas), runs) = search(used, needed, 50_000_000) else {
                panic!("{used} of {needed} is found")
            };
            assert!(gas >= needed, "{gas} suffices for {needed}");
            assert!(gas as f64 <= needed as f64 * 1.1 + 2_700.0, "{gas} is near {needed}");
            assert!(runs <= 25, "{runs} runs");
        }
    }

    #[test]
    fn what_cannot_succeed_is_told() {
        assert!(matches!(search(100, 60_000_000, 50_000_000).0, Estimate::NeedsMore));
        assert!(matches!(search(100, 100, 20_000).0, Estimate::NeedsMore));
        let Ok(found) = estimate::<Infallible>(50_000_000, |_| Ok(Some(execution(Status::Revert, 30_000))));
        assert!(matches!(found, Estimate::Fails(execution) if execution.status == Status::Revert));
    }
}

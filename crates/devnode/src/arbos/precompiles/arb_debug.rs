//! `ArbDebug`: shortcuts of development chains.

use alloy_sol_types::SolValue;

use super::ArbDebug::*;
use super::{ARB_DEBUG, Answer, Fail, Frame};
use crate::arbos::state::{AddressSet, space};

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbDebugCalls as C;
    match f.decode()? {
        C::becomeChainOwner(_) => {
            f.write_method()?;
            let caller = f.request.caller;
            AddressSet(space::chain_owners()).insert(f, caller)?;
            Ok(Vec::new())
        }
        C::events(c) => {
            f.payable()?;
            let caller = f.request.caller;
            f.emit(&Basic { flag: !c.flag, value: c.value })?;
            f.emit(&Mixed { flag: c.flag, not: !c.flag, value: c.value, conn: ARB_DEBUG, caller })?;
            Ok((caller, f.request.value).abi_encode_params())
        }
        C::eventsView(_) => {
            f.view()?;
            // A view that emits: it fails wherever it is called.
            Err(Fail::All)
        }
        C::customRevert(c) => {
            f.pure()?;
            Err(Custom {
                number: c.number,
                message: "This spider family wards off bugs: /\\oo/\\ //\\(oo)//\\ /\\oo/\\".into(),
                flag: true,
            }
            .into())
        }
        C::legacyError(_) => {
            f.pure()?;
            Err(Fail::Plain)
        }
    }
}

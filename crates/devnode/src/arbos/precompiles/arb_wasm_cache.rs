//! `ArbWasmCache`: programs that cost less to call because every node keeps them ready.

use alloy_primitives::B256;
use alloy_sol_types::SolValue;

use super::ArbWasm::ProgramNeedsUpgrade;
use super::ArbWasmCache::*;
use super::{Answer, Fail, Frame, word};
use crate::arbos::precompiles::ArbWasm::ProgramExpired;
use crate::arbos::state::{AddressSet, Program, space};
use crate::arbos::storage::Slots;

/// Most members that a list of addresses tells.
pub(super) const MAX_MEMBERS: u64 = 65_536;

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbWasmCacheCalls as C;
    let managers = AddressSet(space::cache_managers());
    match f.decode()? {
        C::isCacheManager(c) => {
            f.view()?;
            word(u64::from(managers.contains(f, c.manager)?))
        }
        C::allCacheManagers(_) => {
            f.view()?;
            Ok((managers.members(f, MAX_MEMBERS)?,).abi_encode_params())
        }
        C::codehashIsCached(c) => {
            f.view()?;
            word(u64::from(Program::load(f, c.codehash)?.is_cached))
        }
        C::cacheProgram(c) => {
            f.write_method()?;
            require_access(f)?;
            let hash = f.code_hash(c.program)?;
            set_cached(f, hash, true)
        }
        C::evictCodehash(c) => {
            f.write_method()?;
            require_access(f)?;
            set_cached(f, c.codehash, false)
        }
    }
}

/// Cache managers and chain owners may change the cache; for others all gas is gone.
fn require_access(f: &mut Frame<'_>) -> Result<(), Fail> {
    let caller = f.request.caller;
    let allowed = AddressSet(space::cache_managers()).contains(f, caller)? || f.is_owner(caller)?;
    if allowed { Ok(()) } else { Err(Fail::All) }
}

fn set_cached(f: &mut Frame<'_>, hash: B256, cached: bool) -> Answer {
    let params = f.params()?;
    let now = f.timestamp();
    let program = Program::load(f, hash)?;
    if cached && program.version != params.version {
        return Err(ProgramNeedsUpgrade { version: program.version, stylusVersion: params.version }.into());
    }
    if cached && program.is_expired(now, &params) {
        return Err(ProgramExpired { ageInSeconds: program.age(now) }.into());
    }
    if program.is_cached == cached {
        return Ok(Vec::new());
    }
    f.emit(&UpdateProgramCache { manager: f.request.caller, codehash: hash, cached })?;
    // Who caches pays for one more start, in the program's own units.
    f.burn_gas(program.init.into())?;
    f.read(space::module_hashes().slot(hash))?;
    Program { is_cached: cached, ..program }.store(f, hash)?;
    Ok(Vec::new())
}

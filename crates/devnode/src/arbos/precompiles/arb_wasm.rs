//! `ArbWasm`: activation of programs and what is known about them.

use alloy_primitives::{Address, B256, U256};

use super::ArbWasm::*;
use super::{Answer, Fail, Frame, gas, word, words};
use crate::arbos::state::{DataPricer, Program, address_of, days, root, space, u64_of};
use crate::arbos::storage::{Slots, Space};
use crate::wasm::code::{ProgramCode, decompress};
use crate::wasm::{StylusParams, activation, prices};

/// Gas that an activation costs before anything is looked at.
const ACTIVATION_FIXED: u64 = 1_659_168;

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbWasmCalls as C;
    match f.decode()? {
        C::activateProgram(c) => activate(f, c.program),
        C::codehashKeepalive(c) => keepalive(f, c.codehash),
        C::stylusVersion(_) => param(f, |p| p.version.into()),
        C::inkPrice(_) => param(f, |p| p.ink_price.into()),
        C::maxStackDepth(_) => param(f, |p| p.max_stack_depth.into()),
        C::freePages(_) => param(f, |p| p.free_pages.into()),
        C::pageGas(_) => param(f, |p| p.page_gas.into()),
        C::pageRamp(_) => param(f, |_| PAGE_RAMP),
        C::pageLimit(_) => param(f, |p| p.page_limit.into()),
        C::initCostScalar(_) => param(f, |p| u64::from(p.init_cost_scalar) * COST_SCALAR_PERCENT),
        C::expiryDays(_) => param(f, |p| p.expiry_days.into()),
        C::keepaliveDays(_) => param(f, |p| p.keepalive_days.into()),
        C::blockCacheSize(_) => param(f, |p| p.block_cache_size.into()),
        C::minInitGas(_) => {
            f.view()?;
            let params = f.params()?;
            words([
                U256::from(u64::from(params.min_init_gas) * MIN_INIT_GAS_UNIT),
                U256::from(u64::from(params.min_cached_init_gas) * MIN_CACHED_GAS_UNIT),
            ])
        }
        C::activationGas(_) => {
            if !f.world.rules().activation_gas {
                return Err(Fail::All);
            }
            f.view()?;
            word(f.read(space::activation_gas().at(0))?)
        }
        C::codehashVersion(c) => of_hash(f, c.codehash, |program, _| U256::from(program.version)),
        C::codehashAsmSize(c) => of_hash(f, c.codehash, |program, _| U256::from(program.asm_size())),
        C::programVersion(c) => of_program(f, c.program, |program, _, _| [U256::from(program.version)]),
        C::programMemoryFootprint(c) => of_program(f, c.program, |program, _, _| [U256::from(program.footprint)]),
        C::programTimeLeft(c) => of_program(f, c.program, |program, params, now| {
            [U256::from(days(params.expiry_days).saturating_sub(program.age(now)))]
        }),
        C::programInitGas(c) => of_program(f, c.program, |program, params, _| {
            let gas = |cached: bool| prices::call_gas(params, program.version, program.init, program.cached, cached);
            [U256::from(gas(false)), U256::from(gas(true))]
        }),
    }
}

/// What `pageRamp` answers; the ramp itself is fixed.
const PAGE_RAMP: u64 = 620_674_314;
/// Percent of one unit of the cost scalars.
pub(super) const COST_SCALAR_PERCENT: u64 = 2;
/// Gas of one unit of the least init cost.
pub(super) const MIN_INIT_GAS_UNIT: u64 = 128;
/// Gas of one unit of the least init cost of a cached program.
pub(super) const MIN_CACHED_GAS_UNIT: u64 = 32;

fn param(f: &mut Frame<'_>, pick: impl Fn(&StylusParams) -> u64) -> Answer {
    f.view()?;
    let params = f.params()?;
    word(U256::from(pick(&params)))
}

fn of_hash(f: &mut Frame<'_>, hash: B256, pick: impl Fn(&Program, &StylusParams) -> U256) -> Answer {
    f.view()?;
    let params = f.params()?;
    let program = active(f, hash, &params)?;
    word(pick(&program, &params))
}

fn of_program<const N: usize>(
    f: &mut Frame<'_>,
    address: Address,
    pick: impl Fn(&Program, &StylusParams, u64) -> [U256; N],
) -> Answer {
    f.view()?;
    let hash = f.code_hash(address)?;
    let params = f.params()?;
    let program = active(f, hash, &params)?;
    words(pick(&program, &params, f.timestamp()))
}

/// The program of a code hash, if it can be called now.
fn active(f: &mut Frame<'_>, hash: B256, params: &StylusParams) -> Result<Program, Fail> {
    let program = Program::load(f, hash)?;
    check_active(&program, params, f.timestamp())?;
    Ok(program)
}

/// Why a program cannot be called.
#[derive(Clone, Debug)]
pub(crate) enum Inactive {
    /// Never activated.
    NotActivated(ProgramNotActivated),
    /// Activated for another version of Stylus.
    NeedsUpgrade(ProgramNeedsUpgrade),
    /// Activated too long ago.
    Expired(ProgramExpired),
}

impl From<Inactive> for Fail {
    fn from(inactive: Inactive) -> Self {
        match inactive {
            Inactive::NotActivated(e) => e.into(),
            Inactive::NeedsUpgrade(e) => e.into(),
            Inactive::Expired(e) => e.into(),
        }
    }
}

impl Inactive {
    /// The text that a frame fails with which calls such a program.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::NotActivated(e) => super::errors::words(e),
            Self::NeedsUpgrade(e) => super::errors::words(e),
            Self::Expired(e) => super::errors::words(e),
        }
    }
}

/// Checks that a program can be called at a time.
pub(crate) fn check_active(program: &Program, params: &StylusParams, timestamp: u64) -> Result<(), Inactive> {
    if program.version == 0 {
        return Err(Inactive::NotActivated(ProgramNotActivated {}));
    }
    if program.version != params.version {
        return Err(Inactive::NeedsUpgrade(ProgramNeedsUpgrade {
            version: program.version,
            stylusVersion: params.version,
        }));
    }
    if program.is_expired(timestamp, params) {
        return Err(Inactive::Expired(ProgramExpired { ageInSeconds: program.age(timestamp) }));
    }
    Ok(())
}

fn activate(f: &mut Frame<'_>, address: Address) -> Answer {
    f.payable()?;
    f.burn_gas(ACTIVATION_FIXED)?;
    if f.world.rules().activation_gas {
        let extra = u64_of(f.read(space::activation_gas().at(0))?);
        f.burn_gas(extra)?;
    }
    let params = f.params()?;
    let hash = f.world.code_hash(address);
    let now = f.timestamp();
    let before = Program::load(f, hash)?;
    if before.version == params.version && !before.is_expired(now, &params) {
        return Err(ProgramUpToDate {}.into());
    }

    let wasm = module_of(f, address, &params)?;
    let rules = f.world.rules().clone();
    let open = f.world.open_pages();
    let activation = activation::activate(&wasm, &rules, &params, open)
        .map_err(|e| Fail::Error(format!("program activation failed: {e}")))?;
    f.burn_gas(activation.gas)?;

    f.write(space::module_hashes().slot(hash), activation.module_hash.into())?;
    let fee = DataPricer::charge(f, activation.asm_estimate, now)?;
    Program {
        version: params.version,
        init: activation.init,
        cached: activation.cached,
        footprint: activation.footprint,
        activated_at: Program::hours_at(now),
        asm_kb: activation.asm_estimate.div_ceil(1024),
        is_cached: before.is_cached,
    }
    .store(f, hash)?;

    pay_data_fee(f, fee)?;
    f.emit(&ProgramActivated {
        codehash: hash,
        moduleHash: activation.module_hash,
        program: address,
        dataFee: fee,
        version: params.version,
    })?;
    words([U256::from(params.version), fee])
}

/// The module of an account, unpacked.
fn module_of(f: &mut Frame<'_>, address: Address, params: &StylusParams) -> Result<Vec<u8>, Fail> {
    let code = f.world.code(address);
    if code.is_empty() {
        return Err(ProgramNotWasm {}.into());
    }
    match ProgramCode::parse(&code, f.world.rules()) {
        Some(ProgramCode::Classic { dictionary, compressed }) => {
            decompress(dictionary, compressed, params.max_wasm_size).map_err(|_| Fail::Plain)
        }
        Some(ProgramCode::Root { dictionary, length, fragments }) => {
            if fragments.is_empty()
                || fragments.len() > params.max_fragment_count.into()
                || length > params.max_wasm_size
            {
                return Err(Fail::Plain);
            }
            let mut compressed = Vec::new();
            for fragment in fragments {
                let access = if f.world.warm(fragment) { gas::CODE_HASH } else { gas::PARAMS };
                f.burn_gas(access)?;
                let code = f.world.code(fragment);
                f.copy(code.len())?;
                let Some(ProgramCode::Fragment { piece }) = ProgramCode::parse(&code, f.world.rules()) else {
                    return Err(Fail::Plain);
                };
                compressed.extend_from_slice(piece);
            }
            let wasm = decompress(dictionary, &compressed, params.max_wasm_size).map_err(|_| Fail::Plain)?;
            if wasm.len() == length as usize { Ok(wasm) } else { Err(Fail::Plain) }
        }
        _ if f.world.rules().not_wasm_is_typed => Err(ProgramNotWasm {}.into()),
        _ => Err(Fail::Plain),
    }
}

/// Takes a data fee from the value of the call, for the network's fee account, and gives back the rest.
fn pay_data_fee(f: &mut Frame<'_>, fee: U256) -> Result<(), Fail> {
    let (have, me, caller) = (f.request.value, f.request.precompile, f.request.caller);
    let Some(rest) = have.checked_sub(fee) else {
        return Err(ProgramInsufficientValue { have, want: fee }.into());
    };
    let account = address_of(f.read(Space::ROOT.at(root::NETWORK_FEE_ACCOUNT))?);
    if f.world.transfer(me, account, fee) && f.world.transfer(me, caller, rest) { Ok(()) } else { Err(Fail::Plain) }
}

/// Renews an activation that is old enough; its data is paid for again.
fn keepalive(f: &mut Frame<'_>, hash: B256) -> Answer {
    f.payable()?;
    let params = f.params()?;
    let program = active(f, hash, &params)?;
    let now = f.timestamp();
    let age = program.age(now);
    if age < days(params.keepalive_days) {
        return Err(ProgramKeepaliveTooSoon { ageInSeconds: age }.into());
    }
    let fee = DataPricer::charge(f, program.asm_size(), now)?;
    Program { activated_at: Program::hours_at(now), ..program }.store(f, hash)?;
    pay_data_fee(f, fee)?;
    f.emit(&ProgramLifetimeExtended { codehash: hash, dataFee: fee })?;
    Ok(Vec::new())
}

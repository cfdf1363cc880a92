//! `ArbOwner`, by which the chain's owners set its parameters, and `ArbOwnerPublic`, by which anybody reads them.

use alloy_primitives::{FixedBytes, Log, U256};
use alloy_sol_types::{SolEvent, SolValue};

use super::ArbOwner::{ArbOwnerCalls, OwnerActs};
use super::ArbOwnerPublic::ArbOwnerPublicCalls;
use super::arb_wasm::{COST_SCALAR_PERCENT, MIN_CACHED_GAS_UNIT, MIN_INIT_GAS_UNIT};
use super::arb_wasm_cache::MAX_MEMBERS;
use super::{ARB_OWNER, Answer, Fail, Frame, Request, Response, World, gas, run, word, words};
use crate::arbos::state::{self, AddressSet, l1, l2, root, space, u64_of, word_of};
use crate::arbos::storage::{Slots, Space};
use crate::wasm::StylusParams;

/// Longest price of ink: 24 bits.
const MAX_INK_PRICE: u32 = 0xFF_FFFF;
/// Best quality of brotli.
const MAX_BROTLI_LEVEL: u64 = 11;

/// Runs `ArbOwner`: only for owners, whom it costs nothing and whose acts are logged.
pub(super) fn call_as_owner(request: Request<'_>, world: &mut dyn World) -> Response {
    let Ok(owner) = AddressSet(space::chain_owners()).contains(world, request.caller);
    if !owner {
        let answer = Err(Fail::Error("unauthorized caller to access-controlled method".into()));
        return Response { answer, gas_left: 0 };
    }
    let Response { answer, .. } = run(request.clone(), world);
    if answer.is_ok() && !request.is_static {
        let method = request.input.first_chunk::<4>().copied().unwrap_or_default();
        let event =
            OwnerActs { method: FixedBytes(method), owner: request.caller, data: request.input.to_vec().into() };
        world.log(Log { address: ARB_OWNER, data: event.encode_log_data() });
    }
    Response { answer, gas_left: request.gas }
}

pub(super) fn call(f: &mut Frame<'_>) -> Answer {
    use ArbOwnerCalls as C;
    let owners = AddressSet(space::chain_owners());
    let managers = AddressSet(space::cache_managers());
    match f.decode()? {
        C::isChainOwner(c) => is_owner(f, c.account),
        C::getAllChainOwners(_) => all_owners(f),
        C::getNetworkFeeAccount(_) => field(f, Space::ROOT, root::NETWORK_FEE_ACCOUNT),
        C::getInfraFeeAccount(_) => field(f, Space::ROOT, root::INFRA_FEE_ACCOUNT),
        C::addChainOwner(c) => {
            f.write_method()?;
            owners.insert(f, c.owner)?;
            Ok(Vec::new())
        }
        C::removeChainOwner(c) => {
            f.write_method()?;
            if !owners.contains(f, c.owner)? {
                return Err(Fail::Plain);
            }
            owners.remove(f, c.owner)?;
            Ok(Vec::new())
        }
        C::addWasmCacheManager(c) => {
            f.write_method()?;
            managers.insert(f, c.manager)?;
            Ok(Vec::new())
        }
        C::removeWasmCacheManager(c) => {
            f.write_method()?;
            if !managers.contains(f, c.manager)? {
                return Err(Fail::Plain);
            }
            managers.remove(f, c.manager)?;
            Ok(Vec::new())
        }
        C::setNetworkFeeAccount(c) => set(f, Space::ROOT, root::NETWORK_FEE_ACCOUNT, word_of(c.account)),
        C::setInfraFeeAccount(c) => set(f, Space::ROOT, root::INFRA_FEE_ACCOUNT, word_of(c.account)),
        C::setL1PricePerUnit(c) => set(f, space::l1(), l1::PRICE_PER_UNIT, c.price),
        C::setL1PricingInertia(c) => set(f, space::l1(), l1::INERTIA, U256::from(c.inertia)),
        C::setL1PricingRewardRate(c) => set(f, space::l1(), l1::PER_UNIT_REWARD, U256::from(c.weiPerUnit)),
        C::setL1PricingEquilibrationUnits(c) => set(f, space::l1(), l1::EQUILIBRATION_UNITS, c.units),
        C::setL2BaseFee(c) => set(f, space::l2(), l2::BASE_FEE, c.price),
        C::setMinimumL2BaseFee(c) => set(f, space::l2(), l2::MIN_BASE_FEE, c.price),
        C::setSpeedLimit(c) if c.limit == 0 => Err(Fail::Plain),
        C::setSpeedLimit(c) => set(f, space::l2(), l2::SPEED_LIMIT, U256::from(c.limit)),
        C::setMaxTxGasLimit(c) => set(f, space::l2(), l2::PER_TX_GAS_LIMIT, U256::from(c.limit)),
        C::setL2GasPricingInertia(c) if c.seconds == 0 => Err(Fail::Plain),
        C::setL2GasPricingInertia(c) => set(f, space::l2(), l2::INERTIA, U256::from(c.seconds)),
        C::setL2GasBacklogTolerance(c) => set(f, space::l2(), l2::TOLERANCE, U256::from(c.seconds)),
        C::setBrotliCompressionLevel(c) if c.level > MAX_BROTLI_LEVEL => Err(Fail::Plain),
        C::setBrotliCompressionLevel(c) => set(f, Space::ROOT, root::BROTLI_LEVEL, U256::from(c.level)),
        C::scheduleArbOSUpgrade(c) => {
            set(f, Space::ROOT, root::UPGRADE_VERSION, U256::from(c.version))?;
            f.write(Space::ROOT.at(root::UPGRADE_TIMESTAMP), U256::from(c.timestamp))?;
            Ok(Vec::new())
        }
        C::setInkPrice(c) => set_params(f, |p, _| {
            if c.price == 0 || c.price > MAX_INK_PRICE {
                return Err(Fail::Plain);
            }
            p.ink_price = c.price;
            Ok(())
        }),
        C::setWasmMaxStackDepth(c) => set_params(f, |p, cap| {
            if c.depth > cap {
                return Err(Fail::Plain);
            }
            p.max_stack_depth = c.depth;
            Ok(())
        }),
        C::setWasmFreePages(c) => set_params(f, |p, _| {
            p.free_pages = c.pages;
            Ok(())
        }),
        C::setWasmPageGas(c) => set_params(f, |p, _| {
            p.page_gas = c.gas;
            Ok(())
        }),
        C::setWasmPageLimit(c) => set_params(f, |p, _| {
            p.page_limit = c.limit;
            Ok(())
        }),
        C::setWasmMinInitGas(c) => set_params(f, |p, _| {
            p.min_init_gas = units(c.gas.into(), MIN_INIT_GAS_UNIT);
            p.min_cached_init_gas = units(c.cached.into(), MIN_CACHED_GAS_UNIT);
            Ok(())
        }),
        C::setWasmInitCostScalar(c) => set_params(f, |p, _| {
            p.init_cost_scalar = units(c.percent, COST_SCALAR_PERCENT);
            Ok(())
        }),
        C::setWasmExpiryDays(c) => set_params(f, |p, _| {
            p.expiry_days = c.daysLeft;
            Ok(())
        }),
        C::setWasmKeepaliveDays(c) => set_params(f, |p, _| {
            p.keepalive_days = c.daysLeft;
            Ok(())
        }),
        C::setWasmBlockCacheSize(c) => set_params(f, |p, _| {
            p.block_cache_size = c.count;
            Ok(())
        }),
        C::setWasmMaxSize(c) => set_params(f, |p, _| {
            p.max_wasm_size = c.size;
            Ok(())
        }),
        C::setMaxStylusContractFragments(_) if !f.world.rules().fragments => Err(Fail::All),
        C::setMaxStylusContractFragments(c) => set_params(f, |p, _| {
            p.max_fragment_count = c.count;
            Ok(())
        }),
    }
}

pub(super) fn public(f: &mut Frame<'_>) -> Answer {
    use ArbOwnerPublicCalls as C;
    match f.decode()? {
        C::isChainOwner(c) => is_owner(f, c.account),
        C::getAllChainOwners(_) => all_owners(f),
        C::getNetworkFeeAccount(_) => field(f, Space::ROOT, root::NETWORK_FEE_ACCOUNT),
        C::getInfraFeeAccount(_) => {
            f.view()?;
            let account = f.read(Space::ROOT.at(root::INFRA_FEE_ACCOUNT))?;
            word(account)
        }
        C::getBrotliCompressionLevel(_) => field(f, Space::ROOT, root::BROTLI_LEVEL),
        C::getScheduledUpgrade(_) => {
            f.view()?;
            let version = u64_of(f.read(Space::ROOT.at(root::UPGRADE_VERSION))?);
            let timestamp = u64_of(f.read(Space::ROOT.at(root::UPGRADE_TIMESTAMP))?);
            // An upgrade that has happened is no longer told.
            if version <= f.world.rules().arbos_version {
                return words([U256::ZERO, U256::ZERO]);
            }
            words([U256::from(version), U256::from(timestamp)])
        }
        C::getMaxStylusContractFragments(_) => {
            if !f.world.rules().fragments {
                return Err(Fail::All);
            }
            f.view()?;
            word(u64::from(f.params()?.max_fragment_count))
        }
    }
}

fn is_owner(f: &mut Frame<'_>, account: alloy_primitives::Address) -> Answer {
    f.view()?;
    word(u64::from(f.is_owner(account)?))
}

fn all_owners(f: &mut Frame<'_>) -> Answer {
    f.view()?;
    let owners = AddressSet(space::chain_owners()).members(f, MAX_MEMBERS)?;
    Ok((owners,).abi_encode_params())
}

fn field(f: &mut Frame<'_>, space: Space, offset: u64) -> Answer {
    f.view()?;
    word(f.read(space.at(offset))?)
}

fn set(f: &mut Frame<'_>, space: Space, offset: u64, value: U256) -> Answer {
    f.write_method()?;
    f.write(space.at(offset), value)?;
    Ok(Vec::new())
}

/// Changes the parameters of programs; the change also sees the largest stack depth that the rules allow.
fn set_params(f: &mut Frame<'_>, change: impl FnOnce(&mut StylusParams, u32) -> Result<(), Fail>) -> Answer {
    f.write_method()?;
    let mut params = f.params()?;
    let rules = f.world.rules().clone();
    change(&mut params, rules.max_stack_depth_cap)?;
    f.burn_gas(gas::STORAGE_WRITE)?;
    let Ok(()) = state::store_params(f.world, &params, &rules);
    Ok(Vec::new())
}

/// An amount in units, rounded up, as far as a byte goes.
fn units(amount: u64, unit: u64) -> u8 {
    amount.div_ceil(unit).min(u8::MAX.into()) as u8
}

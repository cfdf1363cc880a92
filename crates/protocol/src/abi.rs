//! Every contract's Solidity interface, read from `contracts/abi`: the one source of selectors, errors, events.
//!
//! `IVault::depositCall::SELECTOR` is a selector, `IVault::ClaimPaid` an event, `IVault::ZeroShares` an error;
//! [`error!`](crate::error) and [`emit!`](crate::emit) take those types.
#![allow(missing_docs, clippy::too_many_arguments, clippy::pub_underscore_fields)]

use alloy_sol_types::sol;

sol!("../../contracts/abi/IOwned.sol");
sol!("../../contracts/abi/IPausable.sol");
sol!("../../contracts/abi/IERC165.sol");
sol!("../../contracts/abi/IERC20.sol");
sol!("../../contracts/abi/IToken.sol");
sol!("../../contracts/abi/ITimelock.sol");
sol!("../../contracts/abi/IGovernor.sol");
sol!("../../contracts/abi/IERC4626.sol");
sol!("../../contracts/abi/IERC721.sol");
sol!("../../contracts/abi/ITrigger.sol");
sol!("../../contracts/abi/IVarianceSource.sol");
sol!("../../contracts/abi/IRisk.sol");
sol!("../../contracts/abi/IVault.sol");
sol!("../../contracts/abi/IAllocator.sol");
sol!("../../contracts/abi/IPolicy.sol");
sol!("../../contracts/abi/ICertificate.sol");
sol!("../../contracts/abi/IDistribution.sol");
sol!("../../contracts/abi/IJury.sol");
sol!("../../contracts/abi/IAssessor.sol");
sol!("../../contracts/abi/IDepegTrigger.sol");
sol!("../../contracts/abi/IImpermanentLossTrigger.sol");
sol!("../../contracts/abi/IFallTrigger.sol");
sol!("../../contracts/abi/ILendingTrigger.sol");
sol!("../../contracts/abi/IExploitTrigger.sol");
sol!("../../contracts/abi/ISeriesTrigger.sol");
sol!("../../contracts/abi/IBridgeTrigger.sol");
sol!("../../contracts/abi/IOracleTrigger.sol");
sol!("../../contracts/abi/IRatioFeed.sol");
sol!("../../contracts/abi/ITreasury.sol");
sol!("../../contracts/abi/IVesting.sol");
sol!("../../contracts/abi/IGuardian.sol");
sol!("../../contracts/abi/IRewards.sol");

pub use IOwned::{
    AlreadyWired, GuardianSet, NotGuardian, NotWired, ParameterOutOfBounds, SetupFinished, UnauthorizedCaller,
};
pub use IPausable::{EnforcedPause, PauseSet, PauseTooLong, PauseTooSoon};

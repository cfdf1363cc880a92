//! The Solidity interfaces of the precompiles, as far as this node implements them.
#![allow(missing_docs, clippy::too_many_arguments)]

use alloy_sol_types::sol;

sol! {
    #[derive(Debug)]
    interface ArbWasm {
        function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
        function stylusVersion() external view returns (uint16);
        function codehashVersion(bytes32 codehash) external view returns (uint16);
        function codehashKeepalive(bytes32 codehash) external payable;
        function codehashAsmSize(bytes32 codehash) external view returns (uint32);
        function programVersion(address program) external view returns (uint16);
        function programInitGas(address program) external view returns (uint64 gas, uint64 gasWhenCached);
        function programMemoryFootprint(address program) external view returns (uint16);
        function programTimeLeft(address program) external view returns (uint64);
        function inkPrice() external view returns (uint32);
        function maxStackDepth() external view returns (uint32);
        function freePages() external view returns (uint16);
        function pageGas() external view returns (uint16);
        function pageRamp() external view returns (uint64);
        function pageLimit() external view returns (uint16);
        function minInitGas() external view returns (uint64 gas, uint64 cached);
        function initCostScalar() external view returns (uint64);
        function expiryDays() external view returns (uint16);
        function keepaliveDays() external view returns (uint16);
        function blockCacheSize() external view returns (uint16);
        function activationGas() external view returns (uint64);

        event ProgramActivated(bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version);
        event ProgramLifetimeExtended(bytes32 indexed codehash, uint256 dataFee);

        error ProgramNotWasm();
        error ProgramNotActivated();
        error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion);
        error ProgramExpired(uint64 ageInSeconds);
        error ProgramUpToDate();
        error ProgramKeepaliveTooSoon(uint64 ageInSeconds);
        error ProgramInsufficientValue(uint256 have, uint256 want);
    }

    #[derive(Debug)]
    interface ArbWasmCache {
        function isCacheManager(address manager) external view returns (bool);
        function allCacheManagers() external view returns (address[]);
        function cacheProgram(address program) external;
        function evictCodehash(bytes32 codehash) external;
        function codehashIsCached(bytes32 codehash) external view returns (bool);

        event UpdateProgramCache(address indexed manager, bytes32 indexed codehash, bool cached);
    }

    #[derive(Debug)]
    interface ArbOwner {
        function addChainOwner(address owner) external;
        function removeChainOwner(address owner) external;
        function isChainOwner(address account) external view returns (bool);
        function getAllChainOwners() external view returns (address[]);
        function getNetworkFeeAccount() external view returns (address);
        function setNetworkFeeAccount(address account) external;
        function getInfraFeeAccount() external view returns (address);
        function setInfraFeeAccount(address account) external;
        function setL1PricePerUnit(uint256 price) external;
        function setL1PricingInertia(uint64 inertia) external;
        function setL1PricingRewardRate(uint64 weiPerUnit) external;
        function setL1PricingEquilibrationUnits(uint256 units) external;
        function setL2BaseFee(uint256 price) external;
        function setMinimumL2BaseFee(uint256 price) external;
        function setSpeedLimit(uint64 limit) external;
        function setMaxTxGasLimit(uint64 limit) external;
        function setL2GasPricingInertia(uint64 seconds) external;
        function setL2GasBacklogTolerance(uint64 seconds) external;
        function setBrotliCompressionLevel(uint64 level) external;
        function scheduleArbOSUpgrade(uint64 version, uint64 timestamp) external;
        function addWasmCacheManager(address manager) external;
        function removeWasmCacheManager(address manager) external;
        function setInkPrice(uint32 price) external;
        function setWasmMaxStackDepth(uint32 depth) external;
        function setWasmFreePages(uint16 pages) external;
        function setWasmPageGas(uint16 gas) external;
        function setWasmPageLimit(uint16 limit) external;
        function setWasmMinInitGas(uint8 gas, uint16 cached) external;
        function setWasmInitCostScalar(uint64 percent) external;
        function setWasmExpiryDays(uint16 daysLeft) external;
        function setWasmKeepaliveDays(uint16 daysLeft) external;
        function setWasmBlockCacheSize(uint16 count) external;
        function setWasmMaxSize(uint32 size) external;
        function setMaxStylusContractFragments(uint8 count) external;

        event OwnerActs(bytes4 indexed method, address indexed owner, bytes data);
    }

    #[derive(Debug)]
    interface ArbOwnerPublic {
        function isChainOwner(address account) external view returns (bool);
        function getAllChainOwners() external view returns (address[]);
        function getNetworkFeeAccount() external view returns (address);
        function getInfraFeeAccount() external view returns (address);
        function getBrotliCompressionLevel() external view returns (uint64);
        function getScheduledUpgrade() external view returns (uint64 arbosVersion, uint64 scheduledForTimestamp);
        function getMaxStylusContractFragments() external view returns (uint8);
    }

    #[derive(Debug)]
    interface ArbSys {
        function arbBlockNumber() external view returns (uint256);
        function arbBlockHash(uint256 number) external view returns (bytes32);
        function arbChainID() external view returns (uint256);
        function arbOSVersion() external view returns (uint256);
        function getStorageGasAvailable() external view returns (uint256);
        function isTopLevelCall() external view returns (bool);
        function mapL1SenderContractAddressToL2Alias(address sender, address unused) external pure returns (address);
        function wasMyCallersAddressAliased() external view returns (bool);
        function myCallersAddressWithoutAliasing() external view returns (address);
        function sendTxToL1(address destination, bytes data) external payable returns (uint256);
        function withdrawEth(address destination) external payable returns (uint256);
        function sendMerkleTreeState() external view returns (uint256 size, bytes32 root, bytes32[] partials);

        event L2ToL1Tx(
            address caller, address indexed destination, uint256 indexed hash, uint256 indexed position,
            uint256 arbBlockNum, uint256 ethBlockNum, uint256 timestamp, uint256 callvalue, bytes data
        );
        event SendMerkleUpdate(uint256 indexed reserved, bytes32 indexed hash, uint256 indexed position);

        error InvalidBlockNumber(uint256 requested, uint256 current);
    }

    #[derive(Debug)]
    interface ArbGasInfo {
        function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
        function getPricesInWeiWithAggregator(address aggregator) external view
            returns (uint256, uint256, uint256, uint256, uint256, uint256);
        function getPricesInArbGas() external view returns (uint256, uint256, uint256);
        function getPricesInArbGasWithAggregator(address aggregator) external view returns (uint256, uint256, uint256);
        function getGasAccountingParams() external view returns (uint256, uint256, uint256);
        function getMinimumGasPrice() external view returns (uint256);
        function getL1BaseFeeEstimate() external view returns (uint256);
        function getL1BaseFeeEstimateInertia() external view returns (uint64);
        function getL1RewardRate() external view returns (uint64);
        function getL1GasPriceEstimate() external view returns (uint256);
        function getCurrentTxL1GasFees() external view returns (uint256);
        function getGasBacklog() external view returns (uint64);
        function getPricingInertia() external view returns (uint64);
        function getGasBacklogTolerance() external view returns (uint64);
        function getL1PricingEquilibrationUnits() external view returns (uint256);
    }

    #[derive(Debug)]
    interface ArbDebug {
        function becomeChainOwner() external;
        function events(bool flag, bytes32 value) external payable returns (address, uint256);
        function eventsView() external view;
        function customRevert(uint64 number) external pure;
        function legacyError() external pure;

        event Basic(bool flag, bytes32 indexed value);
        event Mixed(bool indexed flag, bool not, bytes32 indexed value, address conn, address indexed caller);

        error Custom(uint64 number, string message, bool flag);
    }

    #[derive(Debug)]
    interface ArbInfo {
        function getBalance(address account) external view returns (uint256);
        function getCode(address account) external view returns (bytes);
    }

    #[derive(Debug)]
    interface ArbStatistics {
        function getStats() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
    }

    #[derive(Debug)]
    interface NodeInterface {
        function nitroGenesisBlock() external pure returns (uint256);
        function blockL1Num(uint64 l2BlockNum) external view returns (uint64);
        function l2BlockRangeForL1(uint64 blockNum) external view returns (uint64 firstBlock, uint64 lastBlock);
        function getL1Confirmations(bytes32 blockHash) external view returns (uint64);
        function findBatchContainingBlock(uint64 block) external view returns (uint64);
        function gasEstimateComponents(address to, bool contractCreation, bytes data) external payable
            returns (uint64 gasEstimate, uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
        function gasEstimateL1Component(address to, bool contractCreation, bytes data) external payable
            returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate);
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{hex, keccak256};
    use alloy_sol_types::{SolCall, SolError, SolEvent};

    use super::*;

    #[test]
    fn selectors_are_those_of_the_chain() {
        assert_eq!(ArbWasm::activateProgramCall::SELECTOR, hex!("58c780c2"));
        assert_eq!(ArbWasm::programInitGasCall::SELECTOR, hex!("62b688aa"));
        assert_eq!(ArbWasm::codehashKeepaliveCall::SELECTOR, hex!("c689bad5"));
        assert_eq!(ArbWasm::activationGasCall::SELECTOR, hex!("2278c278"));
        assert_eq!(ArbWasmCache::cacheProgramCall::SELECTOR, hex!("e73ac9f2"));
        assert_eq!(ArbWasmCache::evictCodehashCall::SELECTOR, hex!("ce972013"));
        assert_eq!(ArbOwner::setWasmMinInitGasCall::SELECTOR, hex!("8293405e"));
        assert_eq!(ArbOwner::setWasmInitCostScalarCall::SELECTOR, hex!("67e0718f"));
        assert_eq!(ArbOwner::setWasmExpiryDaysCall::SELECTOR, hex!("aac68018"));
        assert_eq!(ArbOwner::setWasmKeepaliveDaysCall::SELECTOR, hex!("2a9cbe3e"));
        assert_eq!(ArbOwner::setWasmBlockCacheSizeCall::SELECTOR, hex!("380f1457"));
        assert_eq!(ArbOwner::setWasmMaxSizeCall::SELECTOR, hex!("455ec2eb"));
        assert_eq!(ArbOwner::setMaxStylusContractFragmentsCall::SELECTOR, hex!("f1fe1a70"));
        assert_eq!(ArbOwner::setWasmPageLimitCall::SELECTOR, hex!("6595381a"));
        assert_eq!(ArbOwner::setL1PricePerUnitCall::SELECTOR, hex!("2b352fae"));
        assert_eq!(ArbOwner::setMinimumL2BaseFeeCall::SELECTOR, hex!("a0188cdb"));
        assert_eq!(ArbOwner::setL2BaseFeeCall::SELECTOR, hex!("d99bc80e"));
        assert_eq!(ArbOwner::scheduleArbOSUpgradeCall::SELECTOR, hex!("e388b381"));
        assert_eq!(ArbOwnerPublic::getMaxStylusContractFragmentsCall::SELECTOR, hex!("e5a7f893"));
        assert_eq!(ArbSys::mapL1SenderContractAddressToL2AliasCall::SELECTOR, hex!("4dbbd506"));
        assert_eq!(ArbSys::sendTxToL1Call::SELECTOR, hex!("928c169a"));
        assert_eq!(ArbSys::myCallersAddressWithoutAliasingCall::SELECTOR, hex!("d74523b3"));
        assert_eq!(ArbGasInfo::getPricesInWeiCall::SELECTOR, hex!("41b247a8"));
        assert_eq!(ArbGasInfo::getGasAccountingParamsCall::SELECTOR, hex!("612af178"));
        assert_eq!(ArbDebug::becomeChainOwnerCall::SELECTOR, hex!("0e5bbc11"));
        assert_eq!(ArbDebug::eventsCall::SELECTOR, hex!("7b9963ef"));
        assert_eq!(NodeInterface::gasEstimateComponentsCall::SELECTOR, hex!("c94e6eeb"));
        assert_eq!(NodeInterface::gasEstimateL1ComponentCall::SELECTOR, hex!("77d488a2"));
        assert_eq!(NodeInterface::l2BlockRangeForL1Call::SELECTOR, hex!("48e7f811"));
        assert_eq!(NodeInterface::findBatchContainingBlockCall::SELECTOR, hex!("81f1adaf"));
        assert_eq!(ArbWasm::ProgramInsufficientValue::SELECTOR, hex!("09781ab7"));
        assert_eq!(ArbWasm::ProgramNeedsUpgrade::SELECTOR, hex!("637d968f"));
        assert_eq!(ArbWasm::ProgramKeepaliveTooSoon::SELECTOR, hex!("16bd0cf8"));
        assert_eq!(ArbSys::InvalidBlockNumber::SELECTOR, hex!("d5dc642d"));
    }

    #[test]
    fn events_are_those_of_the_chain() {
        assert_eq!(
            ArbWasm::ProgramActivated::SIGNATURE_HASH,
            hex!("c0e812780707128d9a180db8ee4d1c1f1300b6dd0626d577b5d9ac759b76253c")
        );
        assert_eq!(
            ArbWasmCache::UpdateProgramCache::SIGNATURE_HASH,
            hex!("1bfaa29b4618e78f5b398027d530826dbb266dc976a5067f67fdad15434ecfab")
        );
        assert_eq!(
            ArbOwner::OwnerActs::SIGNATURE_HASH,
            hex!("3c9e6a772755407311e3b35b3ee56799df8f87395941b3a658eee9e08a67ebda")
        );
        assert_eq!(
            ArbSys::L2ToL1Tx::SIGNATURE_HASH,
            hex!("3e7aafa77dbf186b7fd488006beff893744caa3c4f6f299e8a709fa2087374fc")
        );
        assert_eq!(ArbDebug::Mixed::SIGNATURE_HASH, keccak256("Mixed(bool,bool,bytes32,address,address)"));
    }
}

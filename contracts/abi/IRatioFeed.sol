// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A feed as Chainlink's are, of one feed's price over another's rate: what a liquid staking token trades at, over what it is
/// redeemed at, is one as long as it keeps its peg. The depeg trigger takes it as any other feed.
///
/// Its rounds are the market feed's, with the same ids and times. Each is divided by the rate of its time: that of the rate
/// feed's last round until then, which is looked for among its newest 32 rounds of its newest phase. A round whose rate is
/// not found, is no price, or was older than rateHeartbeat has the answer 0, which is no price; a feed that does not answer
/// fails the call. Immutable, nobody's.
interface IRatioFeed {
    error ParameterOutOfBounds(bytes32 parameter, uint256 value);
    error AddressEmptyCode(address target);

    /// 18, whatever the two feeds have.
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function version() external view returns (uint256);
    function latestRoundData()
        external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    function getRoundData(uint80 id)
        external view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    function market() external view returns (address);
    function rate() external view returns (address);
    /// The longest time between two rounds of the rate, with margin, in seconds.
    function rateHeartbeat() external view returns (uint32);
}

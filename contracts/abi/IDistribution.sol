// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// What a vault's portfolio may lose in a year, worked out on a grid from the books of Risk. A view: it holds nothing.
///
/// The caller names the vault's lines (product and subject), in ascending order; cover that is on none of them is
/// refused, so that no answer leaves something out. A risk key fails within the year with the probability that its
/// loss rate and the severity imply, and then loses the severity of all its cover; the keys of a group share a shock,
/// groups are independent. Losses are rounded up to the grid.
interface IDistribution {
    struct Report {
        uint256 mean;               // expected loss of the year, rounded up to the grid
        uint256 valueAtRisk;        // loss that is not exceeded with the level's probability
        uint256 expectedShortfall;  // mean of the losses that the level leaves out
        uint256 ruin;               // probability that more than the assets is lost, WAD
        uint256 largest;            // loss where everything fails
        uint256 step;               // of the grid
        uint256 keys;               // risk keys with cover
    }

    /// points, lines, keys, levelBps, severityBps or subjects.
    error ParameterOutOfBounds(bytes32 parameter, uint256 value);
    /// The line at this index is not after the one before it.
    error LinesNotAscending(uint256 index);
    /// So much of the vault's cover is on none of the lines.
    error CoverMissing(uint256 cover);

    /// points: 2 to 1,024; levelBps: 9,950 for 99.5 %; severityBps: what a failure takes of a key's cover; assets:
    /// what there is to pay with. At most 256 lines on at most 64 risk keys.
    function report(
        address vault,
        uint256[] calldata products,
        bytes32[] calldata subjects,
        uint256 points,
        uint16 levelBps,
        uint16 severityBps,
        uint256 assets
    ) external view returns (Report memory);
    /// The grid itself: the mass at i is the probability, in units of 2^-63, of a loss above (i - 1) * step and at most
    /// min(i * step, largest). The masses add up to 2^63.
    function distribution(
        address vault,
        uint256[] calldata products,
        bytes32[] calldata subjects,
        uint256 points,
        uint16 severityBps
    ) external view returns (uint256 step, uint256 largest, uint64[] memory masses);
    function risk() external view returns (address);
}

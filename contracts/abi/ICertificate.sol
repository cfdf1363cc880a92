// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Renders a policy: JSON with an SVG inside, as a data URI. A view that holds nothing.
interface ICertificate {
    struct Face {
        uint256 policy;
        uint8 cover;           // IRisk.Cover
        uint256 product;
        bytes32 subject;       // legible text where it is one, else shown as hex
        address insured;
        bytes32 position;
        uint256 amount;
        uint256 remaining;
        uint64 start;
        uint64 end;
        uint8 state;           // 0 waiting, 1 in force, 2 in grace, 3 claim open, 4 used up, 5 expired, 6 cancelled
        uint8 decimals;        // of the asset
        bytes32 symbol;        // of the asset, as text
    }

    function tokenURI(Face calldata face) external view returns (string memory);
    function svg(Face calldata face) external view returns (string memory);
}

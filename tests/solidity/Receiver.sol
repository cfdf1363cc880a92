// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// Is sent tokens of ERC-721 and answers as it was told to: for tests only.
contract Receiver {
    enum Manner {
        Accepts,
        Reverts,
        Complains,
        AnswersOtherwise,
        Panics
    }

    event Received(address indexed token, address indexed operator, address indexed from, uint256 id, bytes data);

    error NotWelcome(uint256 id);

    Manner public immutable manner;

    constructor(Manner manner_) {
        manner = manner_;
    }

    function onERC721Received(address operator, address from, uint256 id, bytes calldata data) external returns (bytes4) {
        if (manner == Manner.Reverts) {
            assembly {
                revert(0, 0)
            }
        }
        if (manner == Manner.Complains) revert NotWelcome(id);
        if (manner == Manner.Panics) assert(false);
        if (manner == Manner.AnswersOtherwise) return 0xffffffff;
        emit Received(msg.sender, operator, from, id, data);
        return this.onERC721Received.selector;
    }
}

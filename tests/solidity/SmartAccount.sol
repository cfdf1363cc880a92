// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// An account of several owners: what so many of them have signed it does, and signs for (ERC-1271). It knows nothing of
/// Palisade: it underwrites, buys, claims and votes by what it is told to call.
///
/// Owners sign EIP-712 data of this account's domain (name "Smart account", version "1"):
///
/// - Execute(Call[] calls,uint256 nonce,uint256 deadline)Call(address target,uint256 value,bytes data), to act;
/// - Message(bytes32 hash), to stand by a hash that somebody else asks about. The hash alone is never signed: two accounts
///   of the same owners would stand by each other's signatures.
///
/// Signatures are r, s, v of 65 bytes each, in the order of their signers' addresses, so that none counts twice.
contract SmartAccount {
    struct Call {
        address target;
        uint256 value;
        bytes data;
    }

    event Executed(uint256 indexed nonce, uint256 calls);
    event OwnerReplaced(address indexed former, address indexed owner);

    /// More signatures would be needed than there are owners, an owner is named twice, or one is not an owner.
    error InvalidOwners();
    error NotSelf(address caller);
    error TooFewSignatures(uint256 given, uint256 needed);
    /// A signature is no owner's, or it is not in order.
    error InvalidSignature(uint256 index);
    error DeadlinePassed(uint256 deadline);

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant CALL = keccak256("Call(address target,uint256 value,bytes data)");
    bytes32 private constant EXECUTE = keccak256(
        "Execute(Call[] calls,uint256 nonce,uint256 deadline)Call(address target,uint256 value,bytes data)"
    );
    bytes32 private constant MESSAGE = keccak256("Message(bytes32 hash)");
    /// Half the order of secp256k1: the larger of two signatures for one message is refused.
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// So many owners must sign.
    uint256 public immutable threshold;
    mapping(address account => bool) public isOwner;
    /// What the next Execute must carry.
    uint256 public nonce;

    constructor(address[] memory owners, uint256 threshold_) {
        if (threshold_ == 0 || threshold_ > owners.length) revert InvalidOwners();
        threshold = threshold_;
        for (uint256 i = 0; i < owners.length; i++) {
            if (owners[i] == address(0) || isOwner[owners[i]]) revert InvalidOwners();
            isOwner[owners[i]] = true;
            emit OwnerReplaced(address(0), owners[i]);
        }
    }

    receive() external payable {}

    /// Makes calls in order, all or none; anyone brings what the owners signed. A call that reverts is told as it is.
    function execute(Call[] calldata calls, uint256 deadline, bytes calldata signatures)
        external
        payable
        returns (bytes[] memory answers)
    {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline);
        uint256 used = nonce++;
        _check(executeHash(calls, used, deadline), signatures);
        emit Executed(used, calls.length);
        answers = new bytes[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            (bool done, bytes memory answer) = calls[i].target.call{value: calls[i].value}(calls[i].data);
            if (!done) {
                assembly {
                    revert(add(answer, 32), mload(answer))
                }
            }
            answers[i] = answer;
        }
    }

    /// Puts another owner in the place of one; the account itself.
    function replaceOwner(address former, address owner) external {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        if (!isOwner[former] || isOwner[owner] || owner == address(0)) revert InvalidOwners();
        (isOwner[former], isOwner[owner]) = (false, true);
        emit OwnerReplaced(former, owner);
    }

    /// ERC-1271: whether enough owners have signed the Message of a hash.
    function isValidSignature(bytes32 hash, bytes calldata signatures) external view returns (bytes4) {
        try this.check(messageHash(hash), signatures) {
            return this.isValidSignature.selector;
        } catch {
            return 0xffffffff;
        }
    }

    /// Fails where not enough owners have signed a digest.
    function check(bytes32 digest, bytes calldata signatures) external view {
        _check(digest, signatures);
    }

    /// What owners sign for the account to act.
    function executeHash(Call[] calldata calls, uint256 nonce_, uint256 deadline) public view returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](calls.length);
        for (uint256 i = 0; i < calls.length; i++) {
            hashes[i] = keccak256(abi.encode(CALL, calls[i].target, calls[i].value, keccak256(calls[i].data)));
        }
        return _digest(keccak256(abi.encode(EXECUTE, keccak256(abi.encodePacked(hashes)), nonce_, deadline)));
    }

    /// What owners sign for the account to stand by a hash.
    function messageHash(bytes32 hash) public view returns (bytes32) {
        return _digest(keccak256(abi.encode(MESSAGE, hash)));
    }

    /// Certificates may be sent here.
    function onERC721Received(address, address, uint256, bytes calldata) external pure returns (bytes4) {
        return this.onERC721Received.selector;
    }

    function _check(bytes32 digest, bytes calldata signatures) private view {
        uint256 given = signatures.length / 65;
        if (given < threshold) revert TooFewSignatures(given, threshold);
        address last;
        for (uint256 i = 0; i < threshold; i++) {
            bytes calldata signature = signatures[i * 65:(i + 1) * 65];
            bytes32 s = bytes32(signature[32:64]);
            address signer = uint256(s) > HALF_ORDER
                ? address(0)
                : ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), s);
            // Above the last one, and so not zero, nor one that counted before.
            if (signer <= last || !isOwner[signer]) revert InvalidSignature(i);
            last = signer;
        }
    }

    function _digest(bytes32 data) private view returns (bytes32) {
        bytes32 name = keccak256("Smart account");
        bytes32 domain = keccak256(abi.encode(DOMAIN, name, keccak256("1"), block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", domain, data));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

interface ArbWasm {
    function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
    function stylusVersion() external view returns (uint16);
    function codehashVersion(bytes32 codehash) external view returns (uint16);
}

/// Deploys a program, activates it and calls its constructor, all in one transaction.
///
/// Same interface and behaviour as the StylusDeployer that Arbitrum chains have at this address; own code.
contract StylusDeployer {
    ArbWasm private constant ARB_WASM = ArbWasm(0x0000000000000000000000000000000000000071);

    event ContractDeployed(address deployedContract);

    error ContractDeploymentError(bytes bytecode);
    error ContractInitializationError(address newContract, bytes data);
    error RefundExcessValueError(uint256 excessValue);
    error EmptyBytecode();

    /// @param bytecode Init code that returns the program.
    /// @param initData Calldata of the constructor; empty: it is not called.
    /// @param initValue Wei for the constructor. The rest of the value pays for the activation and comes back.
    /// @param salt Zero: CREATE. Else CREATE2 with a salt made of this one and the constructor's calldata, so that nobody
    ///        can take the address with another construction.
    /// @return The program's address.
    function deploy(bytes calldata bytecode, bytes calldata initData, uint256 initValue, bytes32 salt)
        external
        payable
        returns (address)
    {
        address program = create(bytecode, initData, salt);
        if (!isActive(program)) {
            ARB_WASM.activateProgram{value: msg.value - initValue}(program);
        }
        if (initData.length > 0) {
            (bool constructed, bytes memory result) = program.call{value: initValue}(initData);
            if (!constructed) revert ContractInitializationError(program, result);
        }
        uint256 rest = address(this).balance;
        if (rest > 0) {
            (bool refunded,) = msg.sender.call{value: rest}("");
            if (!refunded) revert RefundExcessValueError(rest);
        }
        emit ContractDeployed(program);
        return program;
    }

    function create(bytes calldata bytecode, bytes calldata initData, bytes32 salt) private returns (address program) {
        if (bytecode.length == 0) revert EmptyBytecode();
        bytes memory code = bytecode;
        if (salt == 0) {
            assembly {
                program := create(0, add(code, 32), mload(code))
            }
        } else {
            salt = keccak256(abi.encodePacked(salt, initData));
            assembly {
                program := create2(0, add(code, 32), mload(code), salt)
            }
        }
        if (program == address(0)) revert ContractDeploymentError(bytecode);
    }

    /// Whether the program's code is active in the present version: code that was deployed before is.
    function isActive(address program) private view returns (bool) {
        try ARB_WASM.codehashVersion(program.codehash) returns (uint16 version) {
            return version == ARB_WASM.stylusVersion();
        } catch {
            return false;
        }
    }
}

/** The ABI of IBuildingBlocks.sol. */
export declare const buildingBlocksAbi: readonly [
  { readonly "inputs": readonly [{ readonly "internalType": "address"; readonly "name": "target"; readonly "type": "address" }]; readonly "name": "AddressEmptyCode"; readonly "type": "error" },
  { readonly "inputs": readonly [{ readonly "internalType": "address"; readonly "name": "from"; readonly "type": "address" }]; readonly "name": "InvalidReturnData"; readonly "type": "error" },
  { readonly "inputs": readonly []; readonly "name": "MathOverflow"; readonly "type": "error" },
  { readonly "inputs": readonly []; readonly "name": "ReentrancyGuardReentrantCall"; readonly "type": "error" },
  { readonly "inputs": readonly [{ readonly "internalType": "uint8"; readonly "name": "bits"; readonly "type": "uint8" }, { readonly "internalType": "uint256"; readonly "name": "value"; readonly "type": "uint256" }]; readonly "name": "SafeCastOverflowedUintDowncast"; readonly "type": "error" },
  { readonly "inputs": readonly [{ readonly "internalType": "address"; readonly "name": "token"; readonly "type": "address" }]; readonly "name": "SafeERC20FailedOperation"; readonly "type": "error" },
];

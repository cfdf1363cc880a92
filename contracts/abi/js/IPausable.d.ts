/** The ABI of IPausable.sol. */
export declare const pausableAbi: readonly [
  { readonly "inputs": readonly []; readonly "name": "EnforcedPause"; readonly "type": "error" },
  { readonly "inputs": readonly [{ readonly "internalType": "uint256"; readonly "name": "duration"; readonly "type": "uint256" }, { readonly "internalType": "uint256"; readonly "name": "longest"; readonly "type": "uint256" }]; readonly "name": "PauseTooLong"; readonly "type": "error" },
  { readonly "inputs": readonly [{ readonly "internalType": "uint256"; readonly "name": "allowedFrom"; readonly "type": "uint256" }]; readonly "name": "PauseTooSoon"; readonly "type": "error" },
  { readonly "anonymous": false; readonly "inputs": readonly [{ readonly "indexed": true; readonly "internalType": "uint8"; readonly "name": "kind"; readonly "type": "uint8" }, { readonly "indexed": true; readonly "internalType": "address"; readonly "name": "by"; readonly "type": "address" }, { readonly "indexed": false; readonly "internalType": "uint64"; readonly "name": "until"; readonly "type": "uint64" }, { readonly "indexed": false; readonly "internalType": "bytes32"; readonly "name": "reason"; readonly "type": "bytes32" }]; readonly "name": "PauseSet"; readonly "type": "event" },
];

/** The ABI of IVarianceSource.sol. */
export declare const varianceSourceAbi: readonly [
  { readonly "inputs": readonly [{ readonly "internalType": "bytes32"; readonly "name": "subject"; readonly "type": "bytes32" }]; readonly "name": "variance"; readonly "outputs": readonly [{ readonly "internalType": "uint64"; readonly "name": "yearlyWad"; readonly "type": "uint64" }, { readonly "internalType": "uint16"; readonly "name": "rangeFactorBps"; readonly "type": "uint16" }]; readonly "stateMutability": "view"; readonly "type": "function" },
];

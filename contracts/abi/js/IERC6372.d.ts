/** The ABI of IToken.sol. */
export declare const erc6372Abi: readonly [
  { readonly "inputs": readonly []; readonly "name": "CLOCK_MODE"; readonly "outputs": readonly [{ readonly "internalType": "string"; readonly "name": ""; readonly "type": "string" }]; readonly "stateMutability": "view"; readonly "type": "function" },
  { readonly "inputs": readonly []; readonly "name": "clock"; readonly "outputs": readonly [{ readonly "internalType": "uint48"; readonly "name": ""; readonly "type": "uint48" }]; readonly "stateMutability": "view"; readonly "type": "function" },
];

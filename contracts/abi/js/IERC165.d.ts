/** The ABI of IERC165.sol. */
export declare const erc165Abi: readonly [
  { readonly "inputs": readonly [{ readonly "internalType": "bytes4"; readonly "name": "interfaceId"; readonly "type": "bytes4" }]; readonly "name": "supportsInterface"; readonly "outputs": readonly [{ readonly "internalType": "bool"; readonly "name": ""; readonly "type": "bool" }]; readonly "stateMutability": "view"; readonly "type": "function" },
];

/** The ABI of IVarianceSource.sol. */
export const varianceSourceAbi = [
  {"inputs":[{"internalType":"bytes32","name":"subject","type":"bytes32"}],"name":"variance","outputs":[{"internalType":"uint64","name":"yearlyWad","type":"uint64"},{"internalType":"uint16","name":"rangeFactorBps","type":"uint16"}],"stateMutability":"view","type":"function"},
];

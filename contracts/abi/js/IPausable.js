/** The ABI of IPausable.sol. */
export const pausableAbi = [
  {"inputs":[],"name":"EnforcedPause","type":"error"},
  {"inputs":[{"internalType":"uint256","name":"duration","type":"uint256"},{"internalType":"uint256","name":"longest","type":"uint256"}],"name":"PauseTooLong","type":"error"},
  {"inputs":[{"internalType":"uint256","name":"allowedFrom","type":"uint256"}],"name":"PauseTooSoon","type":"error"},
  {"anonymous":false,"inputs":[{"indexed":true,"internalType":"uint8","name":"kind","type":"uint8"},{"indexed":true,"internalType":"address","name":"by","type":"address"},{"indexed":false,"internalType":"uint64","name":"until","type":"uint64"},{"indexed":false,"internalType":"bytes32","name":"reason","type":"bytes32"}],"name":"PauseSet","type":"event"},
];

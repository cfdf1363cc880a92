//! The standards' own events. Emit them with [`emit!`](crate::emit).

use alloy_sol_types::sol;

sol! {
    // ERC-20 and ERC-721 share the signature of Transfer; they differ in what is indexed.
    #[derive(Debug)] event Transfer(address indexed from, address indexed to, uint256 value);
    #[derive(Debug)] event Approval(address indexed owner, address indexed spender, uint256 value);
    // ERC-721; its other two are in `erc721`
    #[derive(Debug)] event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
    // ERC-4626
    #[derive(Debug)] event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    #[derive(Debug)] event Withdraw(address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
    // ERC-7540
    #[derive(Debug)] event RedeemRequest(address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares);
    #[derive(Debug)] event OperatorSet(address indexed controller, address indexed operator, bool approved);
    // ERC-5805
    #[derive(Debug)] event DelegateChanged(address indexed delegator, address indexed fromDelegate, address indexed toDelegate);
    #[derive(Debug)] event DelegateVotesChanged(address indexed delegate, uint256 previousVotes, uint256 newVotes);
    // Ownership
    #[derive(Debug)] event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
    #[derive(Debug)] event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
}

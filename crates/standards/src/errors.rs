//! The standards' own errors: ERC-6093, OpenZeppelin's names elsewhere. Raise them with [`error!`](crate::error).

use alloy_sol_types::sol;

sol! {
    // ERC-6093: tokens
    #[derive(Debug)] error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    #[derive(Debug)] error ERC20InvalidSender(address sender);
    #[derive(Debug)] error ERC20InvalidReceiver(address receiver);
    #[derive(Debug)] error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    #[derive(Debug)] error ERC20InvalidApprover(address approver);
    #[derive(Debug)] error ERC20InvalidSpender(address spender);
    #[derive(Debug)] error ERC721InvalidOwner(address owner);
    #[derive(Debug)] error ERC721NonexistentToken(uint256 tokenId);
    #[derive(Debug)] error ERC721IncorrectOwner(address sender, uint256 tokenId, address owner);
    #[derive(Debug)] error ERC721InvalidSender(address sender);
    #[derive(Debug)] error ERC721InvalidReceiver(address receiver);
    #[derive(Debug)] error ERC721InsufficientApproval(address operator, uint256 tokenId);
    #[derive(Debug)] error ERC721InvalidApprover(address approver);
    #[derive(Debug)] error ERC721InvalidOperator(address operator);
    // ERC-4626
    #[derive(Debug)] error ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max);
    #[derive(Debug)] error ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max);
    #[derive(Debug)] error ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max);
    #[derive(Debug)] error ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max);
    // Signatures
    #[derive(Debug)] error ERC2612ExpiredSignature(uint256 deadline);
    #[derive(Debug)] error ERC2612InvalidSigner(address signer, address owner);
    #[derive(Debug)] error InvalidAccountNonce(address account, uint256 currentNonce);
    #[derive(Debug)] error ECDSAInvalidSignature();
    #[derive(Debug)] error ECDSAInvalidSignatureS(bytes32 s);
    // Votes: ERC-5805, OpenZeppelin's ERC20Votes
    #[derive(Debug)] error VotesExpiredSignature(uint256 expiry);
    #[derive(Debug)] error ERC5805FutureLookup(uint256 timepoint, uint48 clock);
    #[derive(Debug)] error ERC20ExceededSafeSupply(uint256 increasedSupply, uint256 cap);
    // Access
    #[derive(Debug)] error OwnableUnauthorizedAccount(address account);
    #[derive(Debug)] error OwnableInvalidOwner(address owner);
    #[derive(Debug)] error ReentrancyGuardReentrantCall();
    // Calls and numbers
    #[derive(Debug)] error FailedCall();
    #[derive(Debug)] error AddressEmptyCode(address target);
    #[derive(Debug)] error SafeERC20FailedOperation(address token);
    #[derive(Debug)] error InvalidReturnData(address from);
    #[derive(Debug)] error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);
    #[derive(Debug)] error MathOverflow();
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAssessor} from "../../contracts/abi/IAssessor.sol";
import {IERC20} from "../../contracts/abi/IERC20.sol";
import {IERC4626} from "../../contracts/abi/IERC4626.sol";
import {IPolicy} from "../../contracts/abi/IPolicy.sol";
import {IVault} from "../../contracts/abi/IVault.sol";

/// A protocol that insures its users' deposits, each in the transaction that brings it. It puts deposits into a lender (an
/// ERC-4626 vault); this contract itself is the subject of a lender's cover (ILendingTrigger, kind 2).
///
/// Whose loss is covered is the user's. The trigger measures the shares that he has here, so that nobody's deposit or
/// withdrawal moves what another one is paid, and he is the insured, by his signature (Consent of IPolicy, ERC-1271 for
/// contracts). Shares do not move from account to account: a cover would not go with them.
///
/// The certificate is held here. The user or the operator files; what a policy was paid is its insured's, to the unit, and
/// waits here until he takes it. For what needs a bond or a decision of his own (a dispute, an extension, a cancellation) he
/// takes his certificate out.
///
/// Payouts arrive here without a word, whoever executes a claim: what a policy was paid is read from the policy and the
/// pool, never from a balance. Deposits are all at the lender, so the balance here is payouts only.
contract InsuredDeposits {
    /// A cover that is wished for with a deposit. signature is the depositor's, of a Consent that names this contract as the
    /// receiver, with the deadline signedUntil.
    struct Order {
        uint256 cover;
        uint256 term;
        uint256 maxPremium;
        uint256 signedUntil;
        bytes signature;
    }

    /// Whose a policy is that is held here, and what of its payouts he took (or others had before it came).
    struct Holding {
        address insured;
        uint256 taken;
    }

    event Deposited(address indexed user, uint256 assets, uint256 shares);
    event Withdrawn(address indexed user, address indexed receiver, uint256 assets, uint256 shares);
    event Insured(address indexed user, uint256 indexed policy, uint256 cover, uint256 premium);
    event Filed(uint256 indexed policy, uint256 indexed incident, uint256 confirmed, uint256 paid);
    /// One of many claims was refused: reason is what the assessor reverted with, or NotYours.
    event NotFiled(uint256 indexed policy, uint256 indexed incident, bytes reason);
    event Collected(uint256 indexed policy, address indexed user, address indexed receiver, uint256 amount);
    event Adopted(uint256 indexed policy, address indexed user);
    event Released(uint256 indexed policy, address indexed user);

    error NotOperator(address caller);
    /// The policy is not held here for the caller.
    error NotYours(address caller, uint256 policy);
    error AlreadyEnlisted();
    error UnknownProduct(uint256 product);
    error WrongAsset(address asset);
    error TooFewShares(uint256 shares, uint256 least);
    error InsufficientShares(address user, uint256 shares, uint256 needed);
    error NothingToCollect(uint256 policy);
    error TooLittleGas(uint256 left);
    /// The policy is not this contract's, is held for somebody already, or is of another product.
    error NotAdoptable(uint256 policy);
    /// The pool still owes something on the policy, to who held it when it was settled.
    error StillOwed(uint256 policy, uint256 owed);
    /// The pool does not answer as it should.
    error NotFetched(uint256 policy, bytes reason);
    /// The token took a fee, or the premium is not what the purchase told.
    error UnexpectedBalance(uint256 expected, uint256 actual);
    error TransferFailed();
    error Reentered();

    string public constant name = "Insured deposits";
    string public constant symbol = "INSD";
    /// Virtual shares: a first depositor cannot make the price of a share so high that others round to nothing.
    uint256 private constant OFFSET = 1e6;
    /// Gas that any filing has enough of.
    uint256 private constant ENOUGH = 2_000_000;

    IERC4626 public immutable lender;
    IERC20 public immutable asset;
    IPolicy public immutable policies;
    IAssessor public immutable assessor;
    address public immutable operator;
    uint8 public immutable decimals;

    /// What is bought, once governance sells it; and the pool that pays.
    uint256 public product;
    bytes32 public subject;
    IVault public pool;

    uint256 public totalSupply;
    mapping(address user => uint256) public balanceOf;
    mapping(uint256 policy => Holding) public holdings;
    bool private entered;

    modifier once() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    constructor(IERC4626 lender_, IPolicy policies_, IAssessor assessor_) {
        (lender, policies, assessor, operator) = (lender_, policies_, assessor_, msg.sender);
        asset = IERC20(lender_.asset());
        decimals = asset.decimals() + 6;
        if (!asset.approve(address(lender_), type(uint256).max)) revert TransferFailed();
    }

    /// Names the product whose subject this contract is, for ever.
    function enlist(uint256 product_, bytes32 subject_) external {
        if (msg.sender != operator) revert NotOperator(msg.sender);
        if (product != 0) revert AlreadyEnlisted();
        (IPolicy.ProductView[] memory page,) = policies.productPage(product_, 1);
        if (page.length == 0) revert UnknownProduct(product_);
        if (page[0].asset != address(asset)) revert WrongAsset(page[0].asset);
        (product, subject, pool) = (product_, subject_, IVault(page[0].vault));
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— deposits

    /// Deposits assets of the caller, who gets at least minShares.
    function deposit(uint256 assets, uint256 minShares) external once returns (uint256 shares) {
        _pull(assets);
        shares = _deposit(assets, minShares);
    }

    /// deposit, and the cover of it. Takes the most that the premium may be, and gives back what it was not.
    function depositInsured(uint256 assets, uint256 minShares, Order calldata order)
        external
        once
        returns (uint256 shares, uint256 policy, uint256 premium)
    {
        _pull(assets + order.maxPremium);
        // The shares come first: they are the interest that the trigger reads during the purchase.
        shares = _deposit(assets, minShares);
        (policy, premium) = _insure(order);
        uint256 rest = order.maxPremium - premium;
        if (rest > 0) _push(msg.sender, rest);
    }

    /// Gives the caller's shares back for what they are worth.
    function withdraw(uint256 shares, address receiver) external once returns (uint256 assets) {
        uint256 held = balanceOf[msg.sender];
        if (held < shares) revert InsufficientShares(msg.sender, held, shares);
        assets = convertToAssets(shares);
        balanceOf[msg.sender] = held - shares;
        totalSupply -= shares;
        emit Withdrawn(msg.sender, receiver, assets, shares);
        lender.withdraw(assets, receiver, address(this));
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// Files a policy's claim; the insured or the operator. What is large is paid later, when somebody executes it.
    function file(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external
        once
        returns (uint256 confirmed, uint256 paid)
    {
        _onlyFor(policy);
        (confirmed, paid) = assessor.file(policy, incident, entry, evidence);
        emit Filed(policy, incident, confirmed, paid);
    }

    /// file for many: what is refused, or held for nobody, keeps nobody else's claim from being filed. The operator.
    function fileAll(uint256[] calldata ids, uint256 incident, bytes[] calldata entries, bytes calldata evidence)
        external
        once
        returns (uint256 filed)
    {
        if (msg.sender != operator) revert NotOperator(msg.sender);
        for (uint256 i = 0; i < ids.length; i++) {
            // What fails for want of gas alone is not passed over.
            if (gasleft() < ENOUGH) revert TooLittleGas(gasleft());
            // What is nobody's here would be paid to nobody: it is adopted first.
            if (holdings[ids[i]].insured == address(0)) {
                emit NotFiled(ids[i], incident, abi.encodeWithSelector(NotYours.selector, msg.sender, ids[i]));
                continue;
            }
            try assessor.file(ids[i], incident, entries[i], evidence) returns (uint256 confirmed, uint256 paid) {
                filed++;
                emit Filed(ids[i], incident, confirmed, paid);
            } catch (bytes memory reason) {
                emit NotFiled(ids[i], incident, reason);
            }
        }
    }

    /// Raises a waiting claim to what its loss is by now; the insured or the operator.
    function raiseClaim(uint256 policy, bytes calldata entry, bytes calldata evidence) external once returns (uint256 amount) {
        _onlyFor(policy);
        return assessor.raiseClaim(policy, entry, evidence);
    }

    /// Pays the caller what his policy was paid and he has not taken.
    function collect(uint256 policy, address receiver) external once returns (uint256 amount) {
        if (holdings[policy].insured != msg.sender) revert NotYours(msg.sender, policy);
        amount = _collect(policy, receiver);
        if (amount == 0) revert NothingToCollect(policy);
    }

    /// Gives the caller his certificate, with what it was paid so far. Not while a claim is open (PolicyLocked), nor while
    /// the pool owes this contract something on it.
    function release(uint256 policy) external once returns (uint256 amount) {
        if (holdings[policy].insured != msg.sender) revert NotYours(msg.sender, policy);
        (, uint256 owed,) = pool.owedOf(policy);
        if (owed > 0) revert StillOwed(policy, owed);
        amount = _collect(policy, msg.sender);
        delete holdings[policy];
        emit Released(policy, msg.sender);
        policies.transferFrom(address(this), msg.sender, policy);
    }

    /// Holds for its insured a policy that came in another way: bought with his consent by somebody else, or sent back by
    /// him. What it was paid before was paid to others.
    function adopt(uint256 policy) external once {
        IPolicy.Policy memory record = policies.policyOf(policy);
        bool known = holdings[policy].insured != address(0);
        if (known || record.holder != address(this) || record.product != product || record.subject != subject) {
            revert NotAdoptable(policy);
        }
        (, uint256 owed,) = pool.owedOf(policy);
        if (owed > 0) revert StillOwed(policy, owed);
        holdings[policy] = Holding(record.insured, record.confirmed);
        emit Adopted(policy, record.insured);
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————— views

    /// What the deposits are worth at the lender.
    function totalAssets() public view returns (uint256) {
        return lender.convertToAssets(lender.balanceOf(address(this)));
    }

    /// Rounded down.
    function convertToAssets(uint256 shares) public view returns (uint256) {
        return shares * (totalAssets() + 1) / (totalSupply + OFFSET);
    }

    /// Rounded down.
    function convertToShares(uint256 assets) external view returns (uint256) {
        return assets * (totalSupply + OFFSET) / (totalAssets() + 1);
    }

    /// What a policy's insured can collect, with what collecting fetches of the pool.
    function collectable(uint256 policy) public view returns (uint256) {
        Holding memory holding = holdings[policy];
        if (holding.insured == address(0)) return 0;
        (, uint256 owed,) = pool.owedOf(policy);
        return policies.policyOf(policy).confirmed - owed - holding.taken;
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— internals

    function _deposit(uint256 assets, uint256 minShares) private returns (uint256 shares) {
        uint256 before = totalAssets();
        lender.deposit(assets, address(this));
        // What it is worth there is what it is worth here: the lender's rounding is the depositor's.
        shares = (totalAssets() - before) * (totalSupply + OFFSET) / (before + 1);
        if (shares == 0 || shares < minShares) revert TooFewShares(shares, minShares);
        totalSupply += shares;
        balanceOf[msg.sender] += shares;
        emit Deposited(msg.sender, assets, shares);
    }

    function _insure(Order calldata order) private returns (uint256 policy, uint256 premium) {
        uint256 before = asset.balanceOf(address(this));
        if (!asset.approve(address(policies), order.maxPremium)) revert TransferFailed();
        (policy, premium) = _buy(order);
        if (!asset.approve(address(policies), 0)) revert TransferFailed();
        uint256 left = asset.balanceOf(address(this));
        if (left + premium != before) revert UnexpectedBalance(before - premium, left);
        holdings[policy] = Holding(msg.sender, 0);
        emit Insured(msg.sender, policy, order.cover, premium);
    }

    function _buy(Order calldata order) private returns (uint256 policy, uint256 premium) {
        return policies.buyFor(
            product, subject, msg.sender, 0, order.cover, order.term, order.maxPremium, block.timestamp,
            address(this), address(0), order.signedUntil, order.signature
        );
    }

    /// Brings here what the pool owed on a policy and has by now, and what it could not send.
    function _fetch(uint256 policy) private {
        try pool.claimOwed(policy) {}
        catch (bytes memory reason) {
            // Nothing is to be had. All else, a lack of gas too, would leave what follows to others' money.
            if (bytes4(reason) != IVault.ZeroAssets.selector) revert NotFetched(policy, reason);
        }
        if (pool.creditOf(address(this)) > 0) pool.withdrawCredit(address(this));
    }

    function _collect(uint256 policy, address receiver) private returns (uint256 amount) {
        _fetch(policy);
        amount = collectable(policy);
        if (amount == 0) return 0;
        address user = holdings[policy].insured;
        holdings[policy].taken += amount;
        emit Collected(policy, user, receiver, amount);
        _push(receiver, amount);
    }

    function _onlyFor(uint256 policy) private view {
        address insured = holdings[policy].insured;
        if (insured == address(0) || (msg.sender != insured && msg.sender != operator)) revert NotYours(msg.sender, policy);
    }

    function _pull(uint256 amount) private {
        uint256 before = asset.balanceOf(address(this));
        if (!asset.transferFrom(msg.sender, address(this), amount)) revert TransferFailed();
        uint256 now_ = asset.balanceOf(address(this));
        if (now_ != before + amount) revert UnexpectedBalance(before + amount, now_);
    }

    function _push(address to, uint256 amount) private {
        if (!asset.transfer(to, amount)) revert TransferFailed();
    }
}

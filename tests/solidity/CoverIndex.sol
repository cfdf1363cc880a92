// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IAssessor} from "../../contracts/abi/IAssessor.sol";
import {IERC20} from "../../contracts/abi/IERC20.sol";
import {IPolicy} from "../../contracts/abi/IPolicy.sol";
import {ITrigger} from "../../contracts/abi/ITrigger.sol";
import {IVault} from "../../contracts/abi/IVault.sol";

/// An index of covers: one whole token stands for a basket of so much cover on each of several lines (a product on a subject),
/// in force until maturity. Tokens are made of certificates that are brought, and stand for their payouts.
///
/// What a certificate is worth is never estimated. Cover on one line is not compared with cover on another: tokens are only
/// made of whole baskets. Time is not weighed either: all cover counts until maturity, and a certificate that ends earlier, or
/// has not begun, is refused. What counts of it is what could still be paid (amount times ratio); its deductible is bounded.
/// Lines must be such that a claim does not depend on what somebody else holds (a peg, a bridge, a feed, not a lender):
/// whoever chooses the lines sees to it.
///
/// Making and unmaking are only for times at which all certificates of a line are alike: no incident on any line since the
/// index began, and none of its certificates filed. From then on the index is sealed for good: it files, is paid, and is
/// redeemed for money. Nobody brings a certificate that missed the event to share in the payout of one that did not.
///
/// Anyone files. Who redeems leaves his part of what is paid later to the rest; rounding is in their favour too.
contract CoverIndex is IERC20 {
    struct Line {
        uint256 product;
        bytes32 subject;
        uint256 weight;        // cover in a basket, in the asset's smallest unit
        uint16 deductibleBps;  // the highest that is taken
    }

    /// What the index knows of a line beside what it was told.
    struct Source {
        ITrigger trigger;
        IVault vault;
        uint256 incidents;     // when the index began
    }

    event Made(address indexed caller, address indexed receiver, uint256[] policies, uint256 value);
    event Unmade(address indexed caller, address indexed receiver, uint256[] policies, uint256 value);
    event Filed(uint256 indexed policy, uint256 indexed incident, uint256 confirmed, uint256 paid);
    event Sealed();
    event Redeemed(address indexed caller, address indexed receiver, uint256 value, uint256 amount);

    /// No lines or too many, one twice, without weight or of no product, several assets, or a maturity that has passed.
    error InvalidLines();
    error TooManyPolicies(uint256 given, uint256 most);
    /// An incident, latent or not, on a line, or a claim of the index: nothing is made or unmade any more.
    error IndexSealed();
    error LineNotHealthy(uint256 line);
    /// There is no time left that tokens would stand for.
    error Matured(uint256 maturity);
    error WrongLine(uint256 policy);
    error NotHeld(uint256 policy);
    /// A claim is open.
    error CertificateLocked(uint256 policy);
    /// Expired, cancelled, or used up.
    error CertificateOver(uint256 policy);
    /// A claim was filed on it before.
    error CertificateFiled(uint256 policy);
    error NotInForceYet(uint256 policy, uint256 start);
    error EndsBeforeMaturity(uint256 policy, uint256 end);
    error DeductibleTooHigh(uint256 policy, uint256 deductibleBps);
    /// The certificates are not worth the smallest part of a token.
    error NoBasket();
    error TooFewTokens(uint256 value, uint256 least);
    error NothingToRedeem();
    error TransferFailed();
    error Reentered();

    uint8 public constant decimals = 18;
    /// One token, one basket.
    uint256 public constant ONE = 1e18;
    uint256 public constant MOST_LINES = 8;
    uint256 public constant MOST_POLICIES = 32;

    string public name;
    string public symbol;
    IPolicy public immutable policies;
    IAssessor public immutable assessor;
    IERC20 public immutable asset;
    uint256 public immutable maturity;
    Line[] public lines;
    Source[] public sources;
    bool public isSealed;

    uint256 public totalSupply;
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;
    bool private entered;

    modifier once() {
        if (entered) revert Reentered();
        entered = true;
        _;
        entered = false;
    }

    constructor(
        string memory name_, string memory symbol_, IPolicy policies_, IAssessor assessor_, uint256 maturity_, Line[] memory lines_
    ) {
        if (lines_.length == 0 || lines_.length > MOST_LINES || maturity_ <= block.timestamp) revert InvalidLines();
        (name, symbol, policies, assessor, maturity) = (name_, symbol_, policies_, assessor_, maturity_);
        address common;
        for (uint256 i = 0; i < lines_.length; i++) {
            if (lines_[i].weight == 0) revert InvalidLines();
            for (uint256 j = 0; j < i; j++) {
                bool same = lines_[j].product == lines_[i].product && lines_[j].subject == lines_[i].subject;
                if (same) revert InvalidLines();
            }
            (IPolicy.ProductView[] memory page,) = policies_.productPage(lines_[i].product, 1);
            if (page.length == 0 || (i > 0 && page[0].asset != common)) revert InvalidLines();
            common = page[0].asset;
            ITrigger trigger = ITrigger(page[0].trigger);
            lines.push(lines_[i]);
            sources.push(Source(trigger, IVault(page[0].vault), trigger.incidents(lines_[i].subject)));
        }
        asset = IERC20(common);
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— making

    /// Takes certificates of the caller, by his approval, and makes as many tokens as there are whole parts of a basket in
    /// them, at least minValue. What one line has more than the others stays.
    function make(uint256[] calldata ids, address receiver, uint256 minValue) external once returns (uint256 value) {
        if (block.timestamp >= maturity) revert Matured(maturity);
        _requireCalm();
        uint256[] memory covers = _take(ids);
        value = type(uint256).max;
        for (uint256 i = 0; i < covers.length; i++) {
            uint256 baskets = covers[i] * ONE / lines[i].weight;
            if (baskets < value) value = baskets;
        }
        if (value == 0) revert NoBasket();
        if (value < minValue) revert TooFewTokens(value, minValue);
        _mint(receiver, value);
        emit Made(msg.sender, receiver, ids, value);
    }

    /// Gives certificates back for the caller's tokens: as many as what there is most of in them is baskets, rounded up,
    /// at most maxValue. For all of the supply, all that is left of each line may be taken.
    function unmake(uint256[] calldata ids, address receiver, uint256 maxValue) external once returns (uint256 value) {
        _requireCalm();
        if (ids.length > MOST_POLICIES) revert TooManyPolicies(ids.length, MOST_POLICIES);
        uint256[] memory covers = new uint256[](lines.length);
        for (uint256 k = 0; k < ids.length; k++) {
            IPolicy.Policy memory policy = policies.policyOf(ids[k]);
            if (policy.holder != address(this)) revert NotHeld(ids[k]);
            covers[_lineOf(ids[k], policy)] += policy.remaining;
        }
        for (uint256 i = 0; i < covers.length; i++) {
            uint256 baskets = (covers[i] * ONE + lines[i].weight - 1) / lines[i].weight;
            if (baskets > value) value = baskets;
        }
        // What certificates had beyond whole baskets is nobody's: it goes with the last token.
        if (value > totalSupply && balanceOf[msg.sender] == totalSupply) value = totalSupply;
        if (value == 0) revert NoBasket();
        if (value > maxValue) revert TooFewTokens(maxValue, value);
        _burn(msg.sender, value);
        emit Unmade(msg.sender, receiver, ids, value);
        for (uint256 k = 0; k < ids.length; k++) {
            policies.transferFrom(address(this), receiver, ids[k]);
        }
    }

    // —————————————————————————————————————————————————————————————————————————————————————————————— claims

    /// Files the claim of a certificate that is held; anyone. The payout is for all tokens; from now on nothing is made or
    /// unmade.
    function file(uint256 policy, uint256 incident, bytes calldata entry, bytes calldata evidence)
        external
        once
        returns (uint256 confirmed, uint256 paid)
    {
        _seal();
        (confirmed, paid) = assessor.file(policy, incident, entry, evidence);
        emit Filed(policy, incident, confirmed, paid);
    }

    /// Raises a waiting claim to what its loss is by now; anyone.
    function raiseClaim(uint256 policy, bytes calldata entry, bytes calldata evidence) external once returns (uint256 amount) {
        return assessor.raiseClaim(policy, entry, evidence);
    }

    /// Seals the index where an incident was found on a line since it began; anyone.
    function seal() external once {
        for (uint256 i = 0; i < sources.length; i++) {
            if (_observe(i) != sources[i].incidents) return _seal();
        }
    }

    /// Takes the money that pools could not send here; anyone.
    function fetchCredit(uint256 line) external once returns (uint256 amount) {
        return sources[line].vault.withdrawCredit(address(this));
    }

    /// Burns tokens of the caller for their part of the money that is here.
    function redeem(uint256 value, address receiver) external once returns (uint256 amount) {
        if (value == 0) revert NothingToRedeem();
        uint256 supply = totalSupply;
        _burn(msg.sender, value);
        amount = asset.balanceOf(address(this)) * value / supply;
        if (amount == 0) revert NothingToRedeem();
        emit Redeemed(msg.sender, receiver, value, amount);
        if (!asset.transfer(receiver, amount)) revert TransferFailed();
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————— ERC-20

    function transfer(address to, uint256 value) external returns (bool) {
        _transfer(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
            allowance[from][msg.sender] = allowed - value;
        }
        _transfer(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————— internals

    /// Has all triggers take in what the chain proves now, and fails unless nothing has happened since the index began.
    function _requireCalm() private {
        if (isSealed) revert IndexSealed();
        for (uint256 i = 0; i < sources.length; i++) {
            if (_observe(i) != sources[i].incidents) revert IndexSealed();
            if (!sources[i].trigger.healthy(lines[i].subject)) revert LineNotHealthy(i);
        }
    }

    function _observe(uint256 line) private returns (uint256 newest) {
        (newest,) = sources[line].trigger.observe(lines[line].subject, "");
    }

    function _seal() private {
        if (isSealed) return;
        isSealed = true;
        emit Sealed();
    }

    /// Takes certificates in; answers with what they bring of each line.
    function _take(uint256[] calldata ids) private returns (uint256[] memory covers) {
        if (ids.length > MOST_POLICIES) revert TooManyPolicies(ids.length, MOST_POLICIES);
        covers = new uint256[](lines.length);
        for (uint256 k = 0; k < ids.length; k++) {
            uint256 id = ids[k];
            IPolicy.Policy memory policy = policies.policyOf(id);
            uint256 line = _lineOf(id, policy);
            if (policy.locked) revert CertificateLocked(id);
            if (policy.expired || policy.cancelled || policy.remaining == 0) revert CertificateOver(id);
            if (policy.filed) revert CertificateFiled(id);
            if (policy.start > block.timestamp) revert NotInForceYet(id, policy.start);
            if (policy.end < maturity) revert EndsBeforeMaturity(id, policy.end);
            if (policy.deductibleBps > lines[line].deductibleBps) revert DeductibleTooHigh(id, policy.deductibleBps);
            covers[line] += policy.remaining;
            // Of the caller only: an approval is no offer to everybody. Twice in one list fails here, being held by then.
            policies.transferFrom(msg.sender, address(this), id);
        }
    }

    function _lineOf(uint256 id, IPolicy.Policy memory policy) private view returns (uint256) {
        for (uint256 i = 0; i < lines.length; i++) {
            bool same = lines[i].product == policy.product && lines[i].subject == policy.subject;
            if (same && policy.position == bytes32(0)) return i;
        }
        revert WrongLine(id);
    }

    function _mint(address to, uint256 value) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function _burn(address from, uint256 value) private {
        uint256 balance = balanceOf[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        balanceOf[from] = balance - value;
        totalSupply -= value;
        emit Transfer(from, address(0), value);
    }

    function _transfer(address from, address to, uint256 value) private {
        if (to == address(0)) revert ERC20InvalidReceiver(to);
        uint256 balance = balanceOf[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        balanceOf[from] = balance - value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

//! Conformance with ERC-721, ERC-165 and ERC-4906.

use std::cell::RefCell;

use alloy_primitives::{Address, FixedBytes, U256};
use alloy_sol_types::{SolCall, SolError, SolValue, sol};
use protocol::abi::{IERC165, IERC721, IPolicy};
use standards::{
    erc721::IERC721Receiver,
    errors::{
        ERC721IncorrectOwner, ERC721InsufficientApproval, ERC721InvalidApprover, ERC721InvalidOperator,
        ERC721InvalidOwner, ERC721InvalidReceiver, ERC721NonexistentToken, ReentrancyGuardReentrantCall,
    },
};
use stylus_sdk::ArbResult;
use testkit::{Context, Native};

use crate::world::{Town, subject};

fn transfer(from: Address, to: Address, id: U256) -> IERC721::transferFromCall {
    IERC721::transferFromCall { from, to, tokenId: id }
}

fn safe_transfer(from: Address, to: Address, id: U256) -> IERC721::safeTransferFrom_0Call {
    IERC721::safeTransferFrom_0Call { from, to, tokenId: id }
}

impl Town {
    #[track_caller]
    fn owner_of(&self, id: U256) -> Address {
        self.read(IERC721::ownerOfCall { tokenId: id })
    }

    #[track_caller]
    fn balance(&self, owner: Address) -> u64 {
        self.read(IERC721::balanceOfCall { owner }).to()
    }

    fn carol(&self) -> Address {
        self.world.address("carol")
    }
}

// ——————————————————————————————————————————————————————————————————————————————————————————————————————— minting

#[test]
fn policies_are_numbered_from_one_and_counted() {
    let town = Town::new();
    for id in 1..=3u64 {
        assert_eq!(town.bought(), U256::from(id));
    }
    assert_eq!(
        town.must(town.bob, IPolicy::buyCall { receiver: town.alice, ..town.purchase_by(town.bob) }).policy,
        U256::from(4)
    );
    assert_eq!((town.balance(town.alice), town.balance(town.bob)), (4, 0));
    assert_eq!(town.read(IPolicy::policyCountCall {}), U256::from(4));
    assert_eq!(town.read(IPolicy::totalSupplyCall {}), U256::from(4));
}

#[test]
fn scenario_31_minting_calls_no_receiver() {
    // one that reverts; one that would take all the gas or come back in is not called either
    let town = Town::new();
    let receiver = town.world.address("receiver");
    town.bought();
    town.world.place_native(receiver, Receiver::answering(Answer::Revert));
    let sold = town.must(town.alice, IPolicy::buyCall { receiver, ..town.purchase() }).policy;
    assert_eq!(town.world.frames_of_last_transaction(), 6, "Policy, and five calls to its peers and the asset");
    assert_eq!(town.owner_of(sold), receiver);
    assert_eq!(town.policy_of(sold).insured, town.alice);
}

#[test]
fn of_what_does_not_exist_nothing_is_told() {
    let town = Town::new();
    let id = U256::ONE;
    let unknown = |reverted: testkit::Reverted| assert_eq!(reverted.expect::<ERC721NonexistentToken>().tokenId, id);
    unknown(town.refused(town.alice, IERC721::ownerOfCall { tokenId: id }));
    unknown(town.refused(town.alice, IERC721::getApprovedCall { tokenId: id }));
    unknown(town.refused(town.alice, IERC721::tokenURICall { tokenId: id }));
    unknown(town.refused(town.alice, IPolicy::policyOfCall { policy: id }));
    unknown(town.refused(town.alice, IERC721::approveCall { to: town.bob, tokenId: id }));
    unknown(town.refused(town.alice, transfer(town.alice, town.bob, id)));
    unknown(town.refused(town.alice, safe_transfer(town.alice, town.bob, id)));
    let owner = Address::ZERO;
    town.refused(town.alice, IERC721::balanceOfCall { owner }).expect::<ERC721InvalidOwner>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— transfers

#[test]
fn the_holder_gives_a_policy_away_and_the_insured_stays() {
    let town = Town::new();
    let id = town.bought();
    let before = town.policy_of(id);
    town.must(town.alice, transfer(town.alice, town.bob, id));
    assert_eq!((town.owner_of(id), town.balance(town.alice), town.balance(town.bob)), (town.bob, 0, 1));
    let after = town.policy_of(id);
    assert_eq!((after.holder, after.insured), (town.bob, town.alice));
    assert_eq!((after.product, after.subject, after.amount), (before.product, subject(), before.amount));
    let event = town.world.events::<IERC721::Transfer>(town.policy).pop().unwrap();
    assert_eq!((event.from, event.to, event.tokenId), (town.alice, town.bob, id));
    // and on, and back
    town.must(town.bob, transfer(town.bob, town.carol(), id));
    assert_eq!(town.policy_of(id).insured, town.alice);
    town.must(town.carol(), transfer(town.carol(), town.alice, id));
    assert_eq!((town.policy_of(id).holder, town.policy_of(id).insured), (town.alice, town.alice));
}

#[test]
fn a_transfer_to_oneself_changes_nothing() {
    let town = Town::new();
    let id = town.bought();
    let slots = town.world.slots_of(town.policy);
    town.must(town.alice, transfer(town.alice, town.alice, id));
    assert_eq!((town.owner_of(id), town.balance(town.alice)), (town.alice, 1));
    assert_eq!(town.policy_of(id).insured, town.alice);
    assert_eq!(town.world.slots_of(town.policy), slots);
}

#[test]
fn a_stranger_moves_nothing() {
    let town = Town::new();
    let id = town.bought();
    let error = town.refused(town.bob, transfer(town.alice, town.bob, id)).expect::<ERC721InsufficientApproval>();
    assert_eq!((error.operator, error.tokenId), (town.bob, id));
    town.refused(town.bob, safe_transfer(town.alice, town.bob, id)).expect::<ERC721InsufficientApproval>();
}

#[test]
fn a_transfer_from_somebody_else_or_to_nobody_is_refused() {
    let town = Town::new();
    let id = town.bought();
    let error = town.refused(town.alice, transfer(town.bob, town.alice, id)).expect::<ERC721IncorrectOwner>();
    assert_eq!((error.sender, error.tokenId, error.owner), (town.bob, id, town.alice));
    town.refused(town.alice, transfer(town.alice, Address::ZERO, id)).expect::<ERC721InvalidReceiver>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— approvals

#[test]
fn who_is_approved_moves_the_policy_once() {
    let town = Town::new();
    let id = town.bought();
    assert_eq!(town.read(IERC721::getApprovedCall { tokenId: id }), Address::ZERO);
    town.must(town.alice, IERC721::approveCall { to: town.bob, tokenId: id });
    assert_eq!(town.read(IERC721::getApprovedCall { tokenId: id }), town.bob);
    let event = town.world.events::<IERC721::Approval>(town.policy).pop().unwrap();
    assert_eq!((event.owner, event.approved, event.tokenId), (town.alice, town.bob, id));

    town.must(town.bob, transfer(town.alice, town.carol(), id));
    assert_eq!(town.owner_of(id), town.carol());
    assert_eq!(town.read(IERC721::getApprovedCall { tokenId: id }), Address::ZERO, "a transfer ends the approval");
    town.refused(town.bob, transfer(town.carol(), town.bob, id)).expect::<ERC721InsufficientApproval>();
}

#[test]
fn an_approval_is_taken_back_by_approving_nobody() {
    let town = Town::new();
    let id = town.bought();
    town.must(town.alice, IERC721::approveCall { to: town.bob, tokenId: id });
    town.must(town.alice, IERC721::approveCall { to: Address::ZERO, tokenId: id });
    town.refused(town.bob, transfer(town.alice, town.bob, id)).expect::<ERC721InsufficientApproval>();
}

#[test]
fn an_operator_moves_and_approves_everything_until_he_is_none() {
    let town = Town::new();
    let (first, second) = (town.bought(), town.bought());
    let operator = town.bob;
    let is_operator = || town.read(IERC721::isApprovedForAllCall { owner: town.alice, operator });
    assert!(!is_operator());
    town.must(town.alice, IERC721::setApprovalForAllCall { operator, approved: true });
    assert!(is_operator());
    let event = town.world.events::<IERC721::ApprovalForAll>(town.policy).pop().unwrap();
    assert_eq!((event.owner, event.operator, event.approved), (town.alice, operator, true));

    town.must(operator, transfer(town.alice, operator, first));
    town.must(operator, IERC721::approveCall { to: town.carol(), tokenId: second });
    town.must(town.alice, IERC721::setApprovalForAllCall { operator, approved: false });
    assert!(!is_operator());
    town.refused(operator, transfer(town.alice, operator, second)).expect::<ERC721InsufficientApproval>();
    town.must(town.carol(), transfer(town.alice, town.carol(), second));
}

#[test]
fn only_holder_and_operators_approve() {
    let town = Town::new();
    let id = town.bought();
    town.must(town.alice, IERC721::approveCall { to: town.bob, tokenId: id });
    let refused = town.refused(town.bob, IERC721::approveCall { to: town.bob, tokenId: id });
    assert_eq!(refused.expect::<ERC721InvalidApprover>().approver, town.bob);
    let nobody = IERC721::setApprovalForAllCall { operator: Address::ZERO, approved: true };
    town.refused(town.alice, nobody).expect::<ERC721InvalidOperator>();
}

// ———————————————————————————————————————————————————————————————————————————————————————————————————— receivers

sol! { error Unwanted(uint256 tokenId); }

enum Answer {
    Accept,
    Wrong,
    Nothing,
    Revert,
    Typed,
    /// Calls the contract with this before it accepts.
    Call(Vec<u8>),
}

struct Receiver {
    answer: RefCell<Answer>,
    seen: std::rc::Rc<RefCell<Vec<IERC721Receiver::onERC721ReceivedCall>>>,
    result: std::rc::Rc<RefCell<Option<ArbResult>>>,
}

impl Receiver {
    fn answering(answer: Answer) -> Self {
        Self { answer: RefCell::new(answer), seen: Default::default(), result: Default::default() }
    }
}

impl Native for Receiver {
    fn call(&self, context: &Context<'_>, input: &[u8]) -> ArbResult {
        let call = IERC721Receiver::onERC721ReceivedCall::abi_decode(input).expect("the receiver's call");
        let id = call.tokenId;
        self.seen.borrow_mut().push(call);
        let magic = || Ok(FixedBytes(IERC721Receiver::onERC721ReceivedCall::SELECTOR).abi_encode());
        match &*self.answer.borrow() {
            Answer::Accept => magic(),
            Answer::Wrong => Ok(U256::ONE.abi_encode()),
            Answer::Nothing => Ok(vec![]),
            Answer::Revert => Err(vec![]),
            Answer::Typed => Err(Unwanted { tokenId: id }.abi_encode()),
            Answer::Call(data) => {
                *self.result.borrow_mut() = Some(context.call(context.sender, data.clone()));
                magic()
            }
        }
    }
}

#[test]
fn a_receiver_that_accepts_is_told_everything() {
    let town = Town::new();
    let (first, second) = (town.bought(), town.bought());
    let to = town.world.address("receiver");
    let receiver = Receiver::answering(Answer::Accept);
    let seen = receiver.seen.clone();
    town.world.place_native(to, receiver);
    town.must(town.alice, IERC721::setApprovalForAllCall { operator: town.bob, approved: true });
    town.must(town.alice, safe_transfer(town.alice, to, first));
    for data in [vec![], vec![7; 33]] {
        let id = if data.is_empty() { second } else { town.bought() };
        town.must(
            town.bob,
            IERC721::safeTransferFrom_1Call { from: town.alice, to, tokenId: id, data: data.clone().into() },
        );
        let call = seen.borrow_mut().pop().unwrap();
        assert_eq!((call.operator, call.from, call.tokenId, call.data.to_vec()), (town.bob, town.alice, id, data));
        assert_eq!(town.owner_of(id), to);
    }
    assert!(seen.borrow()[0].data.is_empty());
}

#[test]
fn an_account_without_code_receives_safely() {
    let town = Town::new();
    let id = town.bought();
    town.must(town.alice, safe_transfer(town.alice, town.bob, id));
    assert_eq!(town.owner_of(id), town.bob);
}

#[test]
fn a_receiver_that_does_not_accept_receives_nothing() {
    let town = Town::new();
    let id = town.bought();
    let to = town.world.address("receiver");
    for answer in [Answer::Wrong, Answer::Nothing, Answer::Revert] {
        town.world.place_native(to, Receiver::answering(answer));
        let refused = town.refused(town.alice, safe_transfer(town.alice, to, id));
        assert_eq!(refused.expect::<ERC721InvalidReceiver>().receiver, to);
        assert_eq!((town.owner_of(id), town.balance(to)), (town.alice, 0));
    }
    town.world.place_native(to, Receiver::answering(Answer::Typed));
    assert_eq!(town.refused(town.alice, safe_transfer(town.alice, to, id)).expect::<Unwanted>().tokenId, id);
    // a plain transfer asks nobody
    town.must(town.alice, transfer(town.alice, to, id));
}

#[test]
fn a_receiver_may_look_at_the_policy_it_is_given() {
    let town = Town::new();
    let id = town.bought();
    let to = town.world.address("receiver");
    for view in [IERC721::ownerOfCall { tokenId: id }.abi_encode(), IPolicy::policyOfCall { policy: id }.abi_encode()] {
        let receiver = Receiver::answering(Answer::Call(view));
        let result = receiver.result.clone();
        town.world.place_native(to, receiver);
        town.must(town.alice, safe_transfer(town.alice, to, id));
        let first_word = result.borrow_mut().take().unwrap().unwrap()[..32].to_vec();
        assert_eq!(Address::from_slice(&first_word[12..]), to);
        town.must(to, transfer(to, town.alice, id));
    }
}

#[test]
fn a_receiver_may_pass_a_policy_on() {
    let town = Town::new();
    let id = town.bought();
    let to = town.world.address("receiver");
    town.world.place_native(to, Receiver::answering(Answer::Call(transfer(to, town.bob, id).abi_encode())));
    town.must(town.alice, safe_transfer(town.alice, to, id));
    assert_eq!((town.owner_of(id), town.balance(town.bob), town.balance(to)), (town.bob, 1, 0));
    assert_eq!(town.policy_of(id).insured, town.alice);
}

#[test]
fn a_receiver_cannot_re_enter_what_is_guarded() {
    let town = Town::new();
    let to = town.world.address("receiver");
    let other = town.must(town.alice, IPolicy::buyCall { receiver: to, ..town.purchase() }).policy;
    for call in [
        town.purchase_by(to).abi_encode(),
        IPolicy::expireCall { policy: other }.abi_encode(),
        safe_transfer(to, town.bob, other).abi_encode(),
    ] {
        let id = town.bought();
        let receiver = Receiver::answering(Answer::Call(call));
        let result = receiver.result.clone();
        town.world.place_native(to, receiver);
        town.must(town.alice, safe_transfer(town.alice, to, id));
        let refused = testkit::Reverted(result.borrow_mut().take().unwrap().unwrap_err());
        refused.expect::<ReentrancyGuardReentrantCall>();
        assert_eq!(town.owner_of(other), to);
    }
}

// —————————————————————————————————————————————————————————————————————————————————————————————————————— metadata

#[test]
fn the_contract_says_which_interfaces_it_has() {
    let town = Town::new();
    let supports = |id: u32| town.read(IERC165::supportsInterfaceCall { interfaceId: id.to_be_bytes().into() });
    for id in [0x01ff_c9a7, 0x80ac_58cd, 0x5b5e_139f, 0x4906_4906] {
        assert!(supports(id), "{id:#x}");
    }
    for id in [0xffff_ffff, 0, 0x780e_9d63, 0xd9b6_7a26] {
        assert!(!supports(id), "{id:#x}");
    }
}

#[test]
fn the_collection_has_a_name_and_a_symbol() {
    let town = Town::new();
    assert_eq!(town.read(IERC721::nameCall {}), "Palisade Policy");
    assert_eq!(town.read(IERC721::symbolCall {}), "PLSD");
}

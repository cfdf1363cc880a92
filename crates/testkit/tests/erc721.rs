//! `standards::erc721` against a model that remembers everything.

extern crate alloc;

use std::collections::{HashMap, HashSet};

use alloy_primitives::{Address, U256};
use alloy_sol_types::sol;
use proptest::prelude::*;
use standards::{
    Result,
    erc721::{BESIDE, Erc721},
    errors::{ERC721InvalidReceiver, ERC721InvalidSender, ERC721NonexistentToken},
    packed::Packed,
};
use stylus_sdk::prelude::*;
use testkit::World;

sol! {
    interface IDeeds {
        function mint(address to, uint256 id, uint256 beside) external;
        function burn(uint256 id) external;
        function setBeside(uint256 id, uint256 beside) external;
        function word(uint256 id) external view returns (uint256);
        function balanceOf(address owner) external view returns (uint256);
        function getApproved(uint256 id) external view returns (address);
        function transferFrom(address from, address to, uint256 id) external;
        function approve(address to, uint256 id) external;
        function setApprovalForAll(address operator, bool approved) external;
    }
}

#[entrypoint]
#[storage]
struct Deeds {
    token: Erc721,
}

#[public]
impl Deeds {
    fn mint(&mut self, to: Address, id: U256, beside: U256) -> Result<()> {
        self.token.mint(to, id, Packed(beside))
    }
    fn burn(&mut self, id: U256) -> Result<()> {
        self.token.burn(id)
    }
    fn set_beside(&mut self, id: U256, beside: U256) {
        self.token.set_beside(id, Packed(beside));
    }
    fn word(&self, id: U256) -> U256 {
        self.token.word(id).0
    }
    fn balance_of(&self, owner: Address) -> Result<U256> {
        self.token.balance_of(owner)
    }
    fn get_approved(&self, id: U256) -> Result<Address> {
        self.token.get_approved(id)
    }
    fn transfer_from(&mut self, from: Address, to: Address, id: U256) -> Result<()> {
        self.token.transfer_from(from, to, id).map(drop)
    }
    fn approve(&mut self, to: Address, id: U256) -> Result<()> {
        self.token.approve(to, id)
    }
    fn set_approval_for_all(&mut self, operator: Address, approved: bool) -> Result<()> {
        self.token.set_approval_for_all(operator, approved)
    }
}

fn deeds() -> (World, Address) {
    let world = World::new();
    let at = world.address("deeds");
    world.place::<Deeds>(at);
    (world, at)
}

#[derive(Clone, Debug)]
enum Step {
    Mint { to: usize, id: u8, beside: u64 },
    Burn { id: u8 },
    Beside { id: u8, beside: u64 },
    Transfer { by: usize, from: usize, to: usize, id: u8 },
    Approve { by: usize, to: usize, id: u8 },
    Operator { by: usize, operator: usize, approved: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, id) = (0usize..4, 0u8..4);
    prop_oneof![
        (who.clone(), id.clone(), any::<u64>()).prop_map(|(to, id, beside)| Step::Mint { to, id, beside }),
        id.clone().prop_map(|id| Step::Burn { id }),
        (id.clone(), any::<u64>()).prop_map(|(id, beside)| Step::Beside { id, beside }),
        (who.clone(), who.clone(), who.clone(), id.clone()).prop_map(|(by, from, to, id)| Step::Transfer {
            by,
            from,
            to,
            id
        }),
        (who.clone(), who.clone(), id).prop_map(|(by, to, id)| Step::Approve { by, to, id }),
        (who.clone(), who, any::<bool>()).prop_map(|(by, operator, approved)| Step::Operator {
            by,
            operator,
            approved
        }),
    ]
}

/// Owners with what is beside them, approvals and operators. Person 0 is the zero address.
#[derive(Default)]
struct Model {
    tokens: HashMap<u8, (usize, u64)>,
    approvals: HashMap<u8, usize>,
    operators: HashSet<(usize, usize)>,
}

impl Model {
    /// Takes a step; whether it is allowed.
    fn take(&mut self, step: &Step) -> bool {
        match *step {
            Step::Mint { to, id, beside } => {
                let allowed = to != 0 && !self.tokens.contains_key(&id);
                if allowed {
                    self.tokens.insert(id, (to, beside));
                }
                allowed
            }
            Step::Burn { id } => {
                self.approvals.remove(&id);
                self.tokens.remove(&id).is_some()
            }
            Step::Beside { id, beside } => {
                if let Some(token) = self.tokens.get_mut(&id) {
                    token.1 = beside;
                }
                true
            }
            Step::Transfer { by, from, to, id } => {
                let Some(token) = self.tokens.get_mut(&id) else { return false };
                let owner = token.0;
                let may = by == owner || self.approvals.get(&id) == Some(&by) || self.operators.contains(&(owner, by));
                let allowed = to != 0 && from == owner && may;
                if allowed {
                    token.0 = to;
                    self.approvals.remove(&id);
                }
                allowed
            }
            Step::Approve { by, to, id } => {
                let Some((owner, _)) = self.tokens.get(&id) else { return false };
                let allowed = by == *owner || self.operators.contains(&(*owner, by));
                if allowed {
                    self.approvals.insert(id, to);
                    if to == 0 {
                        self.approvals.remove(&id);
                    }
                }
                allowed
            }
            Step::Operator { by, operator, approved } => {
                if operator != 0 && approved {
                    self.operators.insert((by, operator));
                } else if operator != 0 {
                    self.operators.remove(&(by, operator));
                }
                operator != 0
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_history_ends_as_in_the_model(steps in prop::collection::vec(step(), 1..40)) {
        let (world, at) = deeds();
        let people = [Address::ZERO, world.address("a"), world.address("b"), world.address("c")];
        let mut model = Model::default();
        let shifted = |beside: u64| U256::from(beside).wrapping_shl(BESIDE);
        for step in steps {
            // nobody calls from the zero address
            if matches!(step, Step::Transfer { by: 0, .. } | Step::Approve { by: 0, .. } | Step::Operator { by: 0, .. }) {
                continue;
            }
            let allowed = model.take(&step);
            let a = people[1];
            let done = match step.clone() {
                Step::Mint { to, id, beside } => {
                    world.send(a, at, IDeeds::mintCall { to: people[to], id: U256::from(id), beside: shifted(beside) }).is_ok()
                }
                Step::Burn { id } => world.send(a, at, IDeeds::burnCall { id: U256::from(id) }).is_ok(),
                Step::Beside { id, beside } if model.tokens.contains_key(&id) => {
                    world.send(a, at, IDeeds::setBesideCall { id: U256::from(id), beside: shifted(beside) }).is_ok()
                }
                Step::Beside { .. } => true,
                Step::Transfer { by, from, to, id } => {
                    let call = IDeeds::transferFromCall { from: people[from], to: people[to], id: U256::from(id) };
                    world.send(people[by], at, call).is_ok()
                }
                Step::Approve { by, to, id } => {
                    world.send(people[by], at, IDeeds::approveCall { to: people[to], id: U256::from(id) }).is_ok()
                }
                Step::Operator { by, operator, approved } => {
                    world.send(people[by], at, IDeeds::setApprovalForAllCall { operator: people[operator], approved }).is_ok()
                }
            };
            prop_assert_eq!(done, allowed, "{:?}", step);
        }
        for id in 0..4u8 {
            let word = Packed(world.read(at, IDeeds::wordCall { id: U256::from(id) }));
            let approved = world.try_read(at, IDeeds::getApprovedCall { id: U256::from(id) });
            match model.tokens.get(&id) {
                Some((owner, beside)) => {
                    prop_assert_eq!((word.address(0), word.u64(BESIDE, 64)), (people[*owner], *beside));
                    prop_assert_eq!(approved.unwrap(), people[model.approvals.get(&id).copied().unwrap_or(0)]);
                }
                None => {
                    prop_assert_eq!(word, Packed::default(), "nothing is left of what was burned");
                    prop_assert!(approved.is_err());
                }
            }
        }
        for (person, at_person) in people.iter().enumerate().skip(1) {
            let count = model.tokens.values().filter(|(owner, _)| *owner == person).count();
            prop_assert_eq!(world.read(at, IDeeds::balanceOfCall { owner: *at_person }), U256::from(count));
        }
    }
}

#[test]
fn a_token_is_minted_once_and_to_somebody() {
    let (world, at) = deeds();
    let (alice, id) = (world.address("alice"), U256::from(7));
    let mint = |to| IDeeds::mintCall { to, id, beside: U256::MAX };
    world.refused(alice, at, mint(Address::ZERO)).expect::<ERC721InvalidReceiver>();
    world.send(alice, at, mint(alice)).unwrap();
    let refused = world.refused(alice, at, mint(alice)).expect::<ERC721InvalidSender>();
    assert_eq!(refused.sender, Address::ZERO);
    let word = Packed(world.read(at, IDeeds::wordCall { id }));
    assert_eq!(word.address(0), alice, "what is beside the owner cannot reach it");
}

#[test]
fn what_is_burned_can_be_minted_again_without_old_approvals() {
    let (world, at) = deeds();
    let (alice, bob, id) = (world.address("alice"), world.address("bob"), U256::ONE);
    world.refused(alice, at, IDeeds::burnCall { id }).expect::<ERC721NonexistentToken>();
    world.send(alice, at, IDeeds::mintCall { to: alice, id, beside: U256::ZERO }).unwrap();
    world.send(alice, at, IDeeds::approveCall { to: bob, id }).unwrap();
    world.send(alice, at, IDeeds::burnCall { id }).unwrap();
    world.send(alice, at, IDeeds::mintCall { to: alice, id, beside: U256::ZERO }).unwrap();
    assert_eq!(world.read(at, IDeeds::getApprovedCall { id }), Address::ZERO);
}

//! An allocator whose vault is an account, and strategies with bad habits.

use allocator::Allocator;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use protocol::abi::{IAllocator, IERC4626};
use stylus_sdk::ArbResult;
use testkit::{Context, Native, Reverted, World, strategy::Strategy, token::Token};

/// Correlated with nothing else.
pub(crate) const KEY: B256 = B256::repeat_byte(7);
/// Another risk key.
pub(crate) const OTHER_KEY: B256 = B256::repeat_byte(8);
/// A cap that no test reaches by accident.
pub(crate) const CAP: u64 = 1_000_000;

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// A vault of which only the asset is asked.
struct MockVault(Address);

impl Native for MockVault {
    fn call(&self, _: &Context<'_>, input: &[u8]) -> ArbResult {
        if input == IERC4626::assetCall::SELECTOR { Ok(self.0.into_word().to_vec()) } else { Err(vec![]) }
    }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) token: Token,
    pub(crate) allocator: Address,
    pub(crate) vault: Address,
    pub(crate) owner: Address,
    pub(crate) alice: Address,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let name = |name: &str| world.address(name);
        let token = Token::deploy(&world, name("token"), 6);
        let scene = Self {
            token,
            allocator: name("allocator"),
            vault: name("vault"),
            owner: name("timelock"),
            alice: name("alice"),
            world: world.clone(),
        };
        world.place_native(scene.vault, MockVault(scene.token.at));
        let arguments = (scene.owner, Address::ZERO, scene.vault).abi_encode_params();
        world.construct::<Allocator>(scene.allocator, scene.owner, arguments);
        scene
    }

    /// A strategy that may be used up to the cap.
    pub(crate) fn strategy(&self, name: &str) -> Strategy {
        let strategy = self.unlisted(name);
        self.done(self.owner, self.add(strategy.at));
        strategy
    }

    pub(crate) fn unlisted(&self, name: &str) -> Strategy {
        Strategy::deploy(&self.world, self.world.address(name), &self.token)
    }

    pub(crate) fn add(&self, strategy: Address) -> IAllocator::addStrategyCall {
        IAllocator::addStrategyCall { strategy, cap: u(CAP), riskKey: KEY }
    }

    /// What the vault does to invest: a transfer, and the call. Answers with the risk key and what is booked on it.
    pub(crate) fn try_put(&self, strategy: &Strategy, assets: u64) -> Result<(B256, U256), Reverted> {
        self.token.mint(&self.world, self.allocator, u(assets));
        let call = IAllocator::putCall { strategy: strategy.at, assets: u(assets) };
        self.world.send(self.vault, self.allocator, call).map(|put| (put.riskKey, put.held))
    }

    #[track_caller]
    pub(crate) fn put(&self, strategy: &Strategy, assets: u64) {
        self.try_put(strategy, assets).unwrap();
    }

    #[track_caller]
    pub(crate) fn free(&self, needed: u64) -> u64 {
        self.done(self.vault, IAllocator::freeCall { needed: u(needed) }).to()
    }

    #[track_caller]
    pub(crate) fn take(&self, strategy: &Strategy, assets: u64) -> u64 {
        self.done(self.vault, IAllocator::takeCall { strategy: strategy.at, assets: u(assets) }).taken.to()
    }

    #[track_caller]
    pub(crate) fn harvest(&self, strategy: Address) -> u64 {
        self.done(self.vault, IAllocator::harvestCall { strategy }).gain.to()
    }

    /// The three values, which mark() answers as value() does.
    #[track_caller]
    pub(crate) fn marks(&self) -> [u64; 3] {
        let seen = self.world.read(self.allocator, IAllocator::valueCall {});
        let marked = self.done(self.vault, IAllocator::markCall {});
        assert_eq!((seen.book, seen.high, seen.low), (marked.book, marked.high, marked.low));
        [marked.book.to(), marked.high.to(), marked.low.to()]
    }

    #[track_caller]
    pub(crate) fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.allocator, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, alloy_primitives::hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.allocator, call)
    }

    pub(crate) fn events<E: SolEvent>(&self) -> Vec<E> {
        self.world.events(self.allocator)
    }

    pub(crate) fn info(&self) -> Vec<IAllocator::StrategyInfo> {
        self.world.read(self.allocator, IAllocator::strategiesCall {})
    }

    pub(crate) fn cash(&self) -> u64 {
        self.token.balance_of(&self.world, self.vault).to()
    }
}

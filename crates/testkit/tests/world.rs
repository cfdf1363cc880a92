//! The world itself: frames, rollback, the storage cache and the lock behave as on chain.

use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolError, sol};
use protocol::{Result, call, error, guard::Lock};
use standards::errors::{InvalidReturnData, ReentrancyGuardReentrantCall};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageU256},
};
use testkit::{Context, Native, World};

extern crate alloc;

sol! {
    interface IBox {
        function value() external view returns (uint256);
        function put(uint256 value) external;
        function putAndFail(uint256 value) external;
        function putThenAsk(uint256 value, address other) external returns (uint256);
        function guarded(address other) external;
    }
    error Failed(uint256 value);
}

#[entrypoint]
#[storage]
struct Box {
    owner: StorageAddress,
    value: StorageU256,
}

#[public]
impl Box {
    #[constructor]
    fn constructor(&mut self, owner: Address) {
        self.owner.set(owner);
    }
    fn value(&self) -> U256 {
        self.value.get()
    }
    fn put(&mut self, value: U256) {
        self.value.set(value);
    }
    fn put_and_fail(&mut self, value: U256) -> Result<()> {
        self.value.set(value);
        Err(error!(Failed, value))
    }
    fn put_then_ask(&mut self, value: U256, other: Address) -> Result<U256> {
        self.value.set(value);
        call::ask(self.vm(), other, IBox::valueCall::SELECTOR, &[])?.word(0)
    }
    fn guarded(&mut self, other: Address) -> Result<()> {
        let lock = Lock::take()?;
        call::tell(self.vm(), other, [0; 4], &[])?;
        lock.release();
        Ok(())
    }
}

/// Asks its caller for its value, or re-enters its guarded function.
struct Mirror {
    reenter: bool,
}

impl Native for Mirror {
    fn call(&self, context: &Context<'_>, _: &[u8]) -> stylus_sdk::ArbResult {
        if self.reenter {
            return context.call(context.sender, IBox::guardedCall { other: context.me }.abi_encode());
        }
        context.call(context.sender, IBox::valueCall {}.abi_encode())
    }
}

fn world() -> (World, Address, Address) {
    let world = World::new();
    let (user, at) = (world.address("user"), world.address("box"));
    let mut word = vec![0; 12];
    word.extend(user.as_slice());
    world.construct::<Box>(at, user, word);
    (world, user, at)
}

#[test]
fn a_constructor_runs_once() {
    let (world, user, at) = world();
    assert!(world.try_construct::<Box>(at, user, vec![0; 32]).is_err());
}

#[test]
fn a_failing_frame_leaves_no_trace() {
    let (world, user, at) = world();
    world.send(user, at, IBox::putCall { value: U256::from(1) }).unwrap();
    let reverted = world.refused(user, at, IBox::putAndFailCall { value: U256::from(2) });
    assert_eq!(reverted.expect::<Failed>().value, U256::from(2));
    assert_eq!(world.read(at, IBox::valueCall {}), U256::from(1));
}

#[test]
fn a_static_call_cannot_write() {
    let (world, _, at) = world();
    assert!(world.try_read(at, IBox::putCall { value: U256::from(1) }).is_err());
    assert_eq!(world.read(at, IBox::valueCall {}), U256::ZERO);
}

#[test]
fn what_is_written_is_flushed_before_a_call() {
    let (world, user, at) = world();
    let mirror = world.address("mirror");
    world.place_native(mirror, Mirror { reenter: false });
    let seen = world.send(user, at, IBox::putThenAskCall { value: U256::from(7), other: mirror }).unwrap();
    assert_eq!(seen, U256::from(7));
}

#[test]
fn an_account_without_code_answers_nothing() {
    let (world, user, at) = world();
    let reverted = world.refused(user, at, IBox::putThenAskCall { value: U256::from(7), other: user });
    assert_eq!(reverted.expect::<InvalidReturnData>().from, user);
}

#[test]
fn a_guarded_function_cannot_be_re_entered_and_the_lock_ends_with_the_call() {
    let (world, user, at) = world();
    let (hostile, quiet) = (world.address("hostile"), world.address("quiet"));
    world.place_native(hostile, Mirror { reenter: true });
    let reverted = world.refused(user, at, IBox::guardedCall { other: hostile });
    assert!(reverted.is::<ReentrancyGuardReentrantCall>());
    world.send(user, at, IBox::guardedCall { other: quiet }).unwrap();
    world.send(user, at, IBox::guardedCall { other: quiet }).unwrap();
}

#[test]
fn revert_data_decodes_to_its_type_only() {
    let reverted = testkit::Reverted(Failed { value: U256::from(3) }.abi_encode());
    assert!(reverted.is::<Failed>());
    assert!(!reverted.is::<InvalidReturnData>());
}

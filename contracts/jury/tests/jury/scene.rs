//! A jury with the real token, an asset to award, and an assessor that is an account.

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use alloy_sol_types::{SolCall, SolEvent, SolValue};
use jury::{Jury, JuryExt};
use protocol::abi::{IERC20, IJury};
use stylus_sdk::ArbResult;
use testkit::{
    Context, Native, Reverted, World,
    token::{Erc20, Token as Asset},
};
use token::Token;

pub(crate) const DAY: u64 = 24 * 60 * 60;
/// Window, committing, revealing, appealing, ruling, cooldown.
pub(crate) const TIMES: [u64; 6] = [14 * DAY, 3 * DAY, 2 * DAY, 3 * DAY, 30 * DAY, 7 * DAY];
/// Three of the asset, which has six decimals, for each PALI revealed.
pub(crate) const RATE: u64 = 3_000_000;

pub(crate) const DRAW: u8 = 0;
pub(crate) const AWARD: u8 = 1;
pub(crate) const DENIED: u8 = 2;

pub(crate) const COMMIT: u8 = 1;
pub(crate) const REVEAL: u8 = 2;
pub(crate) const APPEAL: u8 = 3;
pub(crate) const ESCALATED: u8 = 4;
pub(crate) const ENDED: u8 = 5;

pub(crate) fn u(value: u64) -> U256 {
    U256::from(value)
}

/// So many whole PALI.
pub(crate) fn pali(value: u64) -> U256 {
    U256::from(u128::from(value) * 10u128.pow(18))
}

/// So many whole units of the asset.
pub(crate) fn usd(value: u64) -> U256 {
    U256::from(value * 1_000_000)
}

/// A contract that does nothing.
struct Nothing;

impl Native for Nothing {
    fn call(&self, _: &Context<'_>, _: &[u8]) -> ArbResult {
        Ok(vec![])
    }
}

/// A case as Assessor opens it.
#[derive(Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) amount: U256,
    pub(crate) snapshot: u64,
    pub(crate) simple: bool,
    pub(crate) fee: U256,
    pub(crate) bond: U256,
}

/// What a juror says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ballot {
    pub(crate) choice: u8,
    pub(crate) share_bps: u16,
}

pub(crate) const YES: Ballot = Ballot { choice: AWARD, share_bps: 10_000 };
pub(crate) const NO: Ballot = Ballot { choice: DENIED, share_bps: 0 };

pub(crate) const fn share(share_bps: u16) -> Ballot {
    Ballot { choice: AWARD, share_bps }
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) token: Address,
    pub(crate) asset: Asset,
    pub(crate) jury: Address,
    pub(crate) extension: Address,
    pub(crate) assessor: Address,
    pub(crate) owner: Address,
    pub(crate) deployer: Address,
    pub(crate) alice: Address,
}

impl Scene {
    /// Before it is wired.
    pub(crate) fn bare() -> Self {
        let world = World::new();
        let name = |name: &str| world.address(name);
        let scene = Self {
            token: name("token"),
            asset: Asset::deploy(&world, name("asset"), 6),
            jury: name("jury"),
            extension: name("jury-ext"),
            assessor: name("assessor"),
            owner: name("timelock"),
            deployer: name("deployer"),
            alice: name("alice"),
            world: world.clone(),
        };
        world.construct::<Token>(scene.token, scene.owner, (scene.owner, pali(10_000_000)).abi_encode_params());
        world.place::<JuryExt>(scene.extension);
        world.place_native(scene.assessor, Nothing);
        world.construct::<Jury>(scene.jury, scene.deployer, scene.arguments(TIMES));
        scene
    }

    pub(crate) fn new() -> Self {
        let scene = Self::bare();
        scene.done(scene.deployer, IJury::wireCall { assessor: scene.assessor });
        scene.done(scene.owner, IJury::setAwardRateCall { asset: scene.asset.at, rate: u(RATE) });
        scene
    }

    /// A jury of these stakes, which have been there for long enough.
    pub(crate) fn with<const N: usize>(stakes: [u64; N]) -> (Self, [Address; N]) {
        let scene = Self::new();
        let mut number = 0;
        let jurors = stakes.map(|stake| {
            number += 1;
            scene.juror(&format!("juror {number}"), pali(stake))
        });
        scene.world.warp(15 * DAY);
        (scene, jurors)
    }

    pub(crate) fn arguments(&self, times: [u64; 6]) -> Vec<u8> {
        (self.owner, self.deployer, self.extension, self.token, times.map(U256::from)).abi_encode_params()
    }

    /// Gives an account PALI that the jury may pull.
    pub(crate) fn fund(&self, account: Address, amount: U256) {
        let sent = self.world.send(self.owner, self.token, IERC20::transferCall { to: account, value: amount });
        assert!(sent.unwrap());
        let approve = IERC20::approveCall { spender: self.jury, value: U256::MAX };
        assert!(self.world.send(account, self.token, approve).unwrap());
    }

    /// An account with a stake.
    pub(crate) fn juror(&self, name: &str, stake: U256) -> Address {
        let juror = self.world.address(name);
        self.fund(juror, stake);
        self.done(juror, IJury::stakeCall { amount: stake });
        juror
    }

    /// Gives an account so much of the asset that the jury may pull.
    pub(crate) fn fund_asset(&self, account: Address, amount: U256) {
        self.asset.mint(&self.world, account, amount);
        self.asset.approve(&self.world, account, self.jury, U256::MAX);
    }

    /// A case about a thousand, with a fee of ten and a bond of twenty, filed now.
    pub(crate) fn opening(&self) -> Opening {
        Opening { amount: usd(1_000), snapshot: self.world.now(), simple: false, fee: usd(10), bond: usd(20) }
    }

    pub(crate) fn open_call(&self, opening: &Opening) -> IJury::openCall {
        IJury::openCall {
            policy: u(7),
            asset: self.asset.at,
            amount: opening.amount,
            snapshot: opening.snapshot,
            simple: opening.simple,
            fee: opening.fee,
            bond: opening.bond,
            reason: B256::repeat_byte(9),
        }
    }

    /// Opens a case as Assessor does: the fee, and the call.
    #[track_caller]
    pub(crate) fn open_with(&self, opening: &Opening) -> U256 {
        self.asset.mint(&self.world, self.jury, opening.fee);
        self.done(self.assessor, self.open_call(opening))
    }

    #[track_caller]
    pub(crate) fn open(&self) -> U256 {
        self.open_with(&self.opening())
    }

    pub(crate) fn salt(&self, juror: Address) -> B256 {
        keccak256(juror)
    }

    pub(crate) fn hash(&self, id: U256, juror: Address, ballot: Ballot) -> B256 {
        let Ballot { choice, share_bps } = ballot;
        let call = IJury::hashVoteCall {
            id,
            juror,
            choice,
            shareBps: share_bps,
            reason: B256::repeat_byte(1),
            salt: self.salt(juror),
        };
        self.world.read(self.jury, call)
    }

    pub(crate) fn commit_call(&self, id: U256, juror: Address, ballot: Ballot) -> IJury::commitCall {
        IJury::commitCall { id, juror, commitment: self.hash(id, juror, ballot) }
    }

    pub(crate) fn reveal_call(&self, id: U256, juror: Address, ballot: Ballot) -> IJury::revealCall {
        let Ballot { choice, share_bps } = ballot;
        let (reason, salt) = (B256::repeat_byte(1), self.salt(juror));
        IJury::revealCall { id, juror, choice, shareBps: share_bps, reason, salt }
    }

    #[track_caller]
    pub(crate) fn commit(&self, id: U256, juror: Address, ballot: Ballot) {
        self.done(juror, self.commit_call(id, juror, ballot));
    }

    #[track_caller]
    pub(crate) fn reveal(&self, id: U256, juror: Address, ballot: Ballot) {
        self.done(juror, self.reveal_call(id, juror, ballot));
    }

    /// Goes to the end of the phase that a case is in.
    #[track_caller]
    pub(crate) fn pass(&self, id: U256) {
        let until = self.case(id).until;
        assert!(until > 0, "the case has ended");
        self.world.warp_to(until);
    }

    /// A whole vote: the case is past revealing.
    #[track_caller]
    pub(crate) fn vote(&self, id: U256, ballots: &[(Address, Ballot)]) {
        for (juror, ballot) in ballots {
            self.commit(id, *juror, *ballot);
        }
        self.pass(id);
        for (juror, ballot) in ballots {
            self.reveal(id, *juror, *ballot);
        }
        self.pass(id);
    }

    /// A whole case that nobody appeals, finalised.
    #[track_caller]
    pub(crate) fn decide(&self, id: U256, ballots: &[(Address, Ballot)]) {
        self.vote(id, ballots);
        self.end(id);
    }

    /// Goes to the end of a case and fixes its verdict.
    #[track_caller]
    pub(crate) fn end(&self, id: U256) {
        while self.phase(id) != ENDED {
            self.pass(id);
        }
        self.done(self.alice, IJury::finaliseCall { id });
    }

    #[track_caller]
    pub(crate) fn settle(&self, id: U256, juror: Address) -> [U256; 3] {
        let settled = self.done(self.alice, IJury::settleCall { id, juror });
        [settled.penalty, settled.reward, settled.fee]
    }

    /// Somebody with the bond appeals.
    #[track_caller]
    pub(crate) fn appeal(&self, id: U256, appellant: Address) {
        self.fund_asset(appellant, self.case(id).bond);
        self.done(appellant, IJury::appealCall { id, reason: B256::ZERO });
    }

    #[track_caller]
    pub(crate) fn done<C: SolCall>(&self, from: Address, call: C) -> C::Return {
        match self.world.send(from, self.jury, call) {
            Ok(answer) => answer,
            Err(reverted) => panic!("{} reverted with 0x{}", C::SIGNATURE, hex::encode(reverted.0)),
        }
    }

    #[track_caller]
    pub(crate) fn refused<C: SolCall>(&self, from: Address, call: C) -> Reverted {
        self.world.refused(from, self.jury, call)
    }

    #[track_caller]
    pub(crate) fn read<C: SolCall>(&self, call: C) -> C::Return {
        self.world.read(self.jury, call)
    }

    pub(crate) fn last<E: SolEvent>(&self) -> E {
        self.world.events(self.jury).pop().expect("there is one")
    }

    #[track_caller]
    pub(crate) fn case(&self, id: U256) -> IJury::Case {
        self.read(IJury::caseOfCall { id })
    }

    #[track_caller]
    pub(crate) fn phase(&self, id: U256) -> u8 {
        self.case(id).phase
    }

    /// The verdict, where the case has ended.
    #[track_caller]
    pub(crate) fn verdict(&self, id: U256) -> Option<(u8, U256)> {
        let verdict = self.read(IJury::verdictCall { id });
        verdict.ended.then_some((verdict.outcome, verdict.award))
    }

    pub(crate) fn of(&self, juror: Address) -> IJury::Juror {
        self.read(IJury::jurorOfCall { juror })
    }

    pub(crate) fn tally(&self, id: U256, round: u8) -> IJury::Tally {
        self.read(IJury::tallyOfCall { id, round })
    }

    pub(crate) fn weight(&self, id: U256, juror: Address) -> U256 {
        self.read(IJury::weightOfCall { id, juror })
    }

    pub(crate) fn credit(&self, asset: Address, account: Address) -> U256 {
        self.read(IJury::creditOfCall { asset, account })
    }

    pub(crate) fn balance(&self, asset: Address, account: Address) -> U256 {
        self.world.read(asset, Erc20::balanceOfCall { account })
    }
}

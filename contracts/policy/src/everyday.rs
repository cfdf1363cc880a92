//! The first program: what users and Assessor call every day.

use alloc::vec;

use actuary::math::{add, sub};
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolEvent};
use protocol::{
    Result, Revert, Word,
    abi::{
        IERC20Permit,
        IERC721::{self, MetadataUpdate},
        IPolicy, IRisk, ITrigger, IVault,
    },
    call::{Answer, ask, tell, token},
    emit, error, ext,
    guard::{self, Lock},
    routes,
};
use standards::{
    abi::{encode_call, log_bytes},
    dispatch::Words,
    ecdsa::is_valid_signature_now,
    errors::{ERC721InvalidReceiver, InvalidReturnData, ReentrancyGuardReentrantCall},
};
use stylus_sdk::{
    ArbResult,
    prelude::*,
    stylus_core::host::{AccountAccess, BlockAccess, CryptographyAccess, MessageAccess},
};

use crate::{
    book::{Book, Route, Sale, within},
    order::Order,
    record::{CANCELLED, EXPIRED, FILED, KEEPER, LOCKED, Terms, Token},
    split::Split,
};

/// The cover type that is priced by variance, as `IRisk.Cover` counts it.
const IMPERMANENT_LOSS: u8 = 1;

/// The most policies that one call expires.
const MOST_EXPIRED: usize = 50;

/// The contract's first program; what it does not know it runs in [`PolicyExt`](crate::PolicyExt).
#[cfg_attr(not(feature = "ext"), entrypoint)]
#[storage]
pub struct Policy {
    book: Book,
}

#[cfg(feature = "ext")]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for Policy {}

routes! {
    Policy, constructor(owner, setup, extension), fallback(fallback);
    IPolicy::buyCall => buy(order);
    IPolicy::buyWithPermitCall => buy_with_permit(order, permit_deadline, v, r, s);
    IPolicy::buyForCall => buy_for(order, signed_until, signature);
    IPolicy::openCall => open(policy, caller);
    IPolicy::closeCall => close(policy, confirmed);
    IPolicy::expireCall => expire(policy);
    IPolicy::batchExpireCall => batch_expire(policies);
    IPolicy::extendCall => extend(policy, term, max_premium, deadline, referrer);
    IPolicy::cancelCall => cancel(policy, receiver);
    IERC721::ownerOfCall => owner_of(token_id);
    IERC721::balanceOfCall => balance_of(owner);
    IERC721::transferFromCall => transfer_from(from, to, token_id);
    IERC721::safeTransferFrom_0Call => safe_transfer_from(from, to, token_id);
    IERC721::safeTransferFrom_1Call => safe_transfer_from_with_data(from, to, token_id, data);
}

impl Policy {
    /// The owner is the timelock, `setup` the deployer's key until it finishes the set-up, `extension` the second
    /// program.
    pub fn constructor(&mut self, owner: Address, setup: Address, extension: Address) -> Result<()> {
        self.book.roles.construct(owner, setup)?;
        self.book.extension.construct(extension)
    }

    // ——————————————————————————————————————————————————————————————————————————————————————————————— policies

    /// Sells a cover to the caller; `IPolicy.buy` says what is checked and what is paid.
    pub fn buy(&mut self, order: Order) -> Result<(U256, U256)> {
        self.sell(&order, None, None)
    }

    /// [`buy`](Self::buy), with the caller's permit given to the asset before.
    pub fn buy_with_permit(
        &mut self,
        order: Order,
        permit_deadline: U256,
        v: u8,
        r: B256,
        s: B256,
    ) -> Result<(U256, U256)> {
        self.sell(&order, Some([permit_deadline, U256::from(v), r.word(), s.word()]), None)
    }

    /// [`buy`](Self::buy) for an insured who has signed.
    pub fn buy_for(&mut self, order: Order, signed_until: U256, signature: &[u8]) -> Result<(U256, U256)> {
        self.sell(&order, None, Some((signed_until, signature)))
    }

    /// Locks a policy for a claim and answers with its terms. Assessor only.
    pub fn open(&mut self, policy: U256, caller: Address) -> Result<[U256; 14]> {
        self.book.only_assessor()?;
        if guard::is_locked() {
            return Err(error!(ReentrancyGuardReentrantCall)); // no claim in the middle of a purchase
        }
        let token = self.book.live(policy)?;
        let holder = token.holder();
        if !self.book.acts_for(holder, caller) {
            return Err(error!(IPolicy::NotHolder, caller, policy));
        }
        let (amounts, terms) = (self.book.amounts(policy), self.book.terms(policy));
        let answer = [
            token.product(),
            self.book.subject(token).word(),
            self.book.insured(policy, token).word(),
            self.book.position(token).word(),
            U256::from(terms.start()),
            U256::from(terms.end()),
            U256::from(terms.deadline()),
            amounts.amount(),
            amounts.confirmed(),
            U256::from(terms.ratio()),
            U256::from(terms.deductible()),
            token.has(FILED).word(),
            self.book.entry_hash(policy, token).word(),
            holder.word(),
        ];
        self.book.set_policy(policy, token.with(LOCKED | FILED));
        emit!(self.vm(), MetadataUpdate, [], [policy]);
        Ok(answer)
    }

    /// Records the claims confirmed so far and unlocks. Assessor only.
    pub fn close(&mut self, policy: U256, confirmed: U256) -> Result<()> {
        self.book.only_assessor()?;
        let token = self.book.policy(policy)?;
        if !token.has(LOCKED) {
            return Err(error!(IPolicy::ClaimNotOpen, policy));
        }
        let amounts = self.book.amounts(policy);
        let cover = self.book.terms(policy).cover(amounts.amount())?;
        let Some(remaining) = cover.checked_sub(confirmed) else {
            return Err(error!(IPolicy::CoverExceeded, confirmed, cover));
        };
        self.book.set_amounts(policy, amounts.with_confirmed(confirmed)?);
        self.book.set_policy(policy, token.without(LOCKED));
        emit!(self.vm(), IPolicy::PolicyClaimed, [policy], [confirmed, remaining]);
        emit!(self.vm(), MetadataUpdate, [], [policy]);
        Ok(())
    }

    /// Closes a policy whose last filing has passed. Anyone. Risk hears only of those that were filed: the others
    /// leave its books by themselves.
    pub fn expire(&mut self, policy: U256) -> Result<()> {
        let lock = Lock::take()?;
        let token = self.book.live(policy)?;
        let risk = self.book.risk()?;
        let clock = self.claims_clock(risk)?;
        if !self.end(risk, clock, policy, token)? {
            return Err(error!(IPolicy::PolicyNotOver, policy, self.book.terms(policy).deadline()));
        }
        lock.release();
        Ok(())
    }

    /// Closes those of the policies whose last filing has passed, and answers how many. Anyone.
    pub fn batch_expire(&mut self, policies: Words<'_>) -> Result<u64> {
        if policies.len() > MOST_EXPIRED {
            return Err(error!(IPolicy::TooManyPolicies, policies.len() as u64, MOST_EXPIRED as u64));
        }
        let lock = Lock::take()?;
        let risk = self.book.risk()?;
        let clock = self.claims_clock(risk)?;
        let mut done = 0;
        for policy in policies {
            if let Ok(token) = self.book.live(policy) {
                done += u64::from(self.end(risk, clock, policy, token)?);
            }
        }
        lock.release();
        Ok(done)
    }

    /// Lets cover go on after its end, at today's price; `IPolicy.extend` says for whom and what is checked.
    pub fn extend(
        &mut self,
        policy: U256,
        term: U256,
        max_premium: U256,
        deadline: U256,
        referrer: Address,
    ) -> Result<(U256, u64)> {
        let lock = Lock::take()?;
        let now = self.require_open(deadline)?;
        let token = self.in_force(policy, now)?;
        if token.has(FILED) {
            return Err(error!(IPolicy::PolicyWasFiled, policy));
        }
        let caller = self.vm().msg_sender();
        let holder = token.holder();
        let (payer, most) = if self.book.acts_for(holder, caller) {
            (caller, max_premium)
        } else {
            let keeper = self.book.keeper(policy, token);
            if caller != keeper.account || now > keeper.until {
                return Err(error!(IPolicy::NotHolder, caller, policy));
            }
            (holder, keeper.most.min(max_premium))
        };

        // What the peers say, as at a sale.
        let risk = self.book.risk()?;
        let route = self.book.route_of(token)?;
        let (product, subject) = (token.product(), self.book.subject(token));
        let insured = self.book.insured(policy, token);
        let entered = self.enter(&route, subject, insured, self.book.position(token))?;
        self.observe_variance(&route, product, subject)?;
        let capital = self.book.capital(route.vault)?;
        let (amounts, terms) = (self.book.amounts(policy), self.book.terms(policy));
        let (cover, last) = (terms.cover(amounts.amount())?, U256::from(terms.deadline()));
        let words = [product, subject.word(), cover, last, term, capital, entered.word(3)?];
        let renewed = tell(self.vm(), risk, IRisk::renewCall::SELECTOR, &words)?;

        // The price and the dates.
        let referrer = referrer_of(referrer, [payer, caller, holder, insured]);
        let split = self.book.shares().split(renewed.word(0)?, !referrer.is_zero())?;
        if split.gross > most {
            return Err(error!(IPolicy::PremiumTooHigh, split.gross, most));
        }
        let end = add(U256::from(terms.end()), term)?;
        let extended = terms.extended(terms.net(), end, renewed.word(1)?)?;
        self.book.set_terms(policy, extended);

        // The interest: the cover is in it already, and stays until the new end.
        let key = self.book.interest_of(route.number, policy, token);
        let interest = self.book.interest(key);
        let live = interest.amount(now);
        within(live, entered.word(2)?)?;
        self.book.set_interest(key, interest.with_cover(live, interest.until().max(extended.end()))?);
        if payer != caller {
            let token = self.book.policy(policy)?; // read again: it may have been moved meanwhile
            self.book.set_policy(policy, token.without(KEEPER));
        }
        let words = [split.gross, end, U256::from(extended.deadline())];
        emit!(self.vm(), IPolicy::PolicyExtended, [policy, payer], [words[0], words[1], words[2]]);
        self.log_split(policy, &split, referrer);
        emit!(self.vm(), MetadataUpdate, [], [policy]);

        // The money; what the vault then has to earn is the policy's premium from now on.
        token::transfer_from(self.vm(), route.asset, payer, route.vault, split.gross)?;
        let earning = [amounts.earning(), terms.end()].map(U256::from);
        let fees = [split.treasury, split.jury, referrer.word(), split.referral];
        let words = [terms.net(), earning[0], earning[1], split.net, end, fees[0], fees[1], fees[2], fees[3]];
        let kept = tell(self.vm(), route.vault, IVault::repriceCall::SELECTOR, &words)?.word(0)?;
        self.book.set_terms(policy, extended.extended(kept, end, U256::from(extended.deadline()))?);
        self.book.set_amounts(policy, amounts.with_earning(amounts.earning().max(now))?);
        lock.release();
        Ok((split.gross, extended.end()))
    }

    /// Takes a policy back before its end and has the vault refund what its cover has not used. Its holder or an
    /// operator.
    pub fn cancel(&mut self, policy: U256, receiver: Address) -> Result<U256> {
        let lock = Lock::take()?;
        let now = self.vm().block_timestamp();
        let token = self.in_force(policy, now)?;
        let (amounts, terms) = (self.book.amounts(policy), self.book.terms(policy));
        let caller = self.vm().msg_sender();
        if !self.book.acts_for(token.holder(), caller) {
            return Err(error!(IPolicy::NotHolder, caller, policy));
        }
        if receiver.is_zero() {
            return Err(error!(ERC721InvalidReceiver, receiver));
        }
        let risk = self.book.risk()?;
        let (vault, trigger) = self.book.carrier(token)?;

        // A policy in force counts in its interest, whose end is not before the policy's.
        let key = self.book.interest_of(trigger, policy, token);
        let interest = self.book.interest(key);
        let live = sub(interest.amount(now), amounts.amount())?;
        self.book.set_interest(key, interest.with_cover(live, interest.until())?);
        self.book.set_policy(policy, token.with(CANCELLED).without(KEEPER));
        emit!(self.vm(), MetadataUpdate, [], [policy]);

        let (product, subject) = (token.product(), self.book.subject(token).word());
        let (cover, confirmed) = (terms.cover(amounts.amount())?, amounts.confirmed());
        let filed = token.has(FILED).word();
        let words = [product, subject, cover, U256::from(terms.deadline()), filed, confirmed];
        tell(self.vm(), risk, IRisk::releaseCall::SELECTOR, &words)?;
        let (start, end) = (U256::from(amounts.earning()), U256::from(terms.end()));
        let short_rate = U256::from(self.book.short_rate());
        let words = [terms.net(), start, end, sub(cover, confirmed)?, cover, short_rate, receiver.word()];
        let refunded = tell(self.vm(), vault, IVault::refundCall::SELECTOR, &words)?.word(0)?;
        emit!(self.vm(), IPolicy::PolicyCancelled, [policy, receiver], [refunded]);
        lock.release();
        Ok(refunded)
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— ERC-721

    /// Who holds a policy.
    pub fn owner_of(&self, token_id: U256) -> Result<Address> {
        self.book.token.owner_of(token_id)
    }

    /// How many policies an account holds, expired ones too.
    pub fn balance_of(&self, owner: Address) -> Result<U256> {
        self.book.token.balance_of(owner)
    }

    /// Gives a policy away; not while a claim is open.
    pub fn transfer_from(&mut self, from: Address, to: Address, token_id: U256) -> Result<()> {
        self.book.transfer(from, to, token_id)
    }

    /// [`transfer_from`](Self::transfer_from) to an account that takes it: a contract is asked.
    pub fn safe_transfer_from(&mut self, from: Address, to: Address, token_id: U256) -> Result<()> {
        self.send(from, to, token_id, &[])
    }

    /// [`safe_transfer_from`](Self::safe_transfer_from) with data for the receiver.
    pub fn safe_transfer_from_with_data(
        &mut self,
        from: Address,
        to: Address,
        token_id: U256,
        data: &[u8],
    ) -> Result<()> {
        self.send(from, to, token_id, data)
    }

    /// Runs everything else in the second program.
    pub fn fallback(&mut self, calldata: &[u8]) -> ArbResult {
        ext::delegate(self.vm(), self.book.extension.program(), calldata)
    }

    /// Sells what was ordered to the caller: `permit` is the rest of his permit, `consent` the insured's word.
    fn sell(
        &mut self,
        order: &Order,
        permit: Option<[U256; 4]>,
        consent: Option<(U256, &[u8])>,
    ) -> Result<(U256, U256)> {
        let Order { product, subject, insured, position, amount, term, max_premium, deadline, receiver, referrer } =
            *order;
        let lock = Lock::take()?;
        let now = self.require_open(deadline)?;
        let payer = self.vm().msg_sender();
        match consent {
            Some((until, signature)) => self.require_consent(order, now, until, signature)?,
            None if insured != payer => return Err(error!(IPolicy::InsuredMustConsent, insured)),
            None => {}
        }

        // What the peers say. Nothing of this sale has been written yet: the trigger is anybody's code.
        let risk = self.book.risk()?;
        let route = match self.book.route(product) {
            Some(route) => route,
            None => self.list(product)?,
        };
        if let Some([until, v, r, s]) = permit {
            let words = [payer.word(), self.vm().contract_address().word(), max_premium, until, v, r, s];
            // Where it fails, the allowance decides: somebody may have brought the permit already.
            drop(tell(self.vm(), route.asset, IERC20Permit::permitCall::SELECTOR, &words));
        }
        let entered = self.enter(&route, subject, insured, position)?;
        self.observe_variance(&route, product, subject)?;
        let entry = entered.bytes(1)?;
        let capital = self.book.capital(route.vault)?;
        let quote = [product, subject.word(), amount, term, capital, entered.word(3)?];
        let quote = tell(self.vm(), risk, IRisk::underwriteCall::SELECTOR, &quote)?;

        // The price and the dates.
        let referrer = referrer_of(referrer, [payer, payer, receiver, insured]);
        let split = self.book.shares().split(quote.word(0)?, !referrer.is_zero())?;
        if split.gross > max_premium {
            return Err(error!(IPolicy::PremiumTooHigh, split.gross, max_premium));
        }
        let start = add(U256::from(now), quote.word(3)?)?;
        let end = add(start, term)?;
        let terms = Terms::new(split.net, start, end, quote.word(4)?, quote.word(1)?, quote.word(2)?)?;

        // The interest: live cover on it, this one included, until the latest end.
        let key = self.book.interest_key(route.number, subject, insured, position);
        let interest = self.book.interest(key);
        let cover = add(interest.amount(now), amount)?;
        within(cover, entered.word(2)?)?;
        let interest = interest.with_cover(cover, interest.until().max(terms.end()))?;
        let interest = self.book.numbered(interest, subject, position)?;
        self.book.set_interest(key, interest);

        let entry_hash = if entry.is_empty() { None } else { Some(self.vm().native_keccak256(entry)) };
        let sale = Sale { receiver, product, subject, insured, position, amount, terms, entry_hash };
        let id = self.book.record(&sale, interest)?;
        self.log_sale(id, &sale, payer, &split, referrer, entry);

        // The money, last: whole to the vault, which books the parts apart.
        token::transfer_from(self.vm(), route.asset, payer, route.vault, split.gross)?;
        let words = [split.net, start, end, split.treasury, split.jury, referrer.word(), split.referral];
        tell(self.vm(), route.vault, IVault::premiumCall::SELECTOR, &words)?;
        lock.release();
        Ok((id, split.gross))
    }

    /// Uses up the insured's consent to an order of somebody else.
    fn require_consent(&mut self, order: &Order, now: u64, until: U256, signature: &[u8]) -> Result<()> {
        if U256::from(now) > until {
            return Err(error!(IPolicy::DeadlinePassed, until));
        }
        let nonce = self.book.nonces.use_nonce(order.insured);
        let digest = order.consent(self.vm(), nonce, until);
        if !is_valid_signature_now(self.vm(), order.insured, digest, signature) {
            return Err(error!(IPolicy::InsuredMustConsent, order.insured));
        }
        Ok(())
    }

    /// The time, if purchases are open and it is not after `deadline`.
    fn require_open(&self, deadline: U256) -> Result<u64> {
        let now = self.vm().block_timestamp();
        if U256::from(now) > deadline {
            return Err(error!(IPolicy::DeadlinePassed, deadline));
        }
        self.book.require_running()?;
        Ok(now)
    }

    /// The token word of a policy that nothing holds up and whose cover has not ended.
    fn in_force(&self, policy: U256, now: u64) -> Result<Token> {
        let token = self.book.live(policy)?;
        let end = self.book.terms(policy).end();
        if now > end {
            return Err(error!(IPolicy::PolicyNotInForce, policy, end));
        }
        Ok(token)
    }

    /// The trigger's word on a purchase: (healthy, entry, interest, size).
    fn enter(&self, route: &Route, subject: B256, insured: Address, position: B256) -> Result<Answer> {
        let words = [subject.word(), insured.word(), position.word()];
        let entered = tell(self.vm(), route.trigger, ITrigger::enterCall::SELECTOR, &words)?;
        if !entered.bool(0)? {
            return Err(error!(IPolicy::SubjectNotHealthy, subject));
        }
        Ok(entered)
    }

    /// Lets the second program tell Risk the variance that impermanent loss is priced by; nothing for other covers.
    fn observe_variance(&self, route: &Route, product: U256, subject: B256) -> Result<()> {
        if route.cover == IMPERMANENT_LOSS {
            let calldata = encode_call(IPolicy::observeVarianceCall::SELECTOR, &[product, subject.word()]);
            ext::delegate(self.vm(), self.book.extension.program(), &calldata).map_err(Revert::raw)?;
        }
        Ok(())
    }

    /// Lets the second program keep the route of a product that is sold for the first time.
    fn list(&mut self, product: U256) -> Result<Route> {
        let program = self.book.extension.program();
        let calldata = encode_call(IPolicy::listCall::SELECTOR, &[product]);
        ext::delegate(self.vm(), program, &calldata).map_err(Revert::raw)?;
        self.book.route(product).ok_or_else(|| error!(InvalidReturnData, program))
    }

    /// Closes a policy for good if its last filing has passed, and says whether it has.
    fn end(&mut self, risk: Address, clock: U256, policy: U256, token: Token) -> Result<bool> {
        let terms = self.book.terms(policy);
        let deadline = U256::from(terms.deadline());
        if clock <= deadline {
            return Ok(false);
        }
        self.book.set_policy(policy, token.with(EXPIRED));
        emit!(self.vm(), IPolicy::PolicyExpired, [policy], []);
        emit!(self.vm(), MetadataUpdate, [], [policy]);
        if token.has(FILED) {
            let amounts = self.book.amounts(policy);
            let (product, subject) = (token.product(), self.book.subject(token).word());
            let cover = terms.cover(amounts.amount())?;
            let words = [product, subject, cover, deadline, true.word(), amounts.confirmed()];
            tell(self.vm(), risk, IRisk::releaseCall::SELECTOR, &words)?;
        }
        Ok(true)
    }

    fn claims_clock(&self, risk: Address) -> Result<U256> {
        ask(self.vm(), risk, IRisk::claimsClockCall::SELECTOR, &[])?.word(0)
    }

    fn send(&mut self, from: Address, to: Address, id: U256, data: &[u8]) -> Result<()> {
        let lock = Lock::take()?;
        self.book.transfer(from, to, id)?;
        self.book.token.check_received(from, to, id, data)?;
        lock.release();
        Ok(())
    }

    fn log_split(&self, id: U256, split: &Split, referrer: Address) {
        let parts = [split.net, split.treasury, split.jury, split.referral];
        emit!(self.vm(), IPolicy::PremiumSplit, [id, referrer], [parts[0], parts[1], parts[2], parts[3]]);
    }

    fn log_sale(&self, id: U256, sale: &Sale, payer: Address, split: &Split, referrer: Address, entry: &[u8]) {
        let topics = [IPolicy::PolicyBought::SIGNATURE_HASH, id.into(), sale.product.into(), sale.subject];
        let words = [
            payer.word(),
            sale.insured.word(),
            sale.position.word(),
            sale.amount,
            split.gross,
            U256::from(sale.terms.start()),
            U256::from(sale.terms.end()),
            U256::from(sale.terms.deadline()),
        ];
        log_bytes(self.vm(), &topics, &words, entry);
        self.log_split(id, split, referrer);
    }
}

/// The referrer, who is none of those who have the cover or pay for it; zero where there is none.
fn referrer_of(referrer: Address, buyers: [Address; 4]) -> Address {
    if buyers.contains(&referrer) { Address::ZERO } else { referrer }
}

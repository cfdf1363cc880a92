//! The second program: quotes and views, metadata, approvals, administration.

use alloc::{vec, vec::Vec};
use core::ops::RangeInclusive;

use actuary::math::add;
use alloy_primitives::{Address, B256, FixedBytes, U256};
use alloy_sol_types::SolCall;
use protocol::{
    Result, Word,
    abi::{
        AlreadyWired, ICertificate, IERC165,
        IERC721::{self, BatchMetadataUpdate},
        IOwned, IPolicy, IRisk, ITrigger, IVarianceSource, IVault, ParameterOutOfBounds, PauseSet,
    },
    call::{ask, require_code, tell, try_ask},
    emit, error, routes,
};
use standards::{
    dispatch::Encoded,
    encoder::Encoder,
    erc165::{self, ERC721, ERC721_METADATA, ERC4906},
    errors::InvalidReturnData,
};
use stylus_sdk::{
    prelude::*,
    stylus_core::host::{BlockAccess, MessageAccess},
};

use crate::{
    book::{Book, Keeper, within},
    order,
    record::{CANCELLED, EXPIRED, FILED, LOCKED},
    split::{Shares, name},
};

/// The kind of pause that this contract has, in `IPausable`'s count.
const PURCHASES: u8 = 1;
/// The most that is kept of a refund, basis points.
const MOST_SHORT_RATE: u16 = 2_000;

/// `IRisk.Status`: policies are sold.
const ON_SALE: u64 = 1;
/// Where in `IRisk.Terms` is what a page shows: waiting, grace, least and longest term, least and largest amount,
/// deductible, jury, hash of the wording.
const SHOWN: [usize; 9] = [15, 16, 17, 18, 19, 20, 24, 25, 26];

/// The contract's second program, run by the first one on the first one's storage.
#[cfg_attr(feature = "ext", entrypoint)]
#[storage]
pub struct PolicyExt {
    book: Book,
}

#[cfg(not(feature = "ext"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for PolicyExt {}

routes! {
    PolicyExt;
    IPolicy::quoteCall => quote(product, subject, insured, position, amount, term);
    IPolicy::listCall => list(product);
    IPolicy::observeVarianceCall => observe_variance(product, subject);
    IPolicy::policyOfCall => policy_of(policy);
    IPolicy::policiesOfCall => policies_of(owner, cursor, n);
    IPolicy::productPageCall => product_page(cursor, n);
    IPolicy::capacityCall => capacity(product);
    IPolicy::policyCountCall => policy_count();
    IPolicy::totalSupplyCall => total_supply();
    IPolicy::coverOnCall => cover_on(product, subject, insured, position);
    IPolicy::sharesCall => shares();
    IPolicy::allowExtensionCall => allow_extension(policy, keeper, most_premium, until);
    IPolicy::noncesCall => nonces(insured);
    IPolicy::DOMAIN_SEPARATORCall => domain_separator();
    IPolicy::extensionAllowanceCall => extension_allowance(policy);
    IPolicy::shortRateCall => short_rate();
    IPolicy::pausedUntilCall => paused_until();
    IPolicy::peersCall => peers();
    IPolicy::extensionCall => extension();
    IERC721::nameCall => name();
    IERC721::symbolCall => symbol();
    IERC721::tokenURICall => token_uri(token_id);
    IERC721::getApprovedCall => get_approved(token_id);
    IERC721::isApprovedForAllCall => is_approved_for_all(owner, operator);
    IERC721::approveCall => approve(to, token_id);
    IERC721::setApprovalForAllCall => set_approval_for_all(operator, approved);
    IERC165::supportsInterfaceCall => supports_interface(interface_id);
    IPolicy::wireCall => wire(risk, assessor, certificate);
    IPolicy::setCertificateCall => set_certificate(certificate);
    IPolicy::setSharesCall => set_shares(treasury_bps, jury_bps, referral_bps);
    IPolicy::setShortRateCall => set_short_rate(bps);
    IPolicy::pausePurchasesCall => pause_purchases(duration, reason);
    IOwned::ownerCall => owner();
    IOwned::pendingOwnerCall => pending_owner();
    IOwned::transferOwnershipCall => transfer_ownership(new_owner);
    IOwned::acceptOwnershipCall => accept_ownership();
    IOwned::setupCall => setup();
    IOwned::finishSetupCall => finish_setup();
    IOwned::guardianCall => guardian();
    IOwned::setGuardianCall => set_guardian(new_guardian);
}

protocol::owned!(PolicyExt, book.roles);

impl PolicyExt {
    // ————————————————————————————————————————————————————————————————————————————————————————— policies: views

    /// What `buy` would take now: premium, net, pure, capital cost, load, rate, utilisation before and after,
    /// compensation ratio, deductible, waiting period, capital locked.
    pub fn quote(
        &self,
        product: U256,
        subject: B256,
        insured: Address,
        position: B256,
        amount: U256,
        term: U256,
    ) -> Result<[U256; 12]> {
        let risk = self.book.risk()?;
        let route = match self.book.route(product) {
            Some(route) => route,
            None => self.book.find_route(risk, product)?,
        };
        if !ask(self.vm(), route.trigger, ITrigger::healthyCall::SELECTOR, &[subject.word()])?.bool(0)? {
            return Err(error!(IPolicy::SubjectNotHealthy, subject));
        }
        let words = [subject.word(), insured.word(), position.word()];
        if let Some(entered) = try_ask(self.vm(), route.trigger, ITrigger::enterCall::SELECTOR, &words, 4) {
            let interest = self.book.interest(self.book.interest_key(route.number, subject, insured, position));
            let live = interest.amount(self.vm().block_timestamp());
            within(add(live, amount)?, entered.word(2)?)?;
        }
        let capital = self.book.capital(route.vault)?;
        let words = [product, subject.word(), amount, term, capital];
        let quote = ask(self.vm(), risk, IRisk::quoteCall::SELECTOR, &words)?;
        let mut answer = [U256::ZERO; 12];
        for (index, word) in answer[1..10].iter_mut().enumerate() {
            *word = quote.word(index)?;
        }
        answer[0] = self.book.shares().split(answer[1], false)?.gross;
        (answer[10], answer[11]) = (quote.word(10)?, quote.word(9)?);
        Ok(answer)
    }

    /// Asks a product's trigger for the variance of a subject and tells Risk. Anyone; `buy` and `extend` do it for
    /// impermanent loss before they ask for a price.
    pub fn observe_variance(&mut self, product: U256, subject: B256) -> Result<()> {
        let risk = self.book.risk()?;
        let route = match self.book.route(product) {
            Some(route) => route,
            None => self.book.find_route(risk, product)?,
        };
        let Some(told) =
            try_ask(self.vm(), route.trigger, IVarianceSource::varianceCall::SELECTOR, &[subject.word()], 2)
        else {
            return Err(error!(IRisk::VarianceUnknown, product, subject));
        };
        let words = [product, subject.word(), U256::from(told.u64(0)?), U256::from(told.u64(1)?.min(u32::MAX.into()))];
        tell(self.vm(), risk, IRisk::observeVarianceCall::SELECTOR, &words)?;
        Ok(())
    }

    /// Keeps a product's route as Risk, the vault and the asset tell it now; for ever. Anyone; `buy` does it at the
    /// first sale.
    pub fn list(&mut self, product: U256) -> Result<()> {
        let risk = self.book.risk()?;
        if self.book.route(product).is_some() {
            return Ok(());
        }
        let route = self.book.find_route(risk, product)?;
        let symbol = self.book.find_symbol(route.asset);
        self.book.set_route(product, &route, symbol)?;
        emit!(self.vm(), IPolicy::ProductListed, [product, route.trigger, route.vault], [route.asset]);
        Ok(())
    }

    /// All of a policy, as `IPolicy.Policy`.
    pub fn policy_of(&self, policy: U256) -> Result<[U256; 20]> {
        let token = self.book.policy(policy)?;
        let (amounts, terms) = (self.book.amounts(policy), self.book.terms(policy));
        let cover = terms.cover(amounts.amount())?;
        Ok([
            token.holder().word(),
            token.product(),
            self.book.subject(token).word(),
            self.book.insured(policy, token).word(),
            self.book.position(token).word(),
            amounts.amount(),
            amounts.confirmed(),
            actuary::math::sub(cover, amounts.confirmed())?,
            U256::from(terms.start()),
            U256::from(terms.end()),
            U256::from(terms.deadline()),
            U256::from(terms.ratio()),
            U256::from(terms.deductible()),
            terms.net(),
            U256::from(amounts.earning()),
            self.book.entry_hash(policy, token).word(),
            token.has(FILED).word(),
            token.has(LOCKED).word(),
            token.has(EXPIRED).word(),
            token.has(CANCELLED).word(),
        ])
    }

    /// Which of `n` policies from `cursor` on an account holds, and where to go on.
    pub fn policies_of(&self, owner: Address, cursor: U256, n: U256) -> Encoded {
        let (numbers, next) = page(cursor, n, self.book.count());
        let held: Vec<_> = numbers.map(U256::from).filter(|id| self.book.token.word(*id).address(0) == owner).collect();
        let mut encoder = Encoder::new(&[], 2);
        encoder.words(&held).word(next);
        Encoded(encoder.finish())
    }

    /// `n` products from `cursor` on, each as `IPolicy.ProductView`, and where to go on.
    pub fn product_page(&self, cursor: U256, n: U256) -> Result<Encoded> {
        let risk = self.book.risk()?;
        let count = ask(self.vm(), risk, IRisk::productCountCall::SELECTOR, &[])?.word(0)?;
        let (numbers, next) = page(cursor, n, count);
        let mut words = vec![U256::from(2 * 32), next, U256::ZERO]; // where the list is; next; its length
        for product in numbers.map(U256::from) {
            self.push_product(&mut words, risk, product)?;
            words[2] = words[2].wrapping_add(U256::ONE);
        }
        let mut encoder = Encoder::new(&[], words.len());
        for word in words {
            encoder.word(word);
        }
        Ok(Encoded(encoder.finish()))
    }

    /// Capital that a product locks, the most that it may lock now, and what a sale finds of it.
    pub fn capacity(&self, product: U256) -> Result<(U256, U256, U256)> {
        let risk = self.book.risk()?;
        let what = ask(self.vm(), risk, IRisk::productCall::SELECTOR, &[product])?;
        let capital = ask(self.vm(), what.address(0)?, IVault::capitalCall::SELECTOR, &[])?;
        let room = ask(self.vm(), risk, IRisk::capacityCall::SELECTOR, &[product, capital.word(0)?])?;
        let (locked, limit) = (room.word(0)?, room.word(1)?);
        let sold = what.u64(3)? == ON_SALE && !capital.bool(1)? && self.book.require_running().is_ok();
        let available = if sold { limit.saturating_sub(locked) } else { U256::ZERO };
        Ok((locked, limit, available))
    }

    /// Policies sold so far.
    pub fn policy_count(&self) -> U256 {
        self.book.count()
    }

    /// The same: certificates are never destroyed.
    pub fn total_supply(&self) -> U256 {
        self.book.count()
    }

    /// Live cover on an interest, and until when it counts.
    pub fn cover_on(&self, product: U256, subject: B256, insured: Address, position: B256) -> (U256, U256) {
        let Some(route) = self.book.route(product) else { return (U256::ZERO, U256::ZERO) };
        let interest = self.book.interest(self.book.interest_key(route.number, subject, insured, position));
        (interest.amount(self.vm().block_timestamp()), U256::from(interest.until()))
    }

    /// The shares of treasury and jury in a premium, and of a referrer in the treasury's.
    pub fn shares(&self) -> (u16, u16, u16) {
        let shares = self.book.shares();
        (shares.treasury, shares.jury, shares.referral)
    }

    /// Lets a keeper extend a policy at the holder's cost, until then; the zero address takes that back. Its holder.
    pub fn allow_extension(&mut self, policy: U256, keeper: Address, most_premium: U256, until: u64) -> Result<()> {
        let token = self.book.live(policy)?;
        let caller = self.vm().msg_sender();
        if caller != token.holder() {
            return Err(error!(IPolicy::NotHolder, caller, policy));
        }
        self.book.set_keeper(policy, token, Keeper { account: keeper, most: most_premium, until })?;
        emit!(self.vm(), IPolicy::ExtensionAllowed, [policy, keeper], [most_premium, until]);
        Ok(())
    }

    /// What the next consent of an insured must carry.
    pub fn nonces(&self, insured: Address) -> U256 {
        self.book.nonces.nonce(insured)
    }

    /// The separator of the domain in which an insured signs.
    pub fn domain_separator(&self) -> B256 {
        order::separator(self.vm())
    }

    /// Who may extend a policy at its holder's cost, for how much and until when.
    pub fn extension_allowance(&self, policy: U256) -> Result<(Address, U256, u64)> {
        let keeper = self.book.keeper(policy, self.book.policy(policy)?);
        Ok((keeper.account, keeper.most, keeper.until))
    }

    /// What is kept of a refund, basis points.
    pub fn short_rate(&self) -> u64 {
        self.book.short_rate()
    }

    /// When the pause of purchases ends; in the past where there is none.
    pub fn paused_until(&self) -> U256 {
        U256::from(self.book.paused_until())
    }

    /// Risk, Assessor and Certificate.
    pub fn peers(&self) -> (Address, Address, Address) {
        self.book.peers().into()
    }

    /// The second program.
    pub fn extension(&self) -> Address {
        self.book.extension.program()
    }

    // ———————————————————————————————————————————————————————————————————————————————————————————————— ERC-721

    /// The collection's name.
    pub fn name(&self) -> Encoded {
        string(b"Palisade Policy")
    }

    /// The collection's symbol.
    pub fn symbol(&self) -> Encoded {
        string(b"PLSD")
    }

    /// The certificate: JSON with a picture, as a data URI.
    pub fn token_uri(&self, token_id: U256) -> Result<Encoded> {
        let token = self.book.policy(token_id)?;
        let (amounts, terms) = (self.book.amounts(token_id), self.book.terms(token_id));
        let remaining = actuary::math::sub(terms.cover(amounts.amount())?, amounts.confirmed())?;
        let product = token.product();
        let [risk, _, certificate] = self.book.peers();
        let route = self.book.route_of(token)?;

        let now = self.vm().block_timestamp();
        let over = || -> Result<bool> {
            let clock = ask(self.vm(), risk, IRisk::claimsClockCall::SELECTOR, &[])?.word(0)?;
            Ok(clock > U256::from(terms.deadline()))
        };
        let state = if token.has(LOCKED) {
            State::ClaimOpen
        } else if token.has(CANCELLED) {
            State::Cancelled
        } else if token.has(EXPIRED) || over()? {
            State::Expired
        } else if remaining.is_zero() {
            State::UsedUp
        } else if now < terms.start() {
            State::Waiting
        } else if now <= terms.end() {
            State::InForce
        } else {
            State::InGrace
        };
        let face = [
            token_id,
            U256::from(route.cover),
            product,
            self.book.subject(token).word(),
            self.book.insured(token_id, token).word(),
            self.book.position(token).word(),
            amounts.amount(),
            remaining,
            U256::from(terms.start()),
            U256::from(terms.end()),
            U256::from(state as u8),
            U256::from(route.decimals),
            self.book.symbol(product).word(),
        ];
        let answer = ask(self.vm(), certificate, ICertificate::tokenURICall::SELECTOR, &face)?;
        let uri = answer.bytes(0)?;
        if core::str::from_utf8(uri).is_err() {
            return Err(error!(InvalidReturnData, certificate));
        }
        Ok(string(uri))
    }

    /// Who may move a policy beside its holder and his operators.
    pub fn get_approved(&self, token_id: U256) -> Result<Address> {
        self.book.token.get_approved(token_id)
    }

    /// Whether an account may move all policies of another one, and file claims for them.
    pub fn is_approved_for_all(&self, owner: Address, operator: Address) -> bool {
        self.book.token.is_approved_for_all(owner, operator)
    }

    /// Lets an account move one policy; it may not file claims for it.
    pub fn approve(&mut self, to: Address, token_id: U256) -> Result<()> {
        self.book.token.approve(to, token_id)
    }

    /// Lets an account move all of the caller's policies and file claims for them, or no longer.
    pub fn set_approval_for_all(&mut self, operator: Address, approved: bool) -> Result<()> {
        self.book.token.set_approval_for_all(operator, approved)
    }

    /// ERC-165.
    pub fn supports_interface(&self, interface_id: FixedBytes<4>) -> bool {
        erc165::supports(interface_id.0, &[ERC721, ERC721_METADATA, ERC4906])
    }

    // ————————————————————————————————————————————————————————————————————————————————————————— administration

    /// Sets the peers, once.
    pub fn wire(&mut self, risk: Address, assessor: Address, certificate: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        if !self.book.peers()[0].is_zero() {
            return Err(error!(AlreadyWired));
        }
        self.set_peers([risk, assessor, certificate])
    }

    /// Replaces the renderer of certificates.
    pub fn set_certificate(&mut self, certificate: Address) -> Result<()> {
        self.book.roles.only_owner()?;
        self.book.risk()?; // wired
        let [risk, assessor, _] = self.book.peers();
        self.set_peers([risk, assessor, certificate])?;
        emit!(self.vm(), BatchMetadataUpdate, [], [U256::ZERO, U256::MAX]);
        Ok(())
    }

    /// Sets the shares in a premium, for sales from now on.
    pub fn set_shares(&mut self, treasury_bps: u16, jury_bps: u16, referral_bps: u16) -> Result<()> {
        self.book.roles.only_owner()?;
        let shares = Shares { treasury: treasury_bps, jury: jury_bps, referral: referral_bps };
        shares.check()?;
        self.book.set_shares(shares);
        emit!(self.vm(), IPolicy::SharesSet, [], [treasury_bps, jury_bps, referral_bps]);
        Ok(())
    }

    /// Sets what is kept of a refund, for cancellations from now on.
    pub fn set_short_rate(&mut self, bps: u16) -> Result<()> {
        self.book.roles.only_owner()?;
        if bps > MOST_SHORT_RATE {
            return Err(error!(ParameterOutOfBounds, name(b"shortRateBps"), bps));
        }
        self.book.set_short_rate(bps);
        emit!(self.vm(), IPolicy::ShortRateSet, [], [bps]);
        Ok(())
    }

    /// Pauses purchases for `duration` seconds; 0 ends a pause. Guardian or owner.
    pub fn pause_purchases(&mut self, duration: u64, reason: B256) -> Result<()> {
        self.book.roles.only_guardian()?;
        let by = self.vm().msg_sender();
        let until = self.book.pause(duration, by == self.book.roles.owner())?;
        emit!(self.vm(), PauseSet, [PURCHASES, by], [until, reason]);
        Ok(())
    }
}

/// A policy's state, as `ICertificate.Face` counts them.
#[derive(Clone, Copy)]
enum State {
    Waiting,
    InForce,
    InGrace,
    ClaimOpen,
    UsedUp,
    Expired,
    Cancelled,
}

impl PolicyExt {
    /// Appends the words of a product's `IPolicy.ProductView`.
    fn push_product(&self, words: &mut Vec<U256>, risk: Address, product: U256) -> Result<()> {
        let what = ask(self.vm(), risk, IRisk::productCall::SELECTOR, &[product])?;
        let terms = ask(self.vm(), risk, IRisk::termsCall::SELECTOR, &[product])?;
        let (asset, decimals, symbol) = match self.book.route(product) {
            Some(route) => (route.asset, route.decimals, self.book.symbol(product)),
            None => match self.book.find_route(risk, product) {
                Ok(route) => (route.asset, route.decimals, self.book.find_symbol(route.asset)),
                Err(_) => Default::default(),
            },
        };
        let [vault, trigger, cover, status, family, latest] = [0, 1, 2, 3, 4, 5];
        words.extend([product, what.word(vault)?, what.word(trigger)?]);
        words.extend([asset.word(), U256::from(decimals), symbol.word()]);
        for index in [cover, status, family, latest] {
            words.push(what.word(index)?);
        }
        for index in SHOWN {
            words.push(terms.word(index)?);
        }
        Ok(())
    }

    fn set_peers(&mut self, peers: [Address; 3]) -> Result<()> {
        for peer in peers {
            require_code(self.vm(), peer)?;
        }
        self.book.set_peers(peers);
        emit!(self.vm(), IPolicy::PeersSet, [peers[0], peers[1], peers[2]], []);
        Ok(())
    }
}

/// A `string` as an answer.
fn string(text: &[u8]) -> Encoded {
    let mut encoder = Encoder::new(&[], 1);
    encoder.bytes(text);
    Encoded(encoder.finish())
}

/// The numbers of a page: `n` of 1 to `count` from `cursor` on, where 0 is the first too; and where the next page
/// begins, 0 where there is none.
fn page(cursor: U256, n: U256, count: U256) -> (RangeInclusive<u64>, U256) {
    let count = u64::try_from(count).unwrap_or(u64::MAX - 1);
    let first = u64::try_from(cursor).unwrap_or(u64::MAX).max(1);
    let last = first.saturating_add(u64::try_from(n).unwrap_or(u64::MAX)).saturating_sub(1).min(count);
    let next = if last < count && first <= count { last.wrapping_add(1) } else { 0 };
    (first..=last, U256::from(next))
}

//! The third program: what claims end with that were kept waiting, historical losses, evidence on the level of cover
//! types, risk keys, and where wordings are.
//!
//! Products of one cover type in vaults of one asset learn from each other. The type has losses and an exposure of its
//! own, kept as those of a family are, and what they say is the prior rate of its products. Nothing of this is written
//! or read by a sale, a claim or a release: a family's evidence is all there is to know of it, so [`sync`] tells the
//! type what the family has seen since it was last told, and writes the type's estimate beside the product, into a word
//! that a sale reads anyway. Anyone may call it: underwriters after a loss, buyers after a quiet time.
//!
//! [`sync`]: RiskMore::sync_cover_type
//!
//! A type's id is the hash of its asset's key and its number. Under that id are the words of a family (losses and
//! exposure without cover, records), and those of a product that hold prior, credibility, half-life and loss cap.

use alloc::vec::Vec;

use actuary::math::mul;
use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolEvent;
use protocol::{
    Result,
    abi::{IRisk, ParameterOutOfBounds},
    emit, error, routes,
};
use standards::{
    abi::{log_bytes, to_bytes},
    dispatch::{Encoded, Words},
    encoder::Encoder,
    packed::Packed,
};
use stylus_sdk::{prelude::*, stylus_core::host::BlockAccess};

use crate::{
    book::{Book, MOST_WEEKS, Route, amount},
    family::Family,
    line::Suspended,
    terms::{RATE_UNIT, Terms, field, name, refused},
};

/// Types of cover, as `IRisk.Cover` counts them.
const COVERS: u8 = 6;

/// The most families that one call brings up to date.
const MOST_SYNCED: usize = 32;

/// The most bytes of a wording's address.
const LONGEST_URI: usize = 256;

/// The contract's third program, run by the second one on the first one's storage.
#[cfg_attr(feature = "more", entrypoint)]
#[storage]
pub struct RiskMore {
    book: Book,
}

#[cfg(not(feature = "more"))]
// SAFETY: the type is what `entrypoint` would make it: the whole storage of a contract, from slot 0.
unsafe impl TopLevelStorage for RiskMore {}

routes! {
    RiskMore;
    IRisk::decideClaimCall => decide_claim(product, subject, code, held, paid);
    IRisk::setCoverTypeCall => set_cover_type(asset_key, cover, prior_rate, credibility, half_life, loss_cap);
    IRisk::syncCoverTypeCall => sync_cover_type(families);
    IRisk::coverTypeCall => cover_type(asset_key, cover);
    IRisk::priorCall => prior(product);
    IRisk::seedLossCall => seed_loss(family, at, loss, exposure);
    IRisk::seedCountCall => seed_count(family);
    IRisk::seedCall => seed(family, index);
    IRisk::varianceCall => variance(product, subject);
    IRisk::exposureOfCall => exposure_of(vault, risk_key);
    IRisk::groupOfCall => group_of(risk_key);
    IRisk::recountCall => recount(vault);
    IRisk::setTermsURICall => set_terms_uri(product, uri);
    IRisk::termsURICall => terms_uri(product);
    IRisk::secondExtensionCall => second_extension();
}

impl RiskMore {
    /// Ends what `reserve_claim` began. Answers with the vault's reserve before and after what is paid.
    pub fn decide_claim(
        &mut self,
        product: U256,
        subject: B256,
        code: u64,
        held: U256,
        paid: U256,
    ) -> Result<(U256, U256)> {
        self.book.only_assessor()?;
        let mut open = self.book.open(product, subject, MOST_WEEKS, true)?;
        let (held, paid) = (amount(held)?, amount(paid)?);
        let back = held.checked_sub(paid).ok_or(actuary::Overflow)?;
        let suspended = Suspended::from_code(code);
        open.line.decide(suspended, back)?;
        // under its own incidents V has it already
        let counted = if open.line.still_counts(suspended) { open.line.confirmed.saturating_sub(paid) } else { 0 };
        let family = self.book.learn(&open, counted, counted + paid)?;
        self.book.close(&open, family, None)?;
        let reserve = U256::from(self.book.reserve_beside(open.route.vault, held, suspended.is_proven(), true)?);
        emit!(self.vm(), IRisk::ClaimDecided, [product, subject], [held, paid]);
        Ok((actuary::math::add(reserve, U256::from(paid))?, reserve))
    }

    /// Sets what is believed of a cover type before evidence, how much that weighs, in what time evidence is half
    /// forgotten, and the most that one historical loss counts. Evidence that is there stays.
    pub fn set_cover_type(
        &mut self,
        asset_key: B256,
        cover: u8,
        prior_rate: u64,
        credibility: u128,
        half_life: u32,
        loss_cap: u128,
    ) -> Result<()> {
        self.book.roles.only_owner()?;
        if cover >= COVERS {
            return Err(out_of_bounds("cover", U256::from(cover)));
        }
        if prior_rate == 0 {
            return Err(refused(field::PRIOR_RATE, U256::ZERO));
        }
        let id = self.book.cover_type(asset_key, u64::from(cover));
        let known = !self.book.evidence(id).0[2].0.is_zero();
        let terms = Terms::default()
            .with(field::PRIOR_RATE, U256::from(prior_rate))?
            .with(field::MAX_RATE, mul(U256::from(RATE_UNIT), U256::from(RATE_UNIT))?)?
            .with(field::CREDIBILITY, U256::from(credibility))?
            .with(field::HALF_LIFE, U256::from(half_life))?
            .with(field::LOSS_CAP, U256::from(loss_cap))?;
        let mut evidence =
            if known { self.book.family(id)? } else { Family::new(self.vm().block_timestamp(), &terms)? };
        evidence.adopt(&terms)?;
        self.book.set_family(id, &evidence)?;
        let mut words = self.book.products.setter(id);
        words.evidence.set(terms.0[2].0);
        words.memory.set(terms.0[3].0);
        drop(words);
        emit!(
            self.vm(),
            IRisk::CoverTypeSet,
            [asset_key, cover, id],
            [U256::from(prior_rate), U256::from(credibility), U256::from(half_life), U256::from(loss_cap)]
        );
        Ok(())
    }

    /// Tells the cover types of these families what the families have seen since they were last synced, and then
    /// takes each type's estimate for the prior of each family's newest version. A rate in force rises at once, and
    /// falls from where it was by at most 25 % a day. Anyone; at most 32 families.
    pub fn sync_cover_type(&mut self, families: Words<'_>) -> Result<()> {
        if families.len() > MOST_SYNCED {
            return Err(out_of_bounds("families", U256::from(families.len())));
        }
        for id in families {
            let (_, route) = self.newest(id)?;
            let asset_key = self.book.vaults.getter(route.vault).asset_key.get();
            let type_id = self.book.cover_type(asset_key, route.cover);
            if self.book.evidence(type_id).0[2].0.is_zero() {
                return Err(error!(IRisk::UnknownCoverType, asset_key, route.cover));
            }
            let (family, mut whole) = (self.book.family(id)?, self.book.family(type_id)?);
            let mut words = self.book.families.setter(id);
            let word = family.tell(Packed(words.told.get()), &mut whole)?;
            words.told.set(word.0);
            drop(words);
            self.book.set_family(type_id, &whole)?;
        }
        for id in families {
            let (product, route) = self.newest(id)?;
            let prior = self.book.cover_type_prior(route.vault, route.cover)?;
            let terms = self.book.evidence(product);
            if prior == terms.type_prior() {
                continue;
            }
            // The last rate in force is where the new one falls from.
            let mut family = self.book.family(id)?;
            let rate = family.rate(&terms.believed())?;
            family.set_rate(rate)?;
            self.book.set_family(id, &family)?;
            self.book.products.setter(product).evidence.set(terms.with_type_prior(prior).0[2].0);
            emit!(self.vm(), IRisk::PriorSet, [product], [U256::from(prior * RATE_UNIT)]);
        }
        Ok(())
    }

    /// A cover type: its id, prior, credibility, half-life and loss cap, and its evidence: losses and exposure (asset
    /// times years) as they count now, and the rate that follows.
    pub fn cover_type(&self, asset_key: B256, cover: u8) -> Result<[U256; 8]> {
        let id = self.book.cover_type(asset_key, u64::from(cover));
        let terms = self.book.all_terms(id);
        if terms.0[2].0.is_zero() {
            return Err(error!(IRisk::UnknownCoverType, asset_key, cover));
        }
        let evidence = self.book.family(id)?;
        Ok([
            id,
            terms.get(field::PRIOR_RATE),
            terms.get(field::CREDIBILITY),
            terms.get(field::HALF_LIFE),
            terms.get(field::LOSS_CAP),
            U256::from(evidence.losses_now()?),
            evidence.exposure_now()?,
            mul(evidence.estimate(&terms)?, U256::from(RATE_UNIT))?,
        ])
    }

    /// What is believed of a product before evidence of its own: its terms' prior rate, or its cover type's estimate
    /// as it was last taken over.
    pub fn prior(&self, product: U256) -> Result<U256> {
        self.book.route(product)?;
        Ok(self.book.evidence(product).believed().get(field::PRIOR_RATE))
    }

    /// Enters a historical loss of a family or a cover type, and the exposure that it stood on, at its date.
    pub fn seed_loss(&mut self, family: U256, at: u64, loss: U256, exposure: U256) -> Result<()> {
        self.book.roles.only_owner()?;
        let is_type = family.bit_len() > 16 && !self.book.evidence(family).0[2].0.is_zero();
        let terms = if is_type {
            self.book.evidence(family)
        } else {
            let (product, _) = self.newest(family)?;
            self.book.evidence(product).believed()
        };
        let now = self.vm().block_timestamp();
        if at > now {
            return Err(out_of_bounds("at", U256::from(at)));
        }
        let (loss, exposure) = (amount(loss)?, amount(exposure)?);
        let counted = loss.min(amount(terms.get(field::LOSS_CAP))?);
        let mut evidence = self.book.family(family)?;
        if is_type {
            // no rate is in force for a type: those of its products have their own
            let counted = evidence.record(counted, exposure, now - at)?;
            let rate = mul(evidence.estimate(&terms)?, U256::from(RATE_UNIT))?;
            emit!(self.vm(), IRisk::LossRecorded, [family], [counted, at, rate]);
        } else {
            self.book.record(family, &mut evidence, &terms, counted, exposure, now - at)?;
        }
        self.book.set_family(family, &evidence)?;
        let mut words = self.book.families.setter(family);
        let versions = Packed(words.versions.get());
        let index = versions.u64(16, 32);
        let seed = Packed::default().with_u64(0, 40, at).with_u128(40, 96, loss).with_u128(136, 96, exposure);
        words.seeds.setter(U256::from(index)).set(seed.0);
        words.versions.set(versions.with_u64(16, 32, index + 1).0);
        Ok(())
    }

    /// How many historical losses a family or a cover type was given.
    pub fn seed_count(&self, family: U256) -> U256 {
        Packed(self.book.families.getter(family).versions.get()).get(16, 32)
    }

    /// A historical loss as it was entered, as `IRisk.Seed`.
    pub fn seed(&self, family: U256, index: U256) -> (u64, u128, u128) {
        let seed = Packed(self.book.families.getter(family).seeds.get(index));
        (seed.u64(0, 40), seed.u128(40, 96), seed.u128(136, 96))
    }

    /// What was last observed of a line's pair: variance (WAD a year), range factor, when, and the loss rate that
    /// follows; zeros for nothing.
    pub fn variance(&self, product: U256, subject: B256) -> [U256; 4] {
        let word = Packed(self.book.variance(product, subject));
        [word.get(64, 64), word.get(128, 32), word.get(160, 32), word.get(0, 64)]
    }

    /// Worst payout on a risk key in a vault, less what the reserve holds.
    pub fn exposure_of(&self, vault: Address, risk_key: B256) -> U256 {
        let number = Packed(self.book.keys.get(risk_key)).get(0, 16);
        Packed(self.book.vaults.getter(vault).keys.get(number)).get(0, 96)
    }

    /// A risk key's group and how it is correlated.
    pub fn group_of(&self, risk_key: B256) -> Result<(u32, u16)> {
        let key = Packed(self.book.keys.get(risk_key));
        if key.u64(0, 16) == 0 {
            return Err(error!(IRisk::UnknownRiskKey, risk_key));
        }
        let group = key.u64(16, 32);
        Ok((group as u32, Packed(self.book.groups.get(U256::from(group))).u64(0, 14) as u16))
    }

    /// Finds the largest risk key of a vault again. Anyone.
    pub fn recount(&mut self, vault: Address) -> Result<()> {
        self.book.require_vault(vault)?;
        let mut words = self.book.vaults.setter(vault);
        let mut largest = U256::ZERO;
        for index in 0..words.key_list.len() {
            let number = words.key_list.get(index).unwrap_or_default();
            largest = largest.max(Packed(words.keys.get(U256::from(number))).get(0, 96));
        }
        let requirement = Packed(words.requirement.get()).with(160, 96, largest);
        words.requirement.set(requirement.0);
        Ok(())
    }

    /// Tells where the wording of a version is, whose hash is in its terms; only before it is put on sale.
    pub fn set_terms_uri(&mut self, product: U256, uri: &[u8]) -> Result<()> {
        self.book.roles.only_owner()?;
        if self.book.route(product)?.status != 0 {
            return Err(error!(IRisk::TermsFixed, product));
        }
        if uri.len() > LONGEST_URI {
            return Err(out_of_bounds("termsURI", U256::from(uri.len())));
        }
        let mut words = self.book.products.setter(product);
        words.uri_length.set(U256::from(uri.len()));
        for (index, chunk) in uri.chunks(32).enumerate() {
            words.uri.setter(U256::from(index)).set(B256::right_padding_from(chunk));
        }
        drop(words);
        let topics = [IRisk::TermsURISet::SIGNATURE_HASH, B256::new(to_bytes(product))];
        log_bytes(self.vm(), &topics, &[], uri);
        Ok(())
    }

    /// Where the wording of a version is; empty where nobody told.
    pub fn terms_uri(&self, product: U256) -> Result<Encoded> {
        self.book.route(product)?;
        let words = self.book.products.getter(product);
        let length = Packed(words.uri_length.get()).u64(0, 64) as usize;
        let mut uri = Vec::with_capacity(LONGEST_URI);
        for index in 0..length.div_ceil(32) {
            uri.extend_from_slice(words.uri.get(U256::from(index)).as_slice());
        }
        uri.truncate(length);
        let mut encoder = Encoder::new(&[], 1);
        encoder.bytes(&uri);
        Ok(Encoded(encoder.finish()))
    }

    /// This program.
    pub fn second_extension(&self) -> Address {
        self.book.second_extension.program()
    }

    /// A family's newest version.
    fn newest(&self, family: U256) -> Result<(U256, Route)> {
        let product = Packed(self.book.families.getter(family).versions.get()).get(0, 16);
        Ok((product, self.book.route(product)?))
    }
}

fn out_of_bounds(parameter: &str, value: U256) -> protocol::Revert {
    error!(ParameterOutOfBounds, name(parameter), value)
}

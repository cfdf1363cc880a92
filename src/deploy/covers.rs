//! Products of every cover type: their terms, and what the DAO does to offer one that a deployment does not begin with.

use std::sync::Arc;

use ethers::{
    types::{Address, Bytes, U256},
    utils::keccak256,
};

use super::{
    Deployment, Profile,
    deployer::Result,
    history,
    plan::{ASSET_KEY, DEPEG, ON_SALE, cover_type, word},
    profile::usd,
};
use crate::{
    bindings::risk::{Limits, Pricing, Terms},
    chain::Client,
};

/// Cover types, as `IRisk.Cover` numbers them; [`DEPEG`] is the sixth.
pub const EXPLOIT: u8 = 0;
/// See [`EXPLOIT`].
pub const IMPERMANENT_LOSS: u8 = crate::claims::IMPERMANENT_LOSS;
/// See [`EXPLOIT`].
pub const DEFAULT: u8 = 2;
/// See [`EXPLOIT`].
pub const ORACLE: u8 = 3;
/// See [`EXPLOIT`].
pub const BRIDGE: u8 = 4;

/// Most actions that the governor takes in one proposal.
pub const MOST_ACTIONS: usize = 10;

/// 100 % a year.
const WAD: u64 = 1_000_000_000_000_000_000;

/// The prior rate of impermanent loss: what variance says is scaled by the rate in force over this.
const VARIANCE_PRIOR: u64 = WAD / 100;

/// What differs between the cover types.
struct Kind {
    /// The correlation group of what is covered, and how its keys hang together.
    group: (u32, u16),
    /// Most of a vault's capital that the product locks.
    capacity_bps: u16,
    /// Most of a subject's size that is covered.
    subject_bps: u16,
    deductible_bps: u16,
    jury: bool,
    wording: &'static str,
}

/// # Panics
/// For what is no cover type.
fn kind(cover: u8) -> Kind {
    let kind = |group, capacity_bps, subject_bps, deductible_bps, jury, wording| Kind {
        group,
        capacity_bps,
        subject_bps,
        deductible_bps,
        jury,
        wording,
    };
    match cover {
        EXPLOIT => kind((2, 2_500), 3_000, 5_000, 200, true, "Palisade exploit cover, first wording"),
        // fees net small losses, and the trigger's mathematics leave a jury nothing to judge
        IMPERMANENT_LOSS => {
            kind((5, 5_000), 2_000, 5_000, 100, false, "Palisade impermanent loss cover, first wording")
        }
        DEFAULT => kind((2, 2_500), 3_000, 5_000, 200, true, "Palisade lender cover, first wording"),
        // what is beyond the deviation is the loss: a deductible would count it twice
        ORACLE => kind((4, 5_000), 2_000, 5_000, 0, true, "Palisade oracle cover, first wording"),
        BRIDGE => kind((3, 2_500), 3_000, 5_000, 200, true, "Palisade bridge cover, first wording"),
        DEPEG => kind((1, 5_000), 5_000, 10_000, 200, false, "Palisade depeg cover, first wording"),
        other => panic!("there is no cover type {other}"),
    }
}

/// The rate that is believed of a cover type before any evidence.
///
/// # Panics
/// For what is no cover type.
pub(super) fn prior(cover: u8) -> u64 {
    if cover == IMPERMANENT_LOSS { VARIANCE_PRIOR } else { history::prior(cover) }
}

/// A product's terms. Prior, credibility, half-life and loss cap are those of the history that its cover type begins with
/// (docs/pricing.md).
///
/// # Panics
/// For what is no cover type.
#[must_use]
pub fn terms(cover: u8, profile: &Profile) -> Terms {
    let kind = kind(cover);
    Terms {
        pricing: Pricing {
            prior_rate: prior(cover),
            min_rate: WAD / 1_000,
            max_rate: WAD / 5,
            credibility: history::credibility(),
            half_life: actuary::history::HALF_LIFE as u32,
            margin_bps: 12_000,
            cost_of_capital: WAD / 100 * 6,
            kink_bps: 8_000,
            kink_rate: WAD / 100 * 2,
            full_rate: WAD / 100 * 30,
            min_premium: usd(1).as_u128(),
            loss_cap: history::loss_cap(),
        },
        limits: Limits {
            capital_factor_bps: 10_000,
            capacity_bps: kind.capacity_bps,
            subject_bps: kind.subject_bps,
            waiting: profile.waiting as u32,
            grace: profile.grace as u32,
            min_term: profile.terms.0 as u32,
            max_term: profile.terms.1 as u32,
            min_amount: usd(100).as_u128(),
            max_amount: usd(2_000_000).as_u128(),
            coinsurance_base_bps: 1_000,
            coinsurance_slope_bps: 20_000,
            coinsurance_max_bps: 3_000,
            deductible_bps: kind.deductible_bps,
            jury: kind.jury,
            terms_hash: keccak256(kind.wording),
        },
    }
}

/// A product on one subject that is to be offered.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The cover type.
    pub cover: u8,
    /// The subject.
    pub subject: [u8; 32],
    /// What stands behind it and fails as one.
    pub risk_key: [u8; 32],
    /// Who says whether a loss happened.
    pub trigger: Address,
    /// The trigger's `register` of the subject.
    pub register: Bytes,
}

/// What the DAO has to do for an [`Offer`].
#[derive(Clone, Debug)]
pub struct Offered {
    /// The id that the product gets, if no other one is added before.
    pub product: U256,
    /// Calls for the timelock, in order; each list is one proposal.
    pub motions: Vec<Vec<(Address, Bytes)>>,
}

/// What the DAO has to do to sell a cover: to enter what others lost before, where nothing is believed of the cover type
/// yet, and to register the subject, add the product and put it on sale.
///
/// # Errors
/// RPC errors.
///
/// # Panics
/// For what is no cover type.
pub async fn offer(deployment: &Deployment, client: &Arc<Client>, profile: &Profile, offer: &Offer) -> Result<Offered> {
    let (chain, risk) = (&deployment.chain, deployment.risk(client));
    let cover = offer.cover;
    let believed = match chain.read("reading a cover type", risk.cover_type(word(ASSET_KEY), cover)).await {
        Ok(_) => true,
        Err(error) if error.refusal().is_some_and(|refusal| refusal.starts_with("UnknownCoverType")) => false,
        Err(error) => return Err(error.into()),
    };
    let mut motions = Vec::new();
    if !believed {
        let now = chain.now().await?;
        let mut beliefs = vec![super::plan::believed(&risk, cover).calldata()];
        beliefs.extend(history::records(cover, now).into_iter().map(|record| {
            risk.seed_loss(cover_type(cover), record.at, record.loss.into(), record.exposure.into()).calldata()
        }));
        let calls: Vec<_> = beliefs.into_iter().map(|call| (risk.address(), call.expect("a call has data"))).collect();
        motions.extend(calls.chunks(MOST_ACTIONS).map(<[_]>::to_vec));
    }
    let product = chain.read("counting the products", risk.product_count()).await? + 1;
    let (group, correlation) = kind(cover).group;
    let vault = deployment.address("vault");
    let calls = [
        risk.set_group(group, correlation).calldata(),
        risk.set_risk_key(offer.risk_key, group).calldata(),
        risk.add_product(vault, offer.trigger, cover, terms(cover, profile)).calldata(),
        risk.list_subject(product, offer.subject, offer.risk_key).calldata(),
        risk.set_status(product, ON_SALE).calldata(),
    ];
    let mut actions = vec![(offer.trigger, offer.register.clone())];
    actions.extend(calls.into_iter().map(|call| (risk.address(), call.expect("a call has data"))));
    motions.push(actions);
    Ok(Offered { product, motions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cover_type_has_terms_that_follow_its_history() {
        for cover in 0..=DEPEG {
            let Terms { pricing, limits } = terms(cover, &Profile::standard());
            assert!((pricing.min_rate..=pricing.max_rate).contains(&pricing.prior_rate));
            assert!(pricing.prior_rate % 1_000_000_000 == 0, "rates are kept to nine digits");
            assert_eq!(limits.terms_hash, keccak256(kind(cover).wording));
        }
        let hashes: std::collections::BTreeSet<_> = (0..=DEPEG).map(|cover| keccak256(kind(cover).wording)).collect();
        assert_eq!(hashes.len(), 6);
    }

    #[test]
    fn what_is_believed_of_a_cover_type_fits_one_proposal() {
        for cover in 0..=DEPEG {
            assert!(history::records(cover, u64::MAX).len() < MOST_ACTIONS);
        }
    }
}

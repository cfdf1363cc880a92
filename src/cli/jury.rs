//! `palisade jury`: what a juror does. A vote is sealed first and shown later, so what was sealed is kept in a file beside
//! the deployment's until then.

use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::{Args, Subcommand};
use ethers::{types::H256, utils::keccak256};
use eyre::{Result, WrapErr, bail, eyre};
use serde::{Deserialize, Serialize};

use super::session::{Consent, Place, Session, Unit};
use crate::{
    bindings::jury::{Case, VoteSettledFilter},
    report::utc,
    story::event,
    whole,
};

/// `IJury.Outcome`: award, denied.
const AWARD: u8 = 1;
const DENY: u8 = 2;

/// `IJury.Phase` in words.
const PHASES: [&str; 6] =
    ["unknown", "sealing votes", "showing votes", "open for an appeal", "before governance", "over"];

/// What a juror does.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Stake votes: they weigh in cases whose claim was filed a while later.
    Stake {
        /// How much PALI.
        amount: String,
    },
    /// Ask for staked votes back; without an amount, take those that are ready.
    Unstake {
        /// How much PALI.
        amount: Option<String>,
    },
    /// Show a case.
    Case {
        /// The case's number.
        case: u64,
    },
    /// Seal a vote in a case.
    Commit {
        /// The case's number.
        case: u64,
        /// Award so many percent of what is claimed.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u16).range(1..=100))]
        award: Option<u16>,
        /// Deny the claim.
        #[arg(long, conflicts_with = "award")]
        deny: bool,
        /// Why; its hash is shown with the vote.
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Show the vote that was sealed.
    Reveal {
        /// The case's number.
        case: u64,
    },
    /// Take what a vote in a case that is over has earned, or bear what it lost.
    Claim {
        /// The case's number.
        case: u64,
    },
}

/// A vote that is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sealed {
    choice: u8,
    share_bps: u16,
    reason: H256,
    salt: H256,
}

/// Sealed votes by juror, case and round.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Drawer {
    votes: BTreeMap<String, Sealed>,
    #[serde(skip)]
    path: PathBuf,
}

impl Drawer {
    fn open(session: &Session) -> Result<Self> {
        let path = session.deployment.ledger.path().with_extension("votes.json");
        let drawer = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).wrap_err_with(|| format!("{} holds no votes", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).wrap_err_with(|| path.display().to_string()),
        };
        Ok(Self { path, ..drawer })
    }

    fn key(session: &Session, id: u64, round: u8) -> String {
        format!("{:?}/{id}/{round}", session.me())
    }

    fn save(&self) -> Result<()> {
        whole::write(&self.path, &serde_json::to_vec_pretty(self)?).wrap_err_with(|| self.path.display().to_string())
    }
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let Options { what, consent, place } = options;
    let session = Session::signer(&place).await?;
    match what {
        What::Stake { amount } => stake(&session, consent, &amount).await,
        What::Unstake { amount } => unstake(&session, amount.as_deref()).await,
        What::Case { case } => show(&session, case).await,
        What::Commit { case, award, deny, reason } => {
            let (choice, share_bps) = match (award, deny) {
                (Some(percent), false) => (AWARD, percent * 100),
                (None, true) => (DENY, 0),
                _ => bail!("give --award PERCENT or --deny"),
            };
            commit(&session, consent, case, choice, share_bps, &reason).await
        }
        What::Reveal { case } => reveal(&session, case).await,
        What::Claim { case } => claim(&session, case).await,
    }
}

async fn stake(session: &Session, consent: Consent, amount: &str) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let (jury, token) = (session.deployment.jury(client), session.deployment.token(client));
    let amount = Unit::pali().parse(amount)?;
    let have = chain.read("reading a balance", token.balance_of(session.me())).await?;
    if have < amount {
        bail!("{:?} has {}, and {} are needed", session.me(), Unit::pali().show(have), Unit::pali().show(amount));
    }
    consent.ask(&format!("{:?} stakes {}", session.me(), Unit::pali().show(amount)))?;
    if chain.read("reading an allowance", token.allowance(session.me(), jury.address())).await? < amount {
        chain.send("approving", client, token.approve(jury.address(), amount)).await?;
    }
    let receipt = chain.send("staking", client, jury.stake(amount)).await?;
    let juror = chain.read("reading the stake", jury.juror_of(session.me())).await?;
    println!("{} are staked, in {:?}", Unit::pali().show(juror.stake), receipt.transaction_hash);
    Ok(())
}

async fn unstake(session: &Session, amount: Option<&str>) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let jury = session.deployment.jury(client);
    if let Some(amount) = amount {
        chain.send("unstaking", client, jury.request_unstake(Unit::pali().parse(amount)?)).await?;
        let juror = chain.read("reading the stake", jury.juror_of(session.me())).await?;
        println!(
            "{} leave; from {} (UTC) on they can be taken",
            Unit::pali().show(juror.leaving),
            utc(juror.leaving_at)
        );
    } else {
        let juror = chain.read("reading the stake", jury.juror_of(session.me())).await?;
        let receipt = chain.send("taking votes back", client, jury.withdraw(session.me())).await?;
        println!("{} came back, in {:?}", Unit::pali().show(juror.leaving), receipt.transaction_hash);
    }
    Ok(())
}

/// A case that there is.
async fn case_of(session: &Session, id: u64) -> Result<Case> {
    let jury = session.deployment.jury(&session.client);
    let count = session.chain.read("counting cases", jury.cases()).await?;
    if id == 0 || count < id.into() {
        bail!("there is no case #{id}");
    }
    Ok(session.chain.read("reading the case", jury.case_of(id.into())).await?)
}

async fn show(session: &Session, id: u64) -> Result<()> {
    let case = case_of(session, id).await?;
    let jury = session.deployment.jury(&session.client);
    let tally = session.chain.read("reading the votes", jury.tally_of(id.into(), case.round)).await?;
    let phase = PHASES.get(usize::from(case.phase)).copied().unwrap_or("unknown");
    let until = if case.until > 0 { format!(" until {} (UTC)", utc(case.until)) } else { String::new() };
    println!("case #{id} about {}: {phase}{until}", session.asset_unit.show(case.amount));
    println!(
        "{} sealed, {} shown for an award, {} against; {} are needed",
        Unit::pali().show(tally.committed),
        Unit::pali().show(tally.awards),
        Unit::pali().show(tally.denies),
        Unit::pali().show(case.quorum)
    );
    Ok(())
}

async fn commit(session: &Session, consent: Consent, id: u64, choice: u8, share_bps: u16, reason: &str) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let jury = session.deployment.jury(client);
    let case = case_of(session, id).await?;
    let weight = chain.read("reading the weight", jury.weight_of(id.into(), session.me())).await?;
    let vote = if choice == AWARD { format!("to award {} %", share_bps / 100) } else { "to deny".into() };
    consent.ask(&format!("{:?} votes with {} in case #{id} {vote}", session.me(), Unit::pali().show(weight)))?;
    let mut drawer = Drawer::open(session)?;
    let key = Drawer::key(session, id, case.round);
    let sealed = Sealed {
        choice,
        share_bps,
        reason: keccak256(reason).into(),
        salt: ethers::core::rand::random::<[u8; 32]>().into(),
    };
    drawer.votes.insert(key, sealed.clone());
    drawer.save()?; // before it is sent: a vote whose salt is lost cannot be shown
    let Sealed { reason, salt, .. } = sealed;
    let hash = jury.hash_vote(id.into(), session.me(), choice, share_bps, reason.0, salt.0);
    let hash = chain.read("sealing", hash).await?;
    let receipt = chain.send("sealing a vote", client, jury.commit(id.into(), session.me(), hash)).await?;
    println!(
        "the vote is sealed, in {:?}; `palisade jury reveal {id}` shows it once all are sealed. {} holds what that needs",
        receipt.transaction_hash,
        drawer.path.display()
    );
    Ok(())
}

async fn reveal(session: &Session, id: u64) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let jury = session.deployment.jury(client);
    let case = case_of(session, id).await?;
    let drawer = Drawer::open(session)?;
    let sealed = drawer.votes.get(&Drawer::key(session, id, case.round));
    let Sealed { choice, share_bps, reason, salt } =
        sealed.ok_or_else(|| eyre!("{} holds no vote of {:?} in case #{id}", drawer.path.display(), session.me()))?;
    let call = jury.reveal(id.into(), session.me(), *choice, *share_bps, reason.0, salt.0);
    let receipt = chain.send("showing a vote", client, call).await?;
    println!("the vote is shown, in {:?}", receipt.transaction_hash);
    Ok(())
}

async fn claim(session: &Session, id: u64) -> Result<()> {
    let (chain, client) = (&session.chain, &session.client);
    let jury = session.deployment.jury(client);
    let case = case_of(session, id).await?;
    if !case.finalised {
        chain.send("ending the case", client, jury.finalise(id.into())).await?;
    }
    let receipt = chain.send("settling a vote", client, jury.settle(id.into(), session.me())).await?;
    let settled: VoteSettledFilter = event(&receipt, jury.address())
        .ok_or_else(|| eyre!("nothing was settled in {:?}", receipt.transaction_hash))?;
    println!(
        "earned {} and {}, lost {}, in {:?}",
        Unit::pali().show(settled.reward),
        session.asset_unit.show(settled.fee),
        Unit::pali().show(settled.penalty),
        receipt.transaction_hash
    );
    let asset = session.asset.address();
    if case.asset == asset && !chain.read("reading a credit", jury.credit_of(asset, session.me())).await?.is_zero() {
        let receipt = chain.send("taking fees", client, jury.withdraw_credit(asset, session.me())).await?;
        println!("the fees were paid, in {:?}", receipt.transaction_hash);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_votes_come_back_as_they_were_kept() {
        let path = std::env::temp_dir().join(format!("palisade-votes-{}.json", std::process::id()));
        let sealed =
            Sealed { choice: AWARD, share_bps: 7_000, reason: H256::repeat_byte(1), salt: H256::repeat_byte(2) };
        let drawer = Drawer { votes: [("a/1/0".to_owned(), sealed.clone())].into(), path: path.clone() };
        drawer.save().unwrap();
        let back: Drawer = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(back.votes.get("a/1/0"), Some(&sealed));
        fs::remove_file(path).unwrap();
    }
}

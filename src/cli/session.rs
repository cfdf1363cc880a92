//! What commands that use a deployment share: which one, who signs, amounts as people write them, and the question
//! before anything is paid.

use std::{io::IsTerminal, path::PathBuf, sync::Arc};

use clap::Args;
use ethers::{
    signers::{LocalWallet, Signer},
    types::{Address, H256, U256, U512},
    utils::parse_units,
};
use eyre::{Result, bail, eyre};

use super::Connection;
use crate::{
    artefact::Builder,
    bindings::StableCoin,
    chain::{Chain, Client},
    deploy::{Deployment, Ledger, Profile, profile::BPS},
    interface::Names,
    report::amount,
};

/// Which deployment on which chain.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// The deployment file; that of the chain if not given.
    #[arg(long, global = true, value_name = "FILE")]
    deployment: Option<PathBuf>,
}

/// Whether to ask before anything is paid.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Consent {
    /// Do not ask.
    #[arg(long, short, global = true)]
    yes: bool,
}

impl Consent {
    /// Shows what will happen and asks. Where nobody can answer, `--yes` must have.
    pub(crate) fn ask(self, what: &str) -> Result<()> {
        eprintln!("{what}");
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("nothing was sent: there is no terminal to confirm on; give --yes");
        }
        eprint!("Go on? [y/N] ");
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") { Ok(()) } else { bail!("nothing was sent") }
    }
}

/// A token as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) symbol: String,
    pub(crate) decimals: u32,
}

impl Unit {
    /// An amount as a person writes it, `1_000.5` or `1,000.5`.
    pub(crate) fn parse(&self, text: &str) -> Result<U256> {
        let plain: String = text.chars().filter(|c| !matches!(c, '_' | ',')).collect();
        let wrong = || eyre!("{text:?} is no amount of {} (at most {} decimals)", self.symbol, self.decimals);
        let fraction = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if plain.is_empty() || fraction > self.decimals as usize || !plain.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(wrong());
        }
        let value: U256 = parse_units(&plain, self.decimals).map_err(|_| wrong())?.into();
        if value.is_zero() { Err(wrong()) } else { Ok(value) }
    }

    /// PALI, by which the DAO votes.
    pub(crate) fn pali() -> Self {
        Self { symbol: "PALI".into(), decimals: 18 }
    }

    /// The same, or nothing: `0`.
    pub(crate) fn parse_or_zero(&self, text: &str) -> Result<U256> {
        if text.trim() == "0" { Ok(U256::zero()) } else { self.parse(text) }
    }

    /// An amount with its symbol.
    pub(crate) fn show(&self, value: U256) -> String {
        format!("{} {}", amount(value, self.decimals, self.decimals.min(6)), self.symbol)
    }
}

/// A deployment that somebody uses.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) chain: Chain,
    pub(crate) deployment: Deployment,
    pub(crate) client: Arc<Client>,
    pub(crate) asset: StableCoin<Client>,
    pub(crate) asset_unit: Unit,
    pub(crate) share_unit: Unit,
}

impl Session {
    /// To look: needs no key.
    pub(crate) async fn reader(place: &Place) -> Result<Self> {
        let chain = place.connection.chain().await?;
        let nobody = LocalWallet::new(&mut ethers::core::rand::thread_rng());
        Self::open(place, chain, nobody).await
    }

    /// To act: signs with the key of the options, whose account can pay for gas.
    pub(crate) async fn signer(place: &Place) -> Result<Self> {
        let chain = place.connection.chain().await?;
        let signer = place.connection.signer(&chain)?;
        chain.require_funds(signer.address()).await?;
        Self::open(place, chain, signer).await
    }

    async fn open(place: &Place, chain: Chain, wallet: LocalWallet) -> Result<Self> {
        let path = place.deployment.clone().unwrap_or_else(|| Ledger::path_of(Builder::find().root(), chain.id(), ""));
        let ledger = Ledger::open(&path)?.ok_or_else(|| {
            eyre!("no deployment in {}: run `palisade deploy`, or name one by --deployment", path.display())
        })?;
        let deployment = Deployment::of(chain.clone(), ledger)?;
        if chain.code(deployment.address("vault")).await?.is_empty() {
            bail!("the deployment in {} is not on this chain", path.display());
        }
        let client = chain.client(wallet);
        let vault = deployment.vault(&client);
        let asset = chain.read("reading the vault's asset", vault.asset()).await?;
        let asset = StableCoin::new(asset, client.clone());
        let asset_unit = Unit {
            symbol: chain.read("reading the asset's symbol", asset.symbol()).await?,
            decimals: chain.read("reading the asset's decimals", asset.decimals()).await?.into(),
        };
        let share_unit = Unit {
            symbol: chain.read("reading the share's symbol", vault.symbol()).await?,
            decimals: chain.read("reading the share's decimals", vault.decimals()).await?.into(),
        };
        Ok(Self { chain, deployment, client, asset, asset_unit, share_unit })
    }

    /// A contract that not every deployment has.
    pub(crate) fn contract(&self, name: &str) -> Result<Address> {
        let found = self.deployment.ledger.contract(name);
        found.ok_or_else(|| eyre!("this deployment has no {name}: `palisade deploy` of this version makes one"))
    }

    /// The contracts of the deployment by name and by address.
    pub(crate) fn names(&self) -> Names {
        Names::of(&self.deployment.ledger)
    }

    /// The parameters that the deployment was made with.
    pub(crate) fn profile(&self) -> Result<Profile> {
        let name = &self.deployment.ledger.profile;
        let known = [Profile::standard(), Profile::short()];
        let found = known.into_iter().find(|profile| profile.name == name);
        found.ok_or_else(|| eyre!("the deployment has an unknown profile, {name:?}"))
    }

    /// Who acts.
    pub(crate) fn me(&self) -> Address {
        self.client.address()
    }

    /// Fails where the account has less than `assets`; lets `spender` take them where it may not yet.
    pub(crate) async fn provide(&self, spender: Address, assets: U256) -> Result<()> {
        let (chain, me) = (&self.chain, self.me());
        let have = chain.read("reading a balance", self.asset.balance_of(me)).await?;
        if have < assets {
            bail!("{me:?} has {}, and {} are needed", self.asset_unit.show(have), self.asset_unit.show(assets));
        }
        if chain.read("reading an allowance", self.asset.allowance(me, spender)).await? < assets {
            chain.send("approving", &self.client, self.asset.approve(spender, assets)).await?;
        }
        Ok(())
    }
}

/// A subject: text of at most 32 bytes, or 32 bytes in hexadecimal.
pub(crate) fn subject(text: &str) -> Result<[u8; 32], String> {
    if text.starts_with("0x") {
        let word: Result<H256, _> = text.parse();
        return word.map(H256::to_fixed_bytes).map_err(|_| "a subject in hexadecimal has 64 digits".to_owned());
    }
    if text.is_empty() || text.len() > 32 {
        return Err("a subject has 1 to 32 bytes".to_owned());
    }
    Ok(crate::deploy::plan::word(text))
}

/// Fewer by so many basis points, rounded down.
pub(crate) fn less(value: U256, bps: u16) -> U256 {
    let part = value.full_mul(BPS.saturating_sub(bps.into()).into()) / U512::from(BPS);
    U256::try_from(part).unwrap_or(U256::MAX)
}

/// More by so many basis points, rounded up.
pub(crate) fn more(value: U256, bps: u16) -> U256 {
    value + value - less(value, bps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars() -> Unit {
        Unit { symbol: "USDX".into(), decimals: 6 }
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let unit = dollars();
        for (text, value) in
            [("1", 1_000_000_u64), ("1_000.5", 1_000_500_000), ("1,000", 1_000_000_000), ("0.000001", 1)]
        {
            assert_eq!(unit.parse(text).unwrap(), value.into(), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let unit = dollars();
        let huge = "9".repeat(90);
        for text in ["", "0", "0.0", "-1", "+1", ".5", "1e6", "ten", "0.0000001", "1.2.3", "0x10", huge.as_str()] {
            let error = unit.parse(text).expect_err(text).to_string();
            assert!(error.contains("is no amount of USDX"), "{error}");
        }
    }

    #[test]
    fn slippage_is_in_favour_of_who_asks() {
        assert_eq!(less(1_000_001.into(), 50), 995_000.into());
        assert_eq!(less(U256::MAX, 0), U256::MAX);
        assert_eq!(more(1_000_001.into(), 50), 1_005_002.into());
        assert_eq!(more(1_000.into(), 0), 1_000.into());
    }

    #[test]
    fn a_subject_is_text_or_a_word() {
        assert_eq!(subject("USDC/USD").unwrap()[..8], *b"USDC/USD");
        assert_eq!(subject(&format!("0x{}", "ab".repeat(32))).unwrap(), [0xab; 32]);
        for text in ["", "0xab", "0xzz", &"x".repeat(33)] {
            assert!(subject(text).is_err(), "{text}");
        }
    }
}

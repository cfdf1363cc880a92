//! Arguments of templates as people write them, and tokens and vaults by their names.

use clap::Args;
use ethers::types::{Address, U256};
use eyre::{Result, eyre};

use super::super::session::{Session, Unit};
use crate::{bindings::StableCoin, chain::Client, deploy::profile::BPS};

/// A percentage of two decimals at most, as basis points: `5`, `2.5%`.
pub(super) fn percent(text: &str) -> Result<u16, String> {
    let wrong = || format!("{text:?} is no percentage from 0 to 100 (at most 2 decimals)");
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let bps: u16 = format!("{whole}{fraction:0<2}").parse().map_err(|_| wrong())?;
    if u64::from(bps) > BPS { Err(wrong()) } else { Ok(bps) }
}

/// A duration with its unit, as seconds: `90s`, `30min`, `36h`, `15d`.
pub(super) fn duration(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no duration, such as 90s, 30min, 36h or 15d");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let unit = match unit.trim() {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(unit).filter(|seconds| *seconds <= u64::from(u32::MAX)).ok_or_else(wrong)
}

/// Which vault.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Pool {
    /// The vault's number; 1 is that of the deployment.
    #[arg(long = "vault", global = true, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=32))]
    number: u32,
}

impl Pool {
    /// The address of a vault's contract.
    pub(super) fn contract(self, session: &Session, kind: &str) -> Result<Address> {
        match self.number {
            1 => session.contract(kind),
            number => {
                let found = session.deployment.ledger.contract(&format!("{kind}#{number}"));
                found.ok_or_else(|| eyre!("there is no vault #{number}: `palisade add-vault` deploys one"))
            }
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> String {
        if self.number == 1 { "the vault".into() } else { format!("vault #{}", self.number) }
    }
}

/// A token, or ether (the zero address).
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub(super) address: Address,
    pub(super) unit: Unit,
}

impl Coin {
    /// A token by its address or its name: `PALI`, `asset` or the asset's symbol, `ether`.
    pub(super) async fn find(session: &Session, text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("ether") || text.eq_ignore_ascii_case("ETH") {
            return Ok(Self { address: Address::zero(), unit: Unit { symbol: "ether".into(), decimals: 18 } });
        }
        if text.eq_ignore_ascii_case("PALI") || text == "token" {
            return Ok(Self { address: session.deployment.address("token"), unit: Unit::pali() });
        }
        if text.eq_ignore_ascii_case(&session.asset_unit.symbol) || text == "asset" {
            return Ok(Self { address: session.asset.address(), unit: session.asset_unit.clone() });
        }
        let address = session.names().resolve(text);
        let address = address.ok_or_else(|| eyre!("{text:?} is no token: give its address, PALI, asset or ether"))?;
        let token = StableCoin::new(address, session.client.clone());
        let decimals = session.chain.read("reading the token's decimals", token.decimals()).await?;
        // some tokens tell their symbol in another form
        let symbol = session.chain.read("reading the token's symbol", token.symbol()).await;
        let symbol = symbol.unwrap_or_else(|_| format!("{address:?}"));
        Ok(Self { address, unit: Unit { symbol, decimals: decimals.into() } })
    }

    /// The token's contract; none of ether.
    pub(super) fn contract(&self, session: &Session) -> Option<StableCoin<Client>> {
        (!self.address.is_zero()).then(|| StableCoin::new(self.address, session.client.clone()))
    }

    /// An amount in words, for readings.
    pub(super) fn shown(&self) -> impl Fn(U256) -> String + Send + Sync + Clone + use<> {
        let unit = self.unit.clone();
        move |value| unit.show(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_whole_basis_points() {
        for (text, bps) in [("0", 0), ("8", 800), ("8%", 800), ("2.5 %", 250), ("0.01", 1), ("100", 10_000)] {
            assert_eq!(percent(text), Ok(bps), "{text}");
        }
        for text in ["", "%", "-1", "+1", "100.01", "101", "1.234", "1e1", "1,5", "8%%", ".5", "99999999"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, seconds) in [("90s", 90), ("30min", 1_800), ("36h", 129_600), ("15d", 1_296_000), ("0s", 0)] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
        }
        for text in ["", "15", "d", "1.5d", "-1d", "15 weeks", "99999999999999999999d", "50000000d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}

//! What a keeper may spend: an amount of ether a day, and a price of gas. What was spent is kept in a file, so that a
//! restart does not begin a new day.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ethers::types::U256;
use serde::{Deserialize, Serialize};

/// A day, in seconds.
const DAY: u64 = 86_400;

/// Why the purse cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its file is something else.
    #[error("{path} is not what a keeper has spent ({reason}); move it away to begin anew")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Why something is not paid for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Gas is too dear.
    #[error("gas costs {price} wei, more than the {most} that are allowed")]
    Price {
        /// What it costs.
        price: U256,
        /// What it may cost.
        most: U256,
    },
    /// The day's allowance would be passed.
    #[error("it could cost {cost} wei, and {left} are left for today")]
    Day {
        /// What it could cost.
        cost: U256,
        /// What is left.
        left: U256,
    },
}

/// Limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wei a day (of UTC).
    pub a_day: U256,
    /// Wei for a unit of gas.
    pub gas_price: U256,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Spent {
    day: u64,
    wei: U256,
}

/// The purse.
#[derive(Debug)]
pub struct Purse {
    limits: Limits,
    path: PathBuf,
    spent: Spent,
}

impl Purse {
    /// Opens the purse whose file is at `path`; a new one where there is none.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let spent = match fs::read_to_string(path) {
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| Error::Malformed { path: path.into(), reason: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Spent::default(),
            Err(source) => return Err(Error::File { path: path.into(), source }),
        };
        Ok(Self { limits, path: path.into(), spent })
    }

    /// What was spent on the day of `now`.
    #[must_use]
    pub fn spent(&self, now: u64) -> U256 {
        if self.spent.day == now / DAY { self.spent.wei } else { U256::zero() }
    }

    /// Sets aside what a transaction can cost at most, with the ether that goes with it, on the day of `now`. It is on file before anything is sent.
    ///
    /// # Errors
    /// A [`Refusal`], where nothing was set aside; [`Error`] where that cannot be written down.
    pub fn reserve(
        &mut self,
        now: u64,
        gas: U256,
        price: U256,
        value: U256,
    ) -> Result<Result<Reserved, Refusal>, Error> {
        if price > self.limits.gas_price {
            return Ok(Err(Refusal::Price { price, most: self.limits.gas_price }));
        }
        let spent = self.spent(now);
        let cost = gas.saturating_mul(price).saturating_add(value);
        let left = self.limits.a_day.saturating_sub(spent);
        if cost > left {
            return Ok(Err(Refusal::Day { cost, left }));
        }
        self.set(Spent { day: now / DAY, wei: spent.saturating_add(cost) })?;
        Ok(Ok(Reserved { day: now / DAY, cost }))
    }

    /// Gives back what a transaction did not cost of what was set aside for it.
    ///
    /// # Errors
    /// [`Error`] where that cannot be written down.
    pub fn settle(&mut self, reserved: &Reserved, cost: U256) -> Result<(), Error> {
        if reserved.day != self.spent.day {
            return Ok(());
        }
        let back = reserved.cost.saturating_sub(cost);
        self.set(Spent { wei: self.spent.wei.saturating_sub(back), ..self.spent })
    }

    fn set(&mut self, spent: Spent) -> Result<(), Error> {
        let failed = |source| Error::File { path: self.path.clone(), source };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let partial = self.path.with_extension("partial");
        fs::write(&partial, serde_json::to_vec(&spent).expect("plain data")).map_err(failed)?;
        fs::rename(&partial, &self.path).map_err(failed)?;
        self.spent = spent;
        Ok(())
    }
}

/// What was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    day: u64,
    cost: U256,
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { a_day: U256([1_000, 0, 0, 0]), gas_price: U256([10, 0, 0, 0]) };

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("palisade-purse-{}-{name}/purse.json", std::process::id()))
    }

    fn wei(value: u64) -> U256 {
        value.into()
    }

    #[test]
    fn a_day_has_its_allowance_and_no_more() {
        let mut purse = Purse::open(&path("day"), LIMITS).unwrap();
        let first = purse.reserve(DAY, wei(60), wei(10), U256::zero()).unwrap().unwrap();
        let refused = purse.reserve(DAY + 1, wei(41), wei(10), U256::zero()).unwrap();
        assert_eq!(refused, Err(Refusal::Day { cost: wei(410), left: wei(400) }));
        purse.settle(&first, wei(100)).unwrap();
        assert_eq!(purse.spent(DAY + 2), wei(100));
        assert!(purse.reserve(DAY + 3, wei(90), wei(10), U256::zero()).unwrap().is_ok());
        assert!(purse.reserve(DAY + 4, wei(1), wei(1), U256::zero()).unwrap().is_err(), "all is set aside");
        assert!(purse.reserve(DAY + 4, wei(0), wei(1), wei(1)).unwrap().is_err(), "for what goes with it too");
        assert!(purse.reserve(2 * DAY, wei(1), wei(1), U256::zero()).unwrap().is_ok(), "a new day");
    }

    #[test]
    fn dear_gas_is_not_paid_for() {
        let mut purse = Purse::open(&path("price"), LIMITS).unwrap();
        assert_eq!(
            purse.reserve(1, wei(1), wei(11), U256::zero()).unwrap(),
            Err(Refusal::Price { price: wei(11), most: wei(10) })
        );
        assert_eq!(
            purse.reserve(1, U256::MAX, wei(10), U256::zero()).unwrap().unwrap_err(),
            Refusal::Day { cost: U256::MAX, left: wei(1_000) }
        );
    }

    #[test]
    fn a_restart_knows_what_was_spent() {
        let path = path("restart");
        let mut purse = Purse::open(&path, LIMITS).unwrap();
        drop(purse.reserve(DAY, wei(70), wei(10), U256::zero()).unwrap().unwrap()); // the keeper is killed before it settles
        let purse = Purse::open(&path, LIMITS).unwrap();
        assert_eq!(purse.spent(DAY), wei(700));
        fs::write(&path, "[]").unwrap();
        let error = Purse::open(&path, LIMITS).unwrap_err().to_string();
        assert!(error.contains("is not what a keeper has spent"), "{error}");
    }
}

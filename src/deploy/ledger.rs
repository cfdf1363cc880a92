//! What has been deployed, in a file that survives an interruption at any moment.
//!
//! A step is written down before it is sent (with the hash of its signed transaction) and again when it is mined.
//! A deployment that goes on first looks at the step that was under way: mined steps are not repeated.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use ethers::types::{Address, H256};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::whole;

/// Why a ledger cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a deployment.
    #[error("{path} is not a deployment file ({reason}); move it away to deploy anew")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file belongs to another chain, or to one that was reset.
    #[error("{path} describes a deployment that is not on this chain; move it away to deploy anew")]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// What was deployed was built from other sources.
    #[error(
        "{path} holds a deployment of another build of {program}: deploy anew with --afresh, or go on with the sources it was built from"
    )]
    OtherBuild {
        /// Which.
        path: PathBuf,
        /// The first program that differs.
        program: String,
    },
}

/// A step that was sent and is not known to be mined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The step's name.
    pub step: String,
    /// Its transaction.
    pub hash: H256,
}

/// A block that the deployment is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: H256,
}

/// A deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The chain.
    pub chain_id: u64,
    /// The block of the first step, which tells a reset chain from the one deployed to: a development chain that is
    /// started again has the same id and the same first block.
    pub anchor: Option<Anchor>,
    /// Which parameters were used.
    pub profile: String,
    /// Who deployed.
    pub deployer: Address,
    /// Contracts by name.
    pub contracts: BTreeMap<String, Address>,
    /// Hash of each program's code on chain.
    pub code_hashes: BTreeMap<String, H256>,
    /// Ids that the set-up produced (products), by name.
    pub ids: BTreeMap<String, u64>,
    /// Finished steps and their transactions.
    pub steps: BTreeMap<String, H256>,
    /// The step under way.
    pub pending: Option<Pending>,
    /// Whether everything is handed over and verified.
    pub finished: bool,
    #[serde(skip)]
    path: PathBuf,
}

impl Ledger {
    /// The deployment file of a chain: `deployments/<chain-id><suffix>.json` below `root`.
    #[must_use]
    pub fn path_of(root: &Path, chain_id: u64, suffix: &str) -> PathBuf {
        root.join("deployments").join(format!("{chain_id}{suffix}.json"))
    }

    /// The ledger at `path`, or `None` where there is no file.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Malformed`].
    pub fn open(path: &Path) -> Result<Option<Self>, Error> {
        match fs::read_to_string(path) {
            Ok(text) => {
                let mut ledger: Self = serde_json::from_str(&text)
                    .map_err(|error| Error::Malformed { path: path.into(), reason: error.to_string() })?;
                path.clone_into(&mut ledger.path);
                Ok(Some(ledger))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path: path.into(), source }),
        }
    }

    /// A new ledger that will be kept at `path`.
    #[must_use]
    pub fn new(path: &Path, chain_id: u64, profile: &str, deployer: Address) -> Self {
        Self { chain_id, profile: profile.into(), deployer, path: path.into(), ..Self::default() }
    }

    /// Writes the file as a whole or not at all.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self) -> Result<(), Error> {
        let failed = |source| Error::File { path: self.path.clone(), source };
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let text = serde_json::to_vec_pretty(self).expect("a ledger is plain data");
        whole::write(&self.path, &text).map_err(failed)
    }

    /// Where it is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The address of a deployed contract.
    #[must_use]
    pub fn contract(&self, name: &str) -> Option<Address> {
        self.contracts.get(name).copied()
    }

    /// The number of the block from which on the deployment has told anything.
    #[must_use]
    pub fn first_block(&self) -> u64 {
        self.anchor.map_or(0, |anchor| anchor.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("palisade-ledger-{}-{name}/7.json", std::process::id()))
    }

    #[test]
    fn a_ledger_comes_back_as_it_was_saved() {
        let path = path("round");
        let mut ledger = Ledger::new(&path, 7, "development", Address::repeat_byte(2));
        ledger.contracts.insert("vault".into(), Address::repeat_byte(3));
        ledger.anchor = Some(Anchor { number: 5, hash: H256::repeat_byte(1) });
        ledger.pending = Some(Pending { step: "wire vault".into(), hash: H256::repeat_byte(4) });
        ledger.save().unwrap();
        assert_eq!(Ledger::open(&path).unwrap(), Some(ledger));
    }

    #[test]
    fn a_missing_file_is_none_and_a_broken_one_an_error() {
        let path = path("broken");
        assert_eq!(Ledger::open(&path).unwrap(), None);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "{").unwrap();
        assert!(Ledger::open(&path).unwrap_err().to_string().contains("is not a deployment file"));
    }
}

//! Funded accounts of a fresh chain. Their keys are published everywhere: never send anything of worth to them.

use alloy_primitives::{Address, B256, address, b256};
use coins_bip32::path::DerivationPath;
use coins_bip32::{BIP32_HARDEN, Bip32Error};
use coins_bip39::{English, Mnemonic, MnemonicError};

/// The mnemonic phrase of the ten accounts that every development node has.
pub const TEST_MNEMONIC: &str = "test test test test test test test test test test test junk";
/// Path of Ethereum's accounts: the n-th one is at `n` below it.
pub const DEFAULT_PATH: &str = "m/44'/60'/0'/0";
/// Most accounts that are derived.
pub const MAX_DERIVED: u32 = 10_000;

/// An account with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevAccount {
    /// Where it lives.
    pub address: Address,
    /// Its private key.
    pub key: B256,
}

/// The accounts in the order in which `eth_accounts` tells them.
///
/// First comes the development account of Nitro's own development chains, then the first ten of [`TEST_MNEMONIC`].
pub const DEV_ACCOUNTS: [DevAccount; 11] = [
    DevAccount {
        address: address!("3f1Eae7D46d88F08fc2F8ed27FCb2AB183EB2d0E"),
        key: b256!("b6b15c8cb491557369f3c7d2c287b053eb229daa9c22138887752191c9520659"),
    },
    DevAccount {
        address: address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266"),
        key: b256!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    },
    DevAccount {
        address: address!("70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        key: b256!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    },
    DevAccount {
        address: address!("3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"),
        key: b256!("5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
    },
    DevAccount {
        address: address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
        key: b256!("7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"),
    },
    DevAccount {
        address: address!("15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
        key: b256!("47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a"),
    },
    DevAccount {
        address: address!("9965507D1a55bcC2695C58ba16FB37d819B0A4dc"),
        key: b256!("8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba"),
    },
    DevAccount {
        address: address!("976EA74026E726554dB657fA54763abd0C3a0aa9"),
        key: b256!("92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e"),
    },
    DevAccount {
        address: address!("14dC79964da2C08b23698B3D3cc7Ca32193d9955"),
        key: b256!("4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"),
    },
    DevAccount {
        address: address!("23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f"),
        key: b256!("dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97"),
    },
    DevAccount {
        address: address!("a0Ee7A142d267C1f36714E4a8F75612F20a79720"),
        key: b256!("2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"),
    },
];

/// Why a phrase gives no accounts.
#[derive(Debug, thiserror::Error)]
pub enum DeriveError {
    /// It is no mnemonic of BIP-39's English words. (It is not told here: it may be a real one.)
    #[error("not a mnemonic phrase: {0}")]
    Phrase(&'static str),
    /// The path is none of BIP-32.
    #[error("not a derivation path: {0:?}")]
    Path(String),
    /// More than [`MAX_DERIVED`].
    #[error("cannot derive {0} accounts, the limit is {MAX_DERIVED}")]
    TooMany(u32),
    /// A key that does not exist; that does not happen in practice.
    #[error("the phrase gives no valid key: {0}")]
    Key(#[from] Bip32Error),
}

impl From<MnemonicError> for DeriveError {
    fn from(error: MnemonicError) -> Self {
        match error {
            MnemonicError::InvalidEntropyLength(_) | MnemonicError::InvalidWordCount(_) => {
                Self::Phrase("it has 12, 15, 18, 21 or 24 words")
            }
            MnemonicError::InvalidPhrase(_) => Self::Phrase("its last word does not fit the others"),
            MnemonicError::WordlistError(_) => Self::Phrase("a word is not on the list"),
            MnemonicError::Bip32Error(error) => Self::Key(error),
        }
    }
}

/// The first `count` accounts of a mnemonic phrase, at `path`/0, `path`/1 and so on.
///
/// # Errors
///
/// The phrase or the path is invalid, or there are more than [`MAX_DERIVED`].
pub fn derive(phrase: &str, path: &str, count: u32) -> Result<Vec<DevAccount>, DeriveError> {
    if count > MAX_DERIVED {
        return Err(DeriveError::TooMany(count));
    }
    let words: Vec<&str> = phrase.split_whitespace().collect();
    let mnemonic: Mnemonic<English> = words.join(" ").parse()?;
    let path = read_path(path).ok_or_else(|| DeriveError::Path(path.to_owned()))?;
    let parent = mnemonic.derive_key(DerivationPath::from(path), None)?;
    let account = |index: u32| {
        let child = parent.derive_path(DerivationPath::from(vec![index]))?;
        let key: &coins_bip32::ecdsa::SigningKey = child.as_ref();
        Ok(DevAccount { address: Address::from_private_key(key), key: B256::from_slice(&key.to_bytes()) })
    };
    (0..count).map(account).collect()
}

/// Indices of a path: those marked by `'` or `h` are hardened.
fn read_path(path: &str) -> Option<Vec<u32>> {
    let mut parts = path.split('/');
    if parts.next() != Some("m") {
        return None;
    }
    let index = |part: &str| {
        let plain = part.strip_suffix(['\'', 'h']);
        let index = plain.unwrap_or(part).parse().ok().filter(|index| *index < BIP32_HARDEN)?;
        Some(if plain.is_some() { index + BIP32_HARDEN } else { index })
    };
    parts.map(index).collect()
}

#[cfg(test)]
mod tests {
    use alloy_consensus::crypto::secp256k1::{recover_signer, sign_message};

    use super::*;

    #[test]
    fn every_key_belongs_to_its_address() {
        let message = B256::repeat_byte(7);
        for account in DEV_ACCOUNTS {
            let signature = sign_message(account.key, message).expect("a valid key");
            assert_eq!(recover_signer(&signature, message).expect("a valid signature"), account.address);
        }
    }

    const JUNK: &str = TEST_MNEMONIC;

    #[test]
    fn the_known_phrase_gives_the_known_accounts() {
        assert_eq!(derive(JUNK, DEFAULT_PATH, 10).expect("a phrase"), DEV_ACCOUNTS[1..]);
        let spaced = format!("  {}\n", JUNK.replace(' ', "  "));
        assert_eq!(derive(&spaced, DEFAULT_PATH, 1).expect("a phrase"), DEV_ACCOUNTS[1..2]);
        let elsewhere = derive(JUNK, "m/44'/60'/1'/0", 1).expect("a phrase");
        assert_ne!(elsewhere[0], DEV_ACCOUNTS[1]);
        assert!(derive(JUNK, DEFAULT_PATH, 0).expect("a phrase").is_empty());
    }

    #[test]
    fn what_is_no_phrase_is_told_without_telling_it() {
        let refuse = |phrase: &str| derive(phrase, DEFAULT_PATH, 1).expect_err("no phrase").to_string();
        assert_eq!(refuse(""), "not a mnemonic phrase: a word is not on the list");
        assert_eq!(refuse("test junk"), "not a mnemonic phrase: it has 12, 15, 18, 21 or 24 words");
        assert_eq!(refuse(&JUNK.replace("junk", "jank")), "not a mnemonic phrase: a word is not on the list");
        assert_eq!(
            refuse(&JUNK.replace("junk", "test")),
            "not a mnemonic phrase: its last word does not fit the others"
        );
        for path in ["m/44'/sixty", "", "44'/60'", "m/", "m/2147483648", "m/4294967295'", "m/-1"] {
            let error = derive(JUNK, path, 1).expect_err("no path");
            assert_eq!(error.to_string(), format!("not a derivation path: {path:?}"));
        }
        assert!(matches!(derive(JUNK, DEFAULT_PATH, MAX_DERIVED + 1), Err(DeriveError::TooMany(_))));
    }
}

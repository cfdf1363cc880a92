//! A subject's configuration: what governance registers, for ever.

use alloy_primitives::{Address, U256};
use protocol::fall::course::Rules;
use standards::packed::Packed;

/// How a lender tells that something is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A reserve of Aave v3.3 or later, by its deficit.
    Aave = 1,
    /// An ERC-4626 vault, by the price of its share.
    Price = 2,
    /// A vault that keeps its price and tells `lostAssets`.
    Lost = 3,
}

impl Kind {
    pub(crate) const fn of(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Aave),
            2 => Some(Self::Price),
            3 => Some(Self::Lost),
            _ => None,
        }
    }
}

/// A configuration in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) kind: Kind,
    /// Aave's pool, or the vault.
    pub(crate) source: Address,
    /// What is lent.
    pub(crate) asset: Address,
    /// The token that lenders hold: the aToken, or the vault.
    pub(crate) share: Address,
    /// The token of Aave's variable debt; zero for a vault.
    pub(crate) debt: Address,
    /// Decimals of the share.
    pub(crate) decimals: u8,
    pub(crate) rules: Rules,
}

impl Config {
    /// Four words besides the rules:
    ///
    /// ```text
    /// 0  source 160 | kind 8 | decimals 8 | – 80
    /// 1  asset   2  share   3  debt
    /// ```
    pub(crate) fn pack(&self) -> [U256; 4] {
        let first = Packed::default().with_address(0, self.source).with_u64(160, 8, self.kind as u64).with_u64(
            168,
            8,
            u64::from(self.decimals),
        );
        let [asset, share, debt] =
            [self.asset, self.share, self.debt].map(|at| Packed::default().with_address(0, at).0);
        [first.0, asset, share, debt]
    }

    /// The configuration of words that [`Config::pack`] wrote.
    pub(crate) fn unpack(words: [U256; 4], rules: Rules) -> Self {
        let [first, asset, share, debt] = words.map(Packed);
        Self {
            kind: Kind::of(first.u64(160, 8)).unwrap_or(Kind::Price),
            source: first.address(0),
            asset: asset.address(0),
            share: share.address(0),
            debt: debt.address(0),
            decimals: first.u64(168, 8) as u8,
            rules,
        }
    }

    /// One share in its smallest unit.
    pub(crate) fn unit(&self) -> u128 {
        10u128.pow(u32::from(self.decimals))
    }
}

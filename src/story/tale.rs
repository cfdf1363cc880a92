//! Which stories there are.

use std::{fmt, str::FromStr};

/// A story of one cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tale {
    /// A coin loses its peg.
    Depeg,
    /// What is behind a protocol's shares is stolen.
    Exploit,
    /// A position in a pool is worth less than what it was made of.
    ImpermanentLoss,
    /// A lender's borrowers do not pay back.
    Lending,
    /// A feed says something else than the market.
    Oracle,
    /// What backs a bridged token is gone.
    Bridge,
}

/// 2026-01-01 00:00 UTC.
const NEW_YEAR: u64 = 1_767_225_600;

impl Tale {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Depeg, Self::Exploit, Self::ImpermanentLoss, Self::Lending, Self::Oracle, Self::Bridge];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Depeg => "depeg",
            Self::Exploit => "exploit",
            Self::ImpermanentLoss => "impermanent-loss",
            Self::Lending => "lending",
            Self::Oracle => "oracle",
            Self::Bridge => "bridge",
        }
    }

    /// When it begins; the depeg's begins with its prices.
    #[must_use]
    pub const fn begins(self) -> Option<u64> {
        match self {
            Self::Depeg => None,
            _ => Some(NEW_YEAR),
        }
    }

    /// The stories of a name: one, or `all`.
    ///
    /// # Errors
    /// What is no name, with all that are.
    pub fn choice(name: &str) -> Result<Vec<Self>, String> {
        if name == "all" { Ok(Self::ALL.to_vec()) } else { Ok(vec![name.parse()?]) }
    }
}

impl fmt::Display for Tale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tale {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tale| tale.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no story {name:?}: there are {names}, and all")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_have_their_names() {
        for tale in Tale::ALL {
            assert_eq!(tale.name().parse(), Ok(tale));
            assert_eq!(Tale::choice(tale.name()), Ok(vec![tale]));
        }
        assert_eq!(Tale::choice("all"), Ok(Tale::ALL.to_vec()));
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        let told = Tale::choice("flood").unwrap_err();
        let names = "depeg, exploit, impermanent-loss, lending, oracle, bridge, and all";
        assert_eq!(told, format!("there is no story \"flood\": there are {names}"));
    }
}

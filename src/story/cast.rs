//! The people of the stories: keys derived from their names, funded by whoever plays it.

use std::sync::Arc;

use ethers::{
    providers::Middleware,
    signers::LocalWallet,
    types::{Address, U256},
    utils::keccak256,
};

use super::Result;
use crate::chain::{self, Chain, Client};

/// Who acts.
#[derive(Clone, Debug)]
pub struct Cast {
    /// An underwriter who stays.
    pub alice: Arc<Client>,
    /// Holds the insured asset and buys a cover.
    pub bob: Arc<Client>,
    /// An underwriter who leaves.
    pub carol: Arc<Client>,
    /// A member of the DAO who proposes and votes.
    pub dora: Arc<Client>,
    /// Another member who votes.
    pub erin: Arc<Client>,
    /// Wants what is not his.
    pub frank: Arc<Client>,
    /// Holds the guardian's office.
    pub gina: Arc<Client>,
    /// Whoever reports what happened: anyone can.
    pub keeper: Arc<Client>,
}

impl Cast {
    /// Derives the keys and gives each a little ether.
    ///
    /// # Errors
    /// Where the sponsor cannot pay.
    pub async fn gather(chain: &Chain, sponsor: &Arc<Client>) -> Result<Self> {
        let member = |name: &str| {
            let secret = keccak256(format!("palisade story: {name}"));
            let wallet = LocalWallet::from_bytes(&secret).expect("a hash is a valid key but for a negligible chance");
            chain.client(wallet)
        };
        let cast = Self {
            alice: member("alice"),
            bob: member("bob"),
            carol: member("carol"),
            dora: member("dora"),
            erin: member("erin"),
            frank: member("frank"),
            gina: member("gina"),
            keeper: member("keeper"),
        };
        let enough = U256::exp10(17);
        for client in cast.all() {
            let balance = chain
                .provider()
                .get_balance(client.address(), None)
                .await
                .map_err(|error| chain::Error::Rpc { what: "reading a balance".into(), reason: error.to_string() })?;
            if balance < enough {
                chain.transfer(sponsor, client.address(), enough * 2).await?;
            }
        }
        Ok(cast)
    }

    /// Everybody.
    #[must_use]
    pub fn all(&self) -> [&Arc<Client>; 8] {
        [&self.alice, &self.bob, &self.carol, &self.dora, &self.erin, &self.frank, &self.gina, &self.keeper]
    }

    /// The name of an address, where it is one of the cast.
    #[must_use]
    pub fn name(&self, address: Address) -> Option<&'static str> {
        ["Alice", "Bob", "Carol", "Dora", "Erin", "Frank", "Gina", "the keeper"]
            .into_iter()
            .zip(self.all())
            .find_map(|(name, client)| (client.address() == address).then_some(name))
    }
}

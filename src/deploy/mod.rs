//! Deployment: every contract constructed, wired, configured, handed over to the timelock and verified.
//!
//! [`ledger`] is what has been done, [`deployer`] does single steps, [`profile`] holds the parameters, [`history`] is
//! what products begin with, [`covers`] their terms, [`plan`] is the whole. Nothing is owned by a person afterwards:
//! contracts are the timelock's from their construction on, the deployer's set-up key is given up at the end, and the last
//! step reads all of that from the chain.

pub mod covers;
pub mod deployer;
pub mod history;
pub mod ledger;
pub mod plan;
pub mod profile;

pub use deployer::{Deployer, Error, Result};
pub use ledger::Ledger;
pub use plan::{Addition, Deployment, Grant, Options, add_vault, deploy, offer_vault};
pub use profile::Profile;

//! A node without a deployment, for tests that build one of their own.

use std::path::PathBuf;

use palisade::{
    artefact::Builder,
    chain::{Chain, DEVELOPMENT_KEY, wallet},
    deploy::Deployer,
};

/// Starts a node; answers with who deploys on it, the node, and the folder that is to be removed in the end.
pub(crate) async fn open(name: &str) -> (Deployer, devnode::Handle, PathBuf) {
    let node = devnode::serve(devnode::Config { port: 0, ..devnode::Config::default() }).await.unwrap();
    let chain = Chain::connect(&node.url()).await.unwrap();
    let client = chain.client(wallet(DEVELOPMENT_KEY).unwrap());
    let folder = std::env::temp_dir().join(format!("palisade-{name}-{}", std::process::id()));
    let builder = Builder::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("deployment.json");
    (Deployer::open(chain, client, builder, &path, "test", true).await.unwrap(), node, folder)
}

//! A story on a node of its own, for the tests that play one.

use std::{path::PathBuf, sync::Arc};

use palisade::{
    artefact::Builder,
    chain::{Chain, Client, DEVELOPMENT_KEY, wallet},
    feed::Series,
    story::{Setting, Story},
};

/// The contracts of this project.
pub(crate) fn builder() -> Builder {
    Builder::new(env!("CARGO_MANIFEST_DIR"))
}

/// Who deploys: the owner of the public development key.
pub(crate) fn developer(chain: &Chain) -> Arc<Client> {
    chain.client(wallet(DEVELOPMENT_KEY).unwrap())
}

/// Deploys on the chain at `url`.
pub(crate) async fn begin(url: &str, ledger: PathBuf, series: Series) -> Story {
    let chain = Chain::connect(url).await.expect("the node answers");
    let deployer = developer(&chain);
    let tell = |line: &str| eprintln!("{line}");
    let setting = Setting { chain, deployer, builder: builder(), ledger: &ledger, series, tell, on_step: |_| {} };
    Story::begin(setting).await.expect("the deployment works: run `palisade build` first")
}

/// A story on a node of its own.
pub(crate) struct Stage {
    pub(crate) story: Story,
    pub(crate) node: devnode::Handle,
    pub(crate) folder: PathBuf,
}

impl Stage {
    /// Starts the node and deploys, ten days before the first price.
    pub(crate) async fn open(name: &str) -> Self {
        Self::open_with(name, Series::turning_points()).await
    }

    /// The same with other prices.
    pub(crate) async fn open_with(name: &str, series: Series) -> Self {
        let config = devnode::Config {
            port: 0,
            timestamp: Some(series.points[0].time - 10 * 86_400),
            ..devnode::Config::default()
        };
        let node = devnode::serve(config).await.expect("a free port is found");
        let folder = std::env::temp_dir().join(format!("palisade-stage-{}-{name}", std::process::id()));
        let story = begin(&node.url(), folder.join("deployment.json"), series).await;
        Self { story, node, folder }
    }

    /// Stops the node and leaves nothing behind.
    pub(crate) async fn strike(self) {
        self.node.stop().await;
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

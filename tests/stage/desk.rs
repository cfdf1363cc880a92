//! The command as people run it: the binary against a node, with what it prints and refuses.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::Arc,
};

use palisade::{chain::Client, deploy::profile::usd};

use crate::stage::{Stage, developer};

/// A deployment on a node, and a person with a million test dollars.
pub(crate) struct Desk {
    pub(crate) stage: Stage,
    pub(crate) me: Arc<Client>,
}

impl Desk {
    /// A desk on a stage of its own.
    pub(crate) async fn open(name: &str) -> Self {
        Self::at(Stage::open(name).await).await
    }

    /// A desk on a stage.
    pub(crate) async fn at(stage: Stage) -> Self {
        let story = &stage.story;
        let me = developer(story.chain());
        let asset = story.asset(&me);
        story.chain().send("minting", &me, asset.mint(me.address(), usd(1_000_000))).await.unwrap();
        Self { stage, me }
    }

    /// Runs a command with the key of the person at the desk.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_as(&self.me, arguments)
    }

    /// Runs a command with somebody's key.
    pub(crate) fn run_as(&self, who: &Arc<Client>, arguments: &[&str]) -> Output {
        let mut all = arguments.to_vec();
        let (url, file) = (self.stage.node.url(), self.stage.folder.join("deployment.json"));
        all.extend(["--rpc", &url, "--deployment", path(&file)]);
        let key = hex::encode(who.signer().signer().to_bytes());
        command(&all).env("PALISADE_KEY", key).output().expect("the command runs")
    }

    /// What a command that works with somebody's key prints.
    pub(crate) fn says_as(&self, who: &Arc<Client>, arguments: &[&str]) -> String {
        let output = self.run_as(who, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What a command that works prints.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        self.says_as(&self.me, arguments)
    }

    /// The one line of a command that does not work.
    pub(crate) fn refuses(&self, arguments: &[&str]) -> String {
        self.refuses_as(&self.me, arguments)
    }

    /// The one line of a command that does not work with somebody's key.
    pub(crate) fn refuses_as(&self, who: &Arc<Client>, arguments: &[&str]) -> String {
        let output = self.run_as(who, arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}: {}", text(&output.stdout));
        let told = text(&output.stderr);
        told.lines().last().unwrap_or_default().to_owned()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// Output as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The command, without anybody's key.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    for variable in ["PALISADE_KEY", "PALISADE_PASSWORD", "PALISADE_RPC_URL"] {
        command.env_remove(variable);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

//! The `devnode` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devnode::cli::{self, Options, TraceOptions};

/// A development node for Arbitrum Stylus: EVM and WebAssembly programs over JSON-RPC, with Nitro's gas.
#[derive(Debug, Parser)]
#[command(name = "devnode", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    node: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what a transaction's programs did: their calls of the host, and where the gas went.
    Trace(TraceOptions),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, node } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            eprintln!("{}", first_paragraph(&error.to_string()));
            return ExitCode::from(2);
        }
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    let result = match command {
        None => cli::run(node, concat!("devnode ", env!("CARGO_PKG_VERSION"))).await,
        Some(Command::Trace(options)) => cli::trace(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong, in one line, without the advice that follows.
fn first_paragraph(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_error_is_one_line() {
        let wrong = |args: &[&str]| {
            let error = Cli::try_parse_from([&["devnode"], args].concat()).expect_err("wrong arguments");
            first_paragraph(&error.to_string())
        };
        assert_eq!(wrong(&["--nonsense"]), "error: unexpected argument '--nonsense' found");
        assert_eq!(wrong(&["trace"]), "error: the following required arguments were not provided: <HASH>");
        assert!(wrong(&["--port", "70000"]).starts_with("error: invalid value '70000' for '--port <PORT>'"));
        assert!(wrong(&["--fork-url", "http://x"]).contains("this node does not fork other chains"));
    }
}

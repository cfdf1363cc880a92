//! The `palisade` command.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match palisade::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong and why. Some errors tell their cause themselves: it is not told twice.
fn one_line(error: &eyre::Report) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = || std::io::Error::other("no such file");
        assert_eq!(one_line(&eyre::Report::new(cause()).wrap_err("reading a.csv")), "reading a.csv: no such file");
        assert_eq!(one_line(&eyre::Report::new(cause()).wrap_err("a.csv: no such file")), "a.csv: no such file");
    }
}

//! Any calls: by a function's signature and its arguments, or as bytes.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use ethers::types::{Address, Bytes, U256};
use eyre::{Result, bail, eyre};
use serde_json::Value;

use super::{
    super::session::{Session, Unit},
    Draft,
};
use crate::{
    dao::Action,
    interface::{Function, Interface, Names},
};

/// Calls of one's own.
#[derive(Debug, Args)]
pub(super) struct Raw {
    /// What the proposal is called.
    #[arg(long, value_name = "TEXT")]
    title: String,
    #[command(flatten)]
    calls: Calls,
}

/// `--call`, `--calldata` and `--value` in the order in which they were given.
#[derive(Clone, Debug, Default)]
struct Calls(Vec<Given>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Call(Vec<String>),
    Data(Vec<String>),
    Value(String),
}

impl Args for Calls {
    fn augment_args(command: Command) -> Command {
        let call = Arg::new("call")
            .long("call")
            .num_args(2..)
            .allow_negative_numbers(true)
            .action(ArgAction::Append)
            .value_names(["CONTRACT", "SIGNATURE", "ARGUMENTS"])
            .help(
                "A call: the contract's address or name, the function's signature (of a contract of the deployment \
                 its name is enough), and its arguments; lists and structs as JSON. Once for each call, in order",
            );
        let data = Arg::new("calldata")
            .long("calldata")
            .num_args(2)
            .action(ArgAction::Append)
            .value_names(["CONTRACT", "BYTES"])
            .help("A call as bytes in hexadecimal");
        let value = Arg::new("value")
            .long("value")
            .action(ArgAction::Append)
            .value_name("ETHER")
            .help("Ether that goes with the call before it");
        command.args([call, data, value])
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Calls {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = Vec::new();
        for (id, kind) in
            [("call", Given::Call as fn(Vec<String>) -> Given), ("calldata", Given::Data as fn(Vec<String>) -> Given)]
        {
            let mut places = matches.indices_of(id).into_iter().flatten();
            for values in matches.get_occurrences::<String>(id).into_iter().flatten() {
                let values: Vec<_> = values.cloned().collect();
                let place = places.next();
                places.by_ref().take(values.len() - 1).for_each(drop);
                given.push((place, kind(values)));
            }
        }
        let places = matches.indices_of("value").into_iter().flatten();
        let values = matches.get_many::<String>("value").into_iter().flatten();
        given.extend(places.zip(values).map(|(place, value)| (Some(place), Given::Value(value.clone()))));
        given.sort_by_key(|(place, _)| *place);
        Ok(Self(given.into_iter().map(|(_, given)| given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Raw {
    pub(super) fn draft(&self, session: &Session) -> Result<Draft> {
        let mut draft = Draft::new(self.title.trim());
        if draft.title.is_empty() || draft.title.contains('\n') {
            bail!("a title is one line of text");
        }
        draft.actions = self.calls.actions(&session.names())?;
        Ok(draft)
    }
}

impl Calls {
    fn actions(&self, names: &Names) -> Result<Vec<Action>> {
        let mut actions: Vec<Action> = Vec::new();
        for given in &self.0 {
            match given {
                Given::Call(words) => {
                    let (to, data) = call(words, names)?;
                    actions.push(Action::new(to, data));
                }
                Given::Data(words) => {
                    let data = words[1].strip_prefix("0x").and_then(|digits| hex::decode(digits).ok());
                    let data = data.ok_or_else(|| eyre!("{:?} is no bytes in hexadecimal", words[1]))?;
                    actions.push(Action::new(contract(&words[0], names)?, data.into()));
                }
                Given::Value(ether) => {
                    let value = Unit { symbol: "ether".into(), decimals: 18 }.parse(ether)?;
                    let Some(last) = actions.last_mut() else { bail!("--value {ether} has no call before it") };
                    if last.value != U256::zero() {
                        bail!("--value {ether}: the call before it has a value already");
                    }
                    last.value = value;
                }
            }
        }
        Ok(actions)
    }
}

fn contract(text: &str, names: &Names) -> Result<Address> {
    names.resolve(text).ok_or_else(|| eyre!("{text:?} is neither an address nor the name of a contract"))
}

/// A call in words: contract, signature, arguments.
fn call(words: &[String], names: &Names) -> Result<(Address, Bytes)> {
    let [target, signature, arguments @ ..] = words else { bail!("a call is a contract, a signature and arguments") };
    let to = contract(target, names)?;
    let function = function(signature, to, names)?;
    if function.inputs.len() != arguments.len() {
        bail!("{} takes {} arguments, and {} were given", function.signature(), function.inputs.len(), arguments.len());
    }
    let mut tokens = Vec::new();
    for (input, text) in function.inputs.iter().zip(arguments) {
        let value = if text.starts_with(['[', '{']) {
            serde_json::from_str(text).map_err(|error| eyre!("{text}: {error}"))?
        } else {
            Value::String(text.clone())
        };
        tokens.push(input.token(&value, names).map_err(|reason| eyre!("{}: {reason}", function.signature()))?);
    }
    Ok((to, function.encode(&tokens).into()))
}

/// A function by its signature, or by its name where its contract is one of the deployment's.
fn function(signature: &str, to: Address, names: &Names) -> Result<Function> {
    if signature.contains('(') {
        let function = Function::parse(signature).map_err(|reason| eyre!(reason))?;
        // a known one has names
        let known = names.function(to, &function.selector()).filter(|known| known.selector() == function.selector());
        return Ok(known.cloned().unwrap_or(function));
    }
    let Some(interface) = names.name(to).and_then(Interface::of_contract) else {
        bail!(
            "{to:?} is none of the deployment's contracts: give the function with its types, such as {signature}(address)"
        );
    };
    let found: Vec<_> = interface.functions(signature).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => bail!("{} has no function {signature}", names.show(to)),
        several => {
            let signatures: Vec<_> = several.iter().map(|function| function.signature()).collect();
            bail!("there are {}: give one of them", signatures.join(" and "))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::deploy::Ledger;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        raw: Raw,
    }

    fn names() -> Names {
        let mut ledger = Ledger::default();
        for (name, byte) in [("policy", 1), ("governor", 2), ("feed", 3)] {
            ledger.contracts.insert(name.into(), Address::repeat_byte(byte));
        }
        Names::of(&ledger)
    }

    fn actions(words: &[&str]) -> Result<Vec<Action>> {
        let all = ["raw", "--title", "T"].into_iter().chain(words.iter().copied());
        Line::try_parse_from(all)?.raw.calls.actions(&names())
    }

    #[test]
    fn calls_keep_their_order_and_their_values() {
        let other = "0x0909090909090909090909090909090909090909";
        let found = actions(&[
            "--call",
            "policy",
            "setShares",
            "800",
            "500",
            "2000",
            "--calldata",
            other,
            "0x01020304",
            "--value",
            "1.5",
            "--call",
            other,
            "act(int8,uint256[])",
            "-3",
            "[1, 2]",
        ])
        .unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].to, found[0].data.len()), (Address::repeat_byte(1), 100));
        assert_eq!((found[1].value, found[1].data.to_vec()), (U256::exp10(17) * 15, vec![1, 2, 3, 4]));
        assert_eq!(found[2].data[..4], ethers::utils::id("act(int8,uint256[])"));
        assert_eq!(found[2].data[35], 0xfd, "minus three");
    }

    #[test]
    fn wrong_calls_are_told_in_words() {
        for (words, told) in [
            (&["--call", "nowhere", "f()"][..], "neither an address nor the name"),
            (&["--call", "policy", "setShares", "800"], "takes 3 arguments, and 1 were given"),
            (&["--call", "policy", "setShares", "800", "500", "70000"], "referralBps: \"70000\" is no whole number"),
            (&["--call", "policy", "fly"], "has no function fly"),
            (&["--call", "feed", "fly"], "is none of the deployment's contracts"),
            (&["--call", "governor", "quorumNumerator"], "quorumNumerator(uint256) and quorumNumerator()"),
            (&["--calldata", "policy", "zz"], "is no bytes in hexadecimal"),
            (&["--value", "1"], "has no call before it"),
            (&["--call", "policy", "f(uint8"], "is no signature"),
            (&["--calldata", "policy", "0x01", "--value", "1", "--value", "2"], "has a value already"),
        ] {
            let error = actions(words).unwrap_err().to_string();
            assert!(error.contains(told), "{words:?}: {error}");
        }
        assert!(actions(&["--call", "policy"]).is_err(), "a call needs a function");
        assert!(actions(&[]).unwrap().is_empty());
    }
}

//! What code writes to the console: host functions of programs, and calls of the address that Solidity's `console.log`
//! of Hardhat and Foundry calls.

use std::collections::HashMap;
use std::sync::LazyLock;

use alloy_dyn_abi::{DynSolType, DynSolValue};
use alloy_primitives::{Address, address, hex, keccak256};

/// The account whose calls are lines: nobody lives there.
pub(super) const CONSOLE: Address = address!("000000000000000000636f6e736f6c652e6c6f67");
/// Most lines of one execution, and most bytes in all of them.
const MAX_LINES: usize = 1_000;
const MAX_BYTES: usize = 64 * 1024;
/// Most arguments of `log`.
const MAX_ARGUMENTS: usize = 4;

/// Lines of one execution. Reverts do not take them back.
#[derive(Debug, Default)]
pub(super) struct Console {
    lines: Vec<String>,
    bytes: usize,
    dropped: usize,
}

impl Console {
    /// Adds what a program or contract says, a line at a time.
    pub(super) fn say(&mut self, text: &str) {
        for line in text.split('\n') {
            if self.lines.len() >= MAX_LINES || self.bytes + line.len() > MAX_BYTES {
                self.dropped += 1;
            } else {
                self.bytes += line.len();
                self.lines.push(line.to_owned());
            }
        }
    }

    /// Adds what a call of the console's address says.
    pub(super) fn call(&mut self, input: &[u8]) {
        if self.lines.len() >= MAX_LINES || self.bytes + input.len() > MAX_BYTES {
            self.dropped += 1;
        } else {
            self.say(&read(input));
        }
    }

    /// The lines; the last one tells of those that found no room.
    pub(super) fn into_lines(mut self) -> Vec<String> {
        if self.dropped > 0 {
            self.lines.push(format!("… and {} more", self.dropped));
        }
        self.lines
    }
}

/// Types of the arguments behind each known selector.
static SIGNATURES: LazyLock<HashMap<[u8; 4], Vec<DynSolType>>> = LazyLock::new(|| {
    let mut signatures = HashMap::new();
    // Early versions hashed `uint` and `int`, which is no type of the ABI; some libraries still do.
    for number in ["uint256", "uint"] {
        let kinds = [number, "string", "bool", "address"];
        let mut lists: Vec<Vec<&str>> = vec![Vec::new()];
        for length in 0..=MAX_ARGUMENTS {
            for list in lists.iter().filter(|list| list.len() == length) {
                add(&mut signatures, "log", list);
            }
            let longer = lists.iter().filter(|list| list.len() == length);
            let longer = longer.flat_map(|list| kinds.map(|kind| [list.as_slice(), &[kind]].concat()));
            lists = longer.collect();
        }
    }
    for kind in ["int256", "int", "bytes"] {
        add(&mut signatures, "log", &[kind]);
    }
    for (name, kind) in [
        ("logInt", "int256"),
        ("logInt", "int"),
        ("logUint", "uint256"),
        ("logUint", "uint"),
        ("logString", "string"),
        ("logBool", "bool"),
        ("logAddress", "address"),
        ("logBytes", "bytes"),
    ] {
        add(&mut signatures, name, &[kind]);
    }
    for size in 1..=32 {
        let kind = format!("bytes{size}");
        add(&mut signatures, "log", &[&kind]);
        add(&mut signatures, &format!("logBytes{size}"), &[&kind]);
    }
    signatures
});

fn add(signatures: &mut HashMap<[u8; 4], Vec<DynSolType>>, name: &str, kinds: &[&str]) {
    let hash = keccak256(format!("{name}({})", kinds.join(",")));
    let types = kinds.iter().filter_map(|kind| DynSolType::parse(kind).ok()).collect();
    signatures.insert([hash[0], hash[1], hash[2], hash[3]], types);
}

/// The line that a call says; one that is not understood is told as it is.
fn read(input: &[u8]) -> String {
    let plain = || hex::encode_prefixed(input);
    let Some((selector, data)) = input.split_first_chunk::<4>() else { return plain() };
    let Some(types) = SIGNATURES.get(selector) else { return plain() };
    if types.is_empty() {
        return String::new();
    }
    match DynSolType::Tuple(types.clone()).abi_decode_params(data) {
        Ok(DynSolValue::Tuple(values)) => format(&values),
        _ => plain(),
    }
}

/// A first text may have places (`%s`, `%d`, `%i`, `%o`, `%x`) for what follows it; the rest comes behind it.
fn format(values: &[DynSolValue]) -> String {
    let mut values = values.iter();
    let mut line = match values.next() {
        Some(DynSolValue::String(text)) => text.clone(),
        Some(value) => show(value),
        None => return String::new(),
    };
    if values.len() > 0 && line.contains('%') {
        let mut filled = String::new();
        let mut rest = line.as_str();
        while let Some(at) = rest.find('%') {
            filled.push_str(&rest[..at]);
            let place = &rest[at..];
            let kind = place.chars().nth(1);
            let taken = match kind {
                Some('%') => Some("%".to_owned()),
                Some('s' | 'd' | 'i' | 'o') => values.next().map(show),
                Some('x') => values.next().map(|value| match value {
                    DynSolValue::Uint(number, _) => format!("{number:#x}"),
                    other => show(other),
                }),
                _ => None,
            };
            match taken {
                Some(text) => {
                    filled.push_str(&text);
                    rest = &place[2..];
                }
                None => {
                    filled.push('%');
                    rest = &place[1..];
                }
            }
        }
        filled.push_str(rest);
        line = filled;
    }
    for value in values {
        line.push(' ');
        line.push_str(&show(value));
    }
    line
}

fn show(value: &DynSolValue) -> String {
    match value {
        DynSolValue::String(text) => text.clone(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Int(number, _) => number.to_string(),
        DynSolValue::Bool(flag) => flag.to_string(),
        DynSolValue::Address(address) => address.to_checksum(None),
        DynSolValue::Bytes(bytes) => hex::encode_prefixed(bytes),
        DynSolValue::FixedBytes(word, size) => hex::encode_prefixed(&word[..*size]),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use alloy_sol_types::{SolCall, sol};

    use super::*;

    sol! {
        function log(string text, uint256 number);
        function log(address who, bool flag, uint256 number);
        function log(string text, string a, string b, uint256 number);
        function log(int256);
        function log();
        function logBytes4(bytes4);
    }

    #[test]
    fn lines_read_as_solidity_wrote_them() {
        let who = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        let number = U256::from(42);
        for (input, line) in [
            (log_0Call { text: "answer".into(), number }.abi_encode(), "answer 42"),
            (log_1Call { who, flag: true, number }.abi_encode(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 true 42"),
            (
                log_2Call { text: "%s is %s%%, 100%".into(), a: "x".into(), b: "y".into(), number }.abi_encode(),
                "x is y%, 100% 42",
            ),
            (log_3Call("-5".parse().expect("a number")).abi_encode(), "-5"),
            (log_4Call {}.abi_encode(), ""),
            (logBytes4Call([1, 2, 3, 4].into()).abi_encode(), "0x01020304"),
        ] {
            assert_eq!(read(&input), line);
        }
    }

    #[test]
    fn the_early_selectors_are_known() {
        // log(string,uint)
        let mut input = keccak256("log(string,uint)")[..4].to_vec();
        input.extend(&log_0Call { text: "n".into(), number: U256::from(7) }.abi_encode()[4..]);
        assert_eq!(read(&input), "n 7");
    }

    #[test]
    fn what_is_not_understood_is_told_as_it_is() {
        let mut cut = log_0Call { text: "answer".into(), number: U256::ZERO }.abi_encode();
        cut.truncate(40);
        for input in [&[][..], &[1, 2], &[0xaa, 0xbb, 0xcc, 0xdd, 1], &cut] {
            assert_eq!(read(input), hex::encode_prefixed(input));
        }
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let mut console = Console::default();
        console.say(&"x".repeat(MAX_BYTES + 1));
        console.say("a\nb");
        console.call(&vec![0; MAX_BYTES]);
        for _ in 0..MAX_LINES {
            console.say("");
        }
        let lines = console.into_lines();
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!((lines[0].as_str(), lines[1].as_str()), ("a", "b"));
        assert_eq!(lines[MAX_LINES], "… and 4 more");
    }
}

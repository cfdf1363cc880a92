//! Where the gas of a transaction went: a table of what its programs asked of the host, and of what they did in between.
//!
//! ```no_run
//! # fn example(node: &devnode::Node, hash: alloy_primitives::B256) -> Result<(), devnode::profile::ProfileError> {
//! println!("{}", devnode::profile::of(node, hash)?);
//! # Ok(())
//! # }
//! ```

use std::fmt;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};

use crate::arbos::STATE_ADDRESS;
use crate::arbos::state::{space, unpack_params};
use crate::chain::{BlockRef, CallError, Node};
use crate::evm::trace::{CallFrame, TraceTooLarge};
use crate::evm::{Execution, Options};
use crate::wasm::trace::HostioRecord;

/// Why there is no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The transaction cannot be executed again.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It does too much to be recorded.
    #[error(transparent)]
    TooLarge(#[from] TraceTooLarge),
    /// A call without a frame (value in a static call) leaves records that cannot be told apart.
    #[error("a call without a frame cannot be profiled")]
    Broken,
}

/// Where the gas of a transaction went.
///
/// All gas is in the lines: what the transaction costs by itself, and what each frame used less what the frames that it
/// called used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The transaction.
    pub transaction: B256,
    /// Gas used, the refund taken off.
    pub gas_used: u64,
    /// Refund.
    pub refunded: u64,
    /// Gas of the transaction itself, before any code runs.
    pub intrinsic: u64,
    /// Ink for a unit of gas.
    pub ink_price: u64,
    /// The frames, each before those that it called.
    pub frames: Vec<Frame>,
}

/// A call or creation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// Frames around it.
    pub depth: usize,
    /// `CALL`, `DELEGATECALL`, `CREATE2`, …
    pub kind: String,
    /// Callee or created account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Gas used, with all frames that it called.
    pub gas: u64,
    /// Gas used by itself.
    pub own_gas: f64,
    /// How it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What a program did; none for EVM code and precompiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

/// What a program did in a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Program {
    /// Gas for starting it: loading and its first pages of memory.
    pub entry: u64,
    /// Gas of its own instructions, between host calls.
    pub instructions: f64,
    /// Gas that was left and is lost, because it failed otherwise than by reverting.
    pub lost: f64,
    /// The host functions that it called, the dearest first.
    pub host_calls: Vec<HostCalls>,
}

/// All calls of one host function in a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostCalls {
    /// The function.
    pub name: String,
    /// How often it was called.
    pub count: u64,
    /// Ink of all these calls, without what called frames used.
    pub ink: u64,
    /// The same in gas.
    pub gas: f64,
    /// Its part of all gas that the transaction took, refunds left aside.
    pub share: f64,
}

/// The profile of a mined transaction: it is executed again on the state that it had.
///
/// # Errors
///
/// No such transaction, its state is no longer kept, or its trace is too large or broken.
pub fn of(node: &Node, hash: B256) -> Result<Profile, ProfileError> {
    let options = Options { trace_host_io: true, trace_calls: true, ..Options::default() };
    let execution = node.trace(hash, options)?;
    if let Some(error) = execution.trace_error {
        return Err(error.into());
    }
    let (block, _) = node.find(hash).ok_or(CallError::UnknownTransaction)?;
    let price = node.ink_price(BlockRef::Number(block.header.number))?;
    let records = execution.host_trace.as_ref().map(|trace| trace.records().ok_or(ProfileError::Broken));
    let records = records.transpose()?.unwrap_or_default();
    Ok(profile(hash, &execution, records, price))
}

impl Node {
    /// Ink for a unit of gas after a block.
    fn ink_price(&self, block: BlockRef) -> Result<u64, CallError> {
        let word = self.read(&block, |state| state.slot(STATE_ADDRESS, space::program_params().at(0)))?;
        Ok(u64::from(unpack_params(word).ink_price).max(1))
    }
}

fn profile(hash: B256, execution: &Execution, records: &[HostioRecord], price: u64) -> Profile {
    let spent = execution.gas_used + execution.gas_refunded;
    let mut frames = Vec::new();
    if let Some(root) = &execution.call_trace {
        // The root tells the whole transaction: here it is only what ran.
        let gas_used = spent.saturating_sub(execution.intrinsic_gas);
        let root = Entry { frame: root, gas: execution.frame_gas, gas_used };
        Teller { price, spent: spent.max(1) as f64, frames: &mut frames }.tell(root, records, 0);
    }
    Profile {
        transaction: hash,
        gas_used: execution.gas_used,
        refunded: execution.gas_refunded,
        intrinsic: execution.intrinsic_gas,
        ink_price: price,
        frames,
    }
}

/// A frame with the gas that it got and used.
#[derive(Clone, Copy)]
struct Entry<'a> {
    frame: &'a CallFrame,
    gas: u64,
    gas_used: u64,
}

struct Teller<'a> {
    price: u64,
    /// Gas of the whole transaction, refunds left aside.
    spent: f64,
    frames: &'a mut Vec<Frame>,
}

impl Teller<'_> {
    fn tell(&mut self, entry: Entry<'_>, records: &[HostioRecord], depth: usize) {
        let Entry { frame, gas_used, .. } = entry;
        let inner: u64 = frame.calls.iter().map(|call| call.gas_used).sum();
        self.frames.push(Frame {
            depth,
            kind: frame.kind.to_owned(),
            address: frame.to,
            gas: gas_used,
            own_gas: gas_used.saturating_sub(inner) as f64,
            error: frame.error.clone(),
            program: self.program(entry, records),
        });
        // Each frame has left one record, in the same order.
        let steps = records.iter().filter(|record| record.address.is_some()).map(|record| record.steps.as_slice());
        for (call, steps) in frame.calls.iter().zip(steps.chain(std::iter::repeat(&[][..]))) {
            self.tell(Entry { frame: call, gas: call.gas, gas_used: call.gas_used }, steps, depth + 1);
        }
    }

    fn program(&self, Entry { frame, gas, gas_used }: Entry<'_>, records: &[HostioRecord]) -> Option<Program> {
        let start = records.iter().find(|record| record.name == "user_entrypoint")?.start_ink;
        let mut calls = frame.calls.iter();
        let mut host_calls: Vec<HostCalls> = Vec::new();
        let (mut ink, mut instructions, mut inner) = (start, 0, 0);
        for record in records {
            if record.address.is_some() {
                inner += calls.next().map_or(0, |call| call.gas_used);
            }
            if record.name.starts_with("user_") || record.name.starts_with("evm_") && record.address.is_some() {
                continue;
            }
            instructions += ink.saturating_sub(record.start_ink);
            ink = record.end_ink;
            let taken = record.start_ink.saturating_sub(record.end_ink);
            // What the frames inside used is theirs.
            let taken = taken.saturating_sub(std::mem::take(&mut inner).saturating_mul(self.price));
            match host_calls.iter_mut().find(|calls| calls.name == record.name) {
                Some(calls) => (calls.count, calls.ink) = (calls.count + 1, calls.ink + taken),
                None => {
                    let name = record.name.clone();
                    host_calls.push(HostCalls { name, count: 1, ink: taken, gas: 0.0, share: 0.0 });
                }
            }
        }
        for calls in &mut host_calls {
            calls.gas = self.gas(calls.ink);
            calls.share = calls.gas / self.spent;
        }
        host_calls.sort_by(|a, b| b.ink.cmp(&a.ink).then_with(|| a.name.cmp(&b.name)));

        let rest = ink.saturating_sub(gas.saturating_sub(gas_used).saturating_mul(self.price));
        let is_lost = frame.error.as_deref().is_some_and(|error| !error.starts_with("execution reverted"));
        let (rest, lost) = if is_lost { (0, rest) } else { (rest, 0) };
        Some(Program {
            entry: gas.saturating_sub(start / self.price),
            instructions: self.gas(instructions + rest),
            lost: self.gas(lost),
            host_calls,
        })
    }

    fn gas(&self, ink: u64) -> f64 {
        ink as f64 / self.price as f64
    }
}

impl fmt::Display for Profile {
    /// A table of four columns: what, how often, gas, share.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spent = (self.gas_used + self.refunded).max(1) as f64;
        let mut rows: Vec<Row> = vec![Row::gas(0, "intrinsic".to_owned(), self.intrinsic as f64)];
        for frame in &self.frames {
            let depth = frame.depth;
            let address = frame.address.map(|address| format!(" {address}")).unwrap_or_default();
            let what = if frame.program.is_some() { " (program)" } else { "" };
            let error = frame.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            let own = frame.program.is_none().then_some(frame.own_gas);
            rows.push(Row { gas: own, ..Row::gas(depth, format!("{}{address}{what}{error}", frame.kind), 0.0) });
            let Some(program) = &frame.program else { continue };
            rows.push(Row::gas(depth + 1, "entry".to_owned(), program.entry as f64));
            rows.push(Row::gas(depth + 1, "own instructions".to_owned(), program.instructions));
            for calls in &program.host_calls {
                rows.push(Row { count: Some(calls.count), ..Row::gas(depth + 1, calls.name.clone(), calls.gas) });
            }
            if program.lost > 0.0 {
                rows.push(Row::gas(depth + 1, "lost with the failure".to_owned(), program.lost));
            }
        }
        if self.refunded > 0 {
            rows.push(Row::gas(0, "refund".to_owned(), -(self.refunded as f64)));
        }
        rows.push(Row::gas(0, "used".to_owned(), self.gas_used as f64));

        let width = rows.iter().map(Row::width).max().unwrap_or_default().max("transaction".len());
        writeln!(f, "transaction {}", self.transaction)?;
        writeln!(f, "{:width$}  {:>6}  {:>14}  {:>7}", "", "calls", "gas", "share")?;
        for row in rows {
            let name = format!("{:indent$}{}", "", row.name, indent = 2 * row.depth);
            let Some(gas) = row.gas else {
                writeln!(f, "{name}")?;
                continue;
            };
            let count = row.count.map(grouped).unwrap_or_default();
            let share = format!("{:.1} %", 100.0 * gas / spent);
            writeln!(f, "{name:width$}  {count:>6}  {:>14}  {share:>7}", decimal(gas))?;
        }
        Ok(())
    }
}

struct Row {
    depth: usize,
    name: String,
    count: Option<u64>,
    gas: Option<f64>,
}

impl Row {
    fn gas(depth: usize, name: String, gas: f64) -> Self {
        Self { depth, name, count: None, gas: Some(gas) }
    }

    fn width(&self) -> usize {
        2 * self.depth + self.name.chars().count()
    }
}

/// Gas with two decimals and its thousands apart.
fn decimal(gas: f64) -> String {
    let hundredths = (gas.abs() * 100.0).round() as u64;
    let sign = if gas < 0.0 { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(hundredths / 100), hundredths % 100)
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, start_ink: u64, end_ink: u64) -> HostioRecord {
        HostioRecord {
            name: name.to_owned(),
            args: Default::default(),
            outs: Default::default(),
            start_ink,
            end_ink,
            address: None,
            steps: Vec::new(),
        }
    }

    /// A program with 100,000 gas that stores, calls EVM code for 5,000 gas and returns with 60,000 left.
    fn example() -> (Execution, Vec<HostioRecord>) {
        let callee = Address::repeat_byte(2);
        let call =
            HostioRecord { address: Some(callee), ..host("call_contract", 700_000_000, 600_000_000 + 45_000_000) };
        let records = vec![
            host("user_entrypoint", 980_000_000, 980_000_000),
            host("read_args", 970_000_000, 960_000_000),
            host("storage_flush_cache", 950_000_000, 730_000_000),
            call,
            host("read_args", 640_000_000, 635_000_000),
            host("user_returned", 980_000_000, 980_000_000),
        ];
        let inner = CallFrame { kind: "CALL", to: Some(callee), gas: 9_000, gas_used: 5_000, ..CallFrame::default() };
        let root =
            CallFrame { kind: "CALL", to: Some(Address::repeat_byte(1)), calls: vec![inner], ..CallFrame::default() };
        let execution = Execution {
            gas_used: 61_000,
            gas_refunded: 500,
            intrinsic_gas: 21_500,
            frame_gas: 100_000,
            call_trace: Some(root),
            ..Execution::default()
        };
        (execution, records)
    }

    #[test]
    fn every_unit_of_gas_is_in_one_line() {
        let (execution, records) = example();
        let profile = profile(B256::ZERO, &execution, &records, 10_000);
        let [root, inner] = profile.frames.as_slice() else { panic!("two frames") };
        assert_eq!((root.gas, root.own_gas, inner.depth, inner.gas), (40_000, 35_000.0, 1, 5_000));
        let program = root.program.as_ref().expect("a program");
        assert_eq!(
            (program.entry, program.instructions, program.lost),
            (2_000, 1_000.0 + 1_000.0 + 3_000.0 + 500.0 + 3_500.0, 0.0)
        );
        let calls: Vec<_> = program.host_calls.iter().map(|c| (c.name.as_str(), c.count, c.gas)).collect();
        assert_eq!(
            calls,
            [("storage_flush_cache", 1, 22_000.0), ("read_args", 2, 1_500.0), ("call_contract", 1, 500.0)]
        );
        let host: f64 = program.host_calls.iter().map(|calls| calls.gas).sum();
        assert_eq!(root.own_gas, program.entry as f64 + program.instructions + host);
        assert_eq!(profile.intrinsic + root.gas, profile.gas_used + profile.refunded);
    }

    #[test]
    fn what_a_failure_takes_is_told_apart() {
        let (mut execution, records) = example();
        execution.gas_used = 121_500;
        execution.gas_refunded = 0;
        execution.call_trace.as_mut().expect("a trace").error = Some("out of gas".to_owned());
        let profile = profile(B256::ZERO, &execution, &records[..3], 10_000);
        let program = profile.frames[0].program.as_ref().expect("a program");
        assert_eq!((program.instructions, program.lost), (2_000.0, 73_000.0));
    }

    #[test]
    fn the_table_is_aligned() {
        let (execution, records) = example();
        let table = profile(B256::ZERO, &execution, &records, 10_000).to_string();
        let lines: Vec<_> = table.lines().collect();
        assert!(lines[2].starts_with("intrinsic ") && lines[2].ends_with("21,500.00   35.0 %"), "{table}");
        assert_eq!(lines[3], "CALL 0x0101010101010101010101010101010101010101 (program)");
        assert!(
            lines[6].starts_with("  storage_flush_cache ") && lines[6].ends_with("1       22,000.00   35.8 %"),
            "{table}"
        );
        assert!(lines[9].starts_with("  CALL 0x0202"), "{table}");
        assert!(lines.last().expect("a line").ends_with("61,000.00   99.2 %"), "{table}");
        let numbers = lines[2..].iter().filter(|line| line.ends_with('%'));
        assert!(numbers.clone().count() > 6 && numbers.clone().all(|line| line.len() == lines[2].len()), "{table}");
    }

    #[test]
    fn a_profile_survives_json() {
        let (execution, records) = example();
        let profile = profile(B256::ZERO, &execution, &records, 10_000);
        let json = serde_json::to_value(&profile).expect("JSON");
        assert_eq!(json["frames"][0]["program"]["hostCalls"][0]["name"], "storage_flush_cache");
        assert_eq!(serde_json::from_value::<Profile>(json).expect("a profile"), profile);
    }
}

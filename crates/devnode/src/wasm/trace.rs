//! The record of host calls that `stylusTracer` tells.

use alloy_primitives::{Address, Bytes};

/// One record: a host call, the entry or the return of a program, or a frame of the EVM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostioRecord {
    /// Name of the host function; frames that no host call has claimed begin with `evm_`.
    pub name: String,
    /// What the program gave, in the order of meaning, integers big-endian.
    pub args: Bytes,
    /// What the program got, likewise.
    pub outs: Bytes,
    /// Ink before the call.
    pub start_ink: u64,
    /// Ink after the call.
    pub end_ink: u64,
    /// Callee, for records that hold a frame.
    pub address: Option<Address>,
    /// What happened inside, for records that hold a frame.
    pub steps: Vec<HostioRecord>,
}

/// Records of one transaction, nested as its frames are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostioTrace {
    open: Vec<HostioRecord>,
    top: Vec<HostioRecord>,
    broken: bool,
    /// Roughly the bytes that telling it takes.
    size: usize,
    /// Records that nobody took yet, if somebody takes them.
    queue: Option<Vec<HostioRecord>>,
}

/// Most bytes, roughly, that telling one trace may take.
const TRACE_BYTES: usize = 512 << 20;
/// What a record takes beside its data, roughly.
const RECORD_BYTES: usize = 512;

/// Host calls that claim the frame that ended before their record. Creations do not: their frame stays beside it.
const FRAME_CALLS: [&str; 3] = ["call_contract", "delegate_call_contract", "static_call_contract"];

impl HostioTrace {
    /// A trace whose records can be taken one after the other, beside their tree: see [`Self::take_new`].
    pub fn with_queue() -> Self {
        Self { queue: Some(Vec::new()), ..Self::default() }
    }

    /// The records since the last time.
    pub fn take_new(&mut self) -> Vec<HostioRecord> {
        self.queue.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether it is cut, because there was no room for more.
    pub const fn is_full(&self) -> bool {
        self.size > TRACE_BYTES
    }

    /// Opens a frame: `evm_call_contract`, `evm_delegate_call_contract`, `evm_static_call_contract`, `evm_create1`,
    /// `evm_create2`, `evm_self_destruct`, or an empty name for `CALLCODE`.
    pub fn enter(&mut self, name: &str, address: Address) {
        self.open.push(HostioRecord {
            name: name.to_owned(),
            args: Bytes::new(),
            outs: Bytes::new(),
            start_ink: 0,
            end_ink: 0,
            address: Some(address),
            steps: Vec::new(),
        });
    }

    /// Closes the frame that was opened last.
    pub fn exit(&mut self) {
        if let Some(frame) = self.open.pop() {
            self.size += RECORD_BYTES;
            if !self.is_full() {
                self.list().push(frame);
            }
        }
    }

    /// Records a host call. Calls claim the frame that ended just before them; one without a frame (value
    /// in a static call) breaks the record, as it does on Nitro.
    pub fn record(&mut self, name: &'static str, args: Bytes, outs: Bytes, start_ink: u64, end_ink: u64) {
        self.size += RECORD_BYTES + 4 * (args.len() + outs.len());
        if self.is_full() {
            return;
        }
        let mut record =
            HostioRecord { name: name.to_owned(), args, outs, start_ink, end_ink, address: None, steps: Vec::new() };
        if let Some(queue) = &mut self.queue {
            queue.push(record.clone());
        }
        if FRAME_CALLS.contains(&name) {
            let list = self.list();
            match list.pop() {
                Some(frame) if frame.name.strip_prefix("evm_") == Some(name) => {
                    (record.address, record.steps) = (frame.address, frame.steps);
                }
                other => {
                    list.extend(other);
                    self.broken = true;
                }
            }
        }
        self.list().push(record);
    }

    /// What was recorded, frames that are still open left out; `None` when a call had no frame, which no tracer of
    /// Nitro can tell.
    pub fn records(&self) -> Option<&[HostioRecord]> {
        (!self.broken).then_some(&self.top)
    }

    fn list(&mut self) -> &mut Vec<HostioRecord> {
        match self.open.last_mut() {
            Some(frame) => &mut frame.steps,
            None => &mut self.top,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(records: &[HostioRecord]) -> Vec<&str> {
        records.iter().map(|record| record.name.as_str()).collect()
    }

    fn record(trace: &mut HostioTrace, name: &'static str) {
        trace.record(name, Bytes::new(), Bytes::new(), 2, 1);
    }

    #[test]
    fn a_call_claims_the_frame_that_ended_before_it() {
        let callee = Address::repeat_byte(7);
        let mut trace = HostioTrace::default();
        record(&mut trace, "user_entrypoint");
        trace.enter("evm_call_contract", callee);
        record(&mut trace, "read_args");
        trace.exit();
        record(&mut trace, "call_contract");

        let records = trace.records().unwrap();
        assert_eq!(names(records), ["user_entrypoint", "call_contract"]);
        assert_eq!(records[1].address, Some(callee));
        assert_eq!(names(&records[1].steps), ["read_args"]);
        assert_eq!((records[1].start_ink, records[1].end_ink), (2, 1));
    }

    #[test]
    fn frames_of_evm_contracts_stay_what_they_are() {
        let mut trace = HostioTrace::default();
        trace.enter("evm_delegate_call_contract", Address::ZERO);
        trace.enter("", Address::ZERO);
        trace.exit();
        trace.exit();
        let records = trace.records().unwrap();
        assert_eq!(names(records), ["evm_delegate_call_contract"]);
        assert_eq!(names(&records[0].steps), [""]);
    }

    #[test]
    fn a_call_without_its_frame_breaks_the_record() {
        let mut none = HostioTrace::default();
        record(&mut none, "call_contract");
        assert_eq!(none.records(), None);

        let mut other = HostioTrace::default();
        other.enter("evm_static_call_contract", Address::ZERO);
        other.exit();
        record(&mut other, "call_contract");
        assert_eq!(other.records(), None);
    }

    #[test]
    fn a_creation_leaves_its_frame_beside_it() {
        let mut trace = HostioTrace::default();
        trace.enter("evm_create1", Address::ZERO);
        trace.exit();
        record(&mut trace, "create1");
        assert_eq!(names(trace.records().unwrap()), ["evm_create1", "create1"]);
    }
}

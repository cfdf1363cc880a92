//! The record of calls that `callTracer` tells. Host calls of programs are in [`crate::wasm::HostioTrace`].

use alloy_primitives::{Address, Bytes, Log, U256};

use super::words;

/// Most bytes, roughly, that telling the record of one execution may take.
pub(super) const TRACE_BYTES: usize = 512 << 20;
/// What a call takes beside its data, roughly.
const FRAME_BYTES: usize = 1_024;
const LOG_BYTES: usize = 512;

/// A record did not fit into the memory that is meant for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the trace is too large: it would take more than {} MiB", TRACE_BYTES >> 20)]
pub struct TraceTooLarge;

/// One call, creation or self-destruction and all calls that it made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFrame {
    /// Opcode by which it began: `CALL`, `STATICCALL`, `DELEGATECALL`, `CALLCODE`, `CREATE`, `CREATE2`, `SELFDESTRUCT`.
    pub kind: &'static str,
    /// Caller.
    pub from: Address,
    /// Callee or, if it came to be, the created contract.
    pub to: Option<Address>,
    /// Wei sent along; none for static calls.
    pub value: Option<U256>,
    /// Gas given to the frame.
    pub gas: u64,
    /// Gas that it used.
    pub gas_used: u64,
    /// Calldata or init code.
    pub input: Bytes,
    /// Return or revert data, or the code of the created contract.
    pub output: Bytes,
    /// Why it failed, as geth words it (`execution reverted`, `out of gas`, …).
    pub error: Option<String>,
    /// The text of a Solidity `Error(string)` or the name of a `Panic`.
    pub revert_reason: Option<String>,
    /// Logs of this frame alone; without those of failed frames.
    pub logs: Vec<Log>,
    /// Calls made, in order.
    pub calls: Vec<CallFrame>,
}

/// Builds the tree of calls while they run.
#[derive(Debug, Default)]
pub(super) struct CallRecorder {
    open: Vec<Open>,
    done: Vec<CallFrame>,
    size: usize,
}

#[derive(Debug)]
struct Open {
    frame: CallFrame,
    /// Logs of the transaction before this number are recorded already.
    next_log: usize,
}

impl CallRecorder {
    /// A frame begins; `logs` are those of the transaction so far.
    pub(super) fn enter(&mut self, frame: CallFrame, logs: &[Log]) {
        self.take_logs(logs);
        self.size += FRAME_BYTES + 3 * frame.input.len();
        self.open.push(Open { frame, next_log: logs.len() });
    }

    /// The frame that began last ends.
    pub(super) fn exit(&mut self, gas_used: u64, output: Bytes, error: Option<String>, logs: &[Log]) {
        if error.is_none() {
            self.take_logs(logs);
        }
        let Some(Open { mut frame, .. }) = self.open.pop() else { return };
        frame.gas_used = gas_used;
        self.size += 3 * output.len();
        match error {
            None => frame.output = output,
            Some(error) => {
                frame.drop_logs();
                if frame.kind.starts_with("CREATE") {
                    frame.to = None;
                }
                if error == words::REVERTED {
                    frame.revert_reason = words::revert_reason(&output);
                    frame.output = output;
                }
                frame.error = Some(error);
            }
        }
        if let Some(parent) = self.open.last_mut() {
            parent.next_log = logs.len();
        }
        self.push(frame);
    }

    /// A contract destroyed itself.
    pub(super) fn self_destruct(&mut self, from: Address, to: Address, value: U256) {
        let frame = CallFrame { kind: "SELFDESTRUCT", from, to: Some(to), value: Some(value), ..CallFrame::default() };
        self.push(frame);
    }

    /// ArbOS moved wei by itself.
    pub(super) fn transfer(&mut self, from: Address, to: Address, value: U256) {
        self.push(CallFrame { kind: "CALL", from, to: Some(to), value: Some(value), ..CallFrame::default() });
    }

    /// Whether there is no room for more.
    pub(super) const fn is_full(&self) -> bool {
        self.size > TRACE_BYTES
    }

    /// The outermost frame, once it has ended.
    pub(super) fn finish(mut self) -> Option<CallFrame> {
        self.done.pop()
    }

    fn push(&mut self, frame: CallFrame) {
        match self.open.last_mut() {
            Some(_) if self.size > TRACE_BYTES => {}
            Some(parent) => parent.frame.calls.push(frame),
            None => self.done.push(frame),
        }
    }

    fn take_logs(&mut self, logs: &[Log]) {
        if let Some(open) = self.open.last_mut() {
            let new = logs.get(open.next_log..).unwrap_or_default();
            self.size += new.iter().map(|log| LOG_BYTES + 3 * log.data.data.len()).sum::<usize>();
            if self.size <= TRACE_BYTES {
                open.frame.logs.extend_from_slice(new);
            }
            open.next_log = logs.len();
        }
    }
}

impl CallFrame {
    /// A failed frame takes back its own logs and those of all frames below.
    fn drop_logs(&mut self) {
        self.logs.clear();
        for call in &mut self.calls {
            call.drop_logs();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::LogData;

    use super::*;

    fn log(byte: u8) -> Log {
        Log { address: Address::with_last_byte(byte), data: LogData::default() }
    }

    fn call(byte: u8) -> CallFrame {
        CallFrame { kind: "CALL", to: Some(Address::with_last_byte(byte)), ..CallFrame::default() }
    }

    #[test]
    fn logs_belong_to_the_frame_that_emitted_them_and_fall_with_it() {
        let mut recorder = CallRecorder::default();
        let mut logs = Vec::new();
        recorder.enter(call(1), &logs);
        logs.push(log(1));
        recorder.enter(call(2), &logs);
        logs.push(log(2));
        recorder.exit(10, Bytes::new(), None, &logs);
        logs.push(log(3));
        recorder.enter(call(3), &logs);
        logs.push(log(4));
        recorder.enter(call(4), &logs);
        logs.push(log(5));
        recorder.exit(1, Bytes::new(), None, &logs);
        logs.truncate(3);
        recorder.exit(20, Bytes::from_static(b"no"), Some("execution reverted".into()), &logs);
        logs.push(log(6));
        recorder.exit(30, Bytes::new(), None, &logs);

        let root = recorder.finish().expect("the outermost frame ended");
        assert_eq!(root.logs, [log(1), log(3), log(6)]);
        assert_eq!(root.calls[0].logs, [log(2)]);
        assert_eq!((root.calls[1].output.as_ref(), root.calls[1].gas_used), (b"no".as_slice(), 20));
        assert!(root.calls[1].logs.is_empty() && root.calls[1].calls[0].logs.is_empty());
    }

    #[test]
    fn a_creation_that_fails_has_no_address_and_other_failures_no_output() {
        let mut recorder = CallRecorder::default();
        recorder.enter(CallFrame { kind: "CREATE2", ..call(1) }, &[]);
        recorder.exit(5, Bytes::from_static(b"data"), Some("out of gas".into()), &[]);
        let frame = recorder.finish().expect("ended");
        assert_eq!((frame.to, frame.output.len(), frame.error.as_deref()), (None, 0, Some("out of gas")));
    }
}

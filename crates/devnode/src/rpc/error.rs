//! Errors in the words of geth, which clients take apart.

use alloy_primitives::{Bytes, hex};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::Value;

use crate::chain::{CallError, ClockError, DumpError, LogError, MineError, SendError, UnlockedError};
use crate::evm::{Execution, Status, revert_message};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RpcError {
    /// -32601 for unknown methods, -32602 for bad arguments, -32603 for faults of the node, 3 for reverts, -32000 for
    /// all else.
    pub code: i32,
    /// What happened.
    pub message: String,
    /// Revert data as hex, if the call reverted.
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without a code of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: -32000, message: message.into(), data: None }
    }

    /// A bad argument.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into(), data: None }
    }

    /// A method that does not exist.
    pub fn unknown_method(method: &str) -> Self {
        Self { code: -32601, message: format!("the method {method} does not exist/is not available"), data: None }
    }

    /// A fault of the node itself.
    pub fn crashed() -> Self {
        Self { code: -32603, message: "method handler crashed".to_owned(), data: None }
    }

    /// A revert with its data.
    pub fn revert(data: &Bytes) -> Self {
        Self { code: 3, message: revert_message(data), data: Some(Value::String(hex::encode_prefixed(data))) }
    }

    /// What an execution that failed is told as.
    fn failed(status: Status, output: &Bytes) -> Self {
        match status {
            Status::Halt(reason) => Self::new(reason),
            Status::Revert | Status::Success => Self::revert(output),
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code, error.message, error.data)
    }
}

/// The output of an execution that succeeded, else its error.
pub(super) fn output(execution: Execution) -> Result<Bytes, RpcError> {
    match execution.status {
        Status::Success => Ok(execution.output),
        status => Err(RpcError::failed(status, &execution.output)),
    }
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Failed(status, output) => Self::failed(status, &output),
            other => Self::new(other.to_string()),
        }
    }
}

impl From<UnlockedError> for RpcError {
    fn from(error: UnlockedError) -> Self {
        match error {
            UnlockedError::Estimate(error) => error.into(),
            other => Self::new(other.to_string()),
        }
    }
}

macro_rules! from_display {
    ($($error:ty),*) => {$(
        impl From<$error> for RpcError {
            fn from(error: $error) -> Self {
                Self::new(error.to_string())
            }
        }
    )*};
}
from_display!(SendError, ClockError, DumpError, MineError);

impl From<LogError> for RpcError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Range => Self::invalid(error.to_string()),
            other => Self::new(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_has_code_three_and_its_data() {
        let error = RpcError::revert(&Bytes::from_static(&[0xaa, 0xbb, 0xcc, 0xdd]));
        assert_eq!((error.code, error.message.as_str()), (3, "execution reverted"));
        assert_eq!(error.data, Some(Value::String("0xaabbccdd".to_owned())));
    }
}

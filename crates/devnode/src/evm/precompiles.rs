//! Ethereum's precompiles and ArbOS's, as revm calls them.

use std::convert::Infallible;
use std::sync::Arc;

use alloy_primitives::{Address, Bytes};
use revm::Database;
use revm::context::CfgEnv;
use revm::handler::{EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, Gas, InstructionResult, InterpreterResult};
use revm::primitives::AddressSet;

use super::context::{ChainView, Ctx};
use crate::arbos::precompiles::{self, Fail, Request};
use crate::rules::Rules;

/// All precompiles of a chain; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Precompiles {
    eth: EthPrecompiles,
    arbos: Arc<AddressSet>,
    all: Arc<AddressSet>,
}

impl Precompiles {
    pub(super) fn new(rules: &Rules) -> Self {
        let eth = EthPrecompiles::new(rules.spec);
        let arbos: AddressSet = precompiles::addresses(rules).collect();
        let all = eth.warm_addresses().iter().chain(&arbos).copied().collect();
        Self { eth, arbos: Arc::new(arbos), all: Arc::new(all) }
    }

    /// Addresses of all precompiles: they are warm in every transaction.
    pub(super) const fn addresses(&self) -> &Arc<AddressSet> {
        &self.all
    }
}

impl<DB: Database<Error = Infallible>> PrecompileProvider<Ctx<DB>> for Precompiles {
    type Output = InterpreterResult;

    fn set_spec(&mut self, _spec: <CfgEnv as revm::context::Cfg>::Spec) -> bool {
        false
    }

    fn run(&mut self, ctx: &mut Ctx<DB>, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        if !self.arbos.contains(&inputs.bytecode_address) {
            return self.eth.run(ctx, inputs);
        }
        let input = inputs.input.bytes(ctx);
        let request = Request {
            precompile: inputs.bytecode_address,
            acting: inputs.target_address,
            caller: inputs.caller,
            value: inputs.call_value(),
            is_static: inputs.is_static,
            input: &input,
            gas: inputs.gas_limit,
        };
        let response = precompiles::call(request, &mut ChainView(ctx));
        let mut gas = Gas::new(inputs.gas_limit);
        gas.set_remaining(response.gas_left);
        let (result, output) = match response.answer {
            Ok(data) => (InstructionResult::Return, data.into()),
            Err(Fail::Solidity(data)) => (InstructionResult::Revert, data.into()),
            Err(Fail::All | Fail::Plain) => (InstructionResult::Revert, Bytes::new()),
            Err(Fail::Error(text)) => {
                ctx.chain.failure = Some(text);
                (InstructionResult::PrecompileError, Bytes::new())
            }
        };
        Ok(Some(InterpreterResult::new(result, output, gas)))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.all
    }

    fn contains(&self, address: &Address) -> bool {
        self.all.contains(address)
    }
}

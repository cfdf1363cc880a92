//! Every number of programs: host-call and opcode prices, the page model, the cost of calls and of activation.
//!
//! Ink is gas at `ink_price` ink a unit of gas (10,000 by default). Sums saturate.

/// ArbOS's parameters of programs, one word of its storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StylusParams {
    /// Stylus version that the chain runs.
    pub version: u16,
    /// Ink for one gas; at most 24 bits.
    pub ink_price: u32,
    /// Words of stack that a program may use.
    pub max_stack_depth: u32,
    /// Pages of a transaction that cost nothing.
    pub free_pages: u16,
    /// Gas for each page beyond.
    pub page_gas: u16,
    /// Pages that may be open at once when a program is activated.
    pub page_limit: u16,
    /// Least cost of starting a program that is not cached, in units of 128 gas.
    pub min_init_gas: u8,
    /// Least cost of starting a cached program, in units of 32 gas.
    pub min_cached_init_gas: u8,
    /// Scale of the init cost, in units of 2 %.
    pub init_cost_scalar: u8,
    /// Scale of the cached cost, in units of 2 %.
    pub cached_cost_scalar: u8,
    /// Days until an activation expires.
    pub expiry_days: u16,
    /// Days after which an activation may be renewed.
    pub keepalive_days: u16,
    /// Programs of a block that count as cached after they ran.
    pub block_cache_size: u16,
    /// Longest module after decompression, in bytes.
    pub max_wasm_size: u32,
    /// Most fragments of one program.
    pub max_fragment_count: u8,
}

impl Default for StylusParams {
    /// What a new chain starts with (its stack depth already under the cap of ArbOS 50).
    fn default() -> Self {
        Self {
            version: 2,
            ink_price: 10_000,
            max_stack_depth: 22_000,
            free_pages: 2,
            page_gas: 1_000,
            page_limit: 128,
            min_init_gas: 69,
            min_cached_init_gas: 11,
            init_cost_scalar: 50,
            cached_cost_scalar: 50,
            expiry_days: 365,
            keepalive_days: 31,
            block_cache_size: 32,
            max_wasm_size: 128 * 1024,
            max_fragment_count: 2,
        }
    }
}

/// Memory pages of a transaction. `open` is restored when a program returns, `ever` only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Pages that running programs hold now.
    pub open: u16,
    /// Most pages that were ever open.
    pub ever: u16,
}

impl Pages {
    /// Gas for `new` more pages; does not open them.
    pub fn cost(&self, _new: u16, _params: &StylusParams) -> u64 {
        unimplemented!()
    }

    /// Opens `new` pages and answers their gas.
    pub fn open(&mut self, _new: u16, _params: &StylusParams) -> u64 {
        unimplemented!()
    }
}

/// Gas for starting a program, its pages not included. What `ArbWasm.programInitGas` answers are
/// [`init_gas`] + [`cached_gas`] and [`cached_gas`].
pub fn call_gas(_params: &StylusParams, _init: u16, _cached: u16, _is_cached: bool) -> u64 {
    unimplemented!()
}

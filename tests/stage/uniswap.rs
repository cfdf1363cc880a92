//! Uniswap v3 as it was published, on a node: the bytecode of the npm packages which tests/solidity/package.json pins,
//! read where they are installed.

use std::{path::PathBuf, sync::Arc};

use ethers::{
    abi::{Token, encode},
    contract::ContractCall,
    types::{Address, TransactionRequest, U256, transaction::eip2718::TypedTransaction},
};
use palisade::chain::{Chain, Client};

mod contracts {
    #![allow(missing_docs, dead_code, clippy::all)]
    ethers::contract::abigen!(
        Factory,
        r#"[
            function getPool(address a, address b, uint24 fee) external view returns (address)
        ]"#;
        Pool,
        r#"[
            function increaseObservationCardinalityNext(uint16 next) external
            function slot0() external view returns (uint160 price, int24 tick, uint16 index, uint16 cardinality, uint16 next, uint8 fee, bool unlocked)
        ]"#;
        Manager,
        r#"[
            struct Mint { address token0; address token1; uint24 fee; int24 lower; int24 upper; uint256 desired0; uint256 desired1; uint256 least0; uint256 least1; address to; uint256 deadline; }
            function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 price) external payable returns (address)
            function mint(Mint params) external payable returns (uint256, uint128, uint256, uint256)
            function approve(address to, uint256 id) external
            function ownerOf(uint256 id) external view returns (address)
        ]"#;
        Router,
        r#"[
            struct Swap { address tokenIn; address tokenOut; uint24 fee; address to; uint256 deadline; uint256 amountIn; uint256 leastOut; uint160 limit; }
            function exactInputSingle(Swap params) external payable returns (uint256)
        ]"#;
    );
}
use contracts::{Factory, Mint, Router, Swap};
pub(crate) use contracts::{Manager, Pool};

/// The pool's fee, in hundredths of a basis point.
const FEE: u32 = 3_000;

/// The initialisation code of an artefact of an installed package of Uniswap's; nothing where no packages are installed.
pub(crate) fn published(path: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/solidity/node_modules");
    if !root.is_dir() {
        eprintln!("skipped: Uniswap's packages are not installed: run npm ci in tests/solidity");
        return None;
    }
    let path = root.join("@uniswap").join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let artefact: serde_json::Value = serde_json::from_str(&text).expect("an artefact is JSON");
    let code = artefact["bytecode"].as_str().expect("an artefact has bytecode");
    Some(hex::decode(code.trim_start_matches("0x")).expect("bytecode is hexadecimal"))
}

/// √price in units of 2^−96.
pub(crate) fn root(price: f64) -> U256 {
    U256::from((price.sqrt() * 2f64.powi(64)) as u128) << 32
}

/// Factory, manager of positions and router, and a pool of two tokens.
pub(crate) struct Uniswap {
    chain: Chain,
    client: Arc<Client>,
    /// In their order.
    pub(crate) tokens: [Address; 2],
    pub(crate) pool: Pool<Client>,
    pub(crate) manager: Manager<Client>,
    pub(crate) router: Address,
}

impl Uniswap {
    /// Deploys all of it, with a pool at a price of one; nothing where no packages are installed.
    pub(crate) async fn deploy(chain: &Chain, client: &Arc<Client>, mut tokens: [Address; 2]) -> Option<Self> {
        const PERIPHERY: &str = "v3-periphery/artifacts/contracts";
        let factory = published("v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json")?;
        let manager =
            published(&format!("{PERIPHERY}/NonfungiblePositionManager.sol/NonfungiblePositionManager.json"))?;
        let router = published(&format!("{PERIPHERY}/SwapRouter.sol/SwapRouter.json"))?;
        tokens.sort_unstable();
        let factory = create(chain, client, "v3 factory", factory, &[]).await;
        // no ether is traded: any address stands for its token
        let weth = tokens[0];
        let manager = create(chain, client, "manager", manager, &[factory, weth, weth].map(Token::Address)).await;
        let router = create(chain, client, "router", router, &[factory, weth].map(Token::Address)).await;
        let manager = Manager::new(manager, client.clone());
        let open = manager.create_and_initialize_pool_if_necessary(tokens[0], tokens[1], FEE, root(1.0));
        send(chain, client, "creating the pool", open.tx).await;
        let factory = Factory::new(factory, client.clone());
        let pool = chain.read("pool", factory.get_pool(tokens[0], tokens[1], FEE)).await.unwrap();
        let pool = Pool::new(pool, client.clone());
        Some(Self { chain: chain.clone(), client: client.clone(), tokens, pool, manager, router })
    }

    /// A position of so much of each token at most, of who deployed it.
    pub(crate) async fn mint(&self, ends: [i32; 2], most: u128) {
        let params = Mint {
            token_0: self.tokens[0],
            token_1: self.tokens[1],
            fee: FEE,
            lower: ends[0],
            upper: ends[1],
            desired_0: most.into(),
            desired_1: most.into(),
            least_0: U256::zero(),
            least_1: U256::zero(),
            to: self.client.address(),
            deadline: U256::MAX,
        };
        send(&self.chain, &self.client, "minting a position", self.manager.mint(params).tx).await;
    }

    /// Sells token 0, or token 1, until the amount is used up or the price has reached the limit (zero: none).
    pub(crate) async fn swap(&self, zero_for_one: bool, amount: u128, limit: U256) {
        let [give, take] = if zero_for_one { [0, 1] } else { [1, 0] };
        let params = Swap {
            token_in: self.tokens[give],
            token_out: self.tokens[take],
            fee: FEE,
            to: self.client.address(),
            deadline: U256::MAX,
            amount_in: amount.into(),
            least_out: U256::zero(),
            limit,
        };
        let call: ContractCall<Client, U256> = Router::new(self.router, self.client.clone()).exact_input_single(params);
        send(&self.chain, &self.client, "swapping", call.tx).await;
    }
}

/// Deploys published code.
pub(crate) async fn create(
    chain: &Chain,
    client: &Arc<Client>,
    what: &str,
    code: Vec<u8>,
    arguments: &[Token],
) -> Address {
    let tx = TransactionRequest::new().data([code, encode(arguments)].concat());
    chain.send_transaction(what, client, tx.into()).await.unwrap().contract_address.unwrap()
}

async fn send(chain: &Chain, client: &Arc<Client>, what: &str, tx: TypedTransaction) {
    chain.send_transaction(what, client, tx).await.unwrap();
}

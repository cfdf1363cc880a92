//! Uniswap v3, by the bytecode of its npm packages, which tests/solidity/package.json pins.

use std::{fs, sync::Arc};

use ethers::{
    abi::{Token, encode},
    types::{Address, U256},
};
use serde_json::Value;

use super::{Error, Result, Story};
use crate::{bindings::StableCoin, chain::Client};

/// Generated clients.
mod contracts {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
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
            function totalSupply() external view returns (uint256)
        ]"#;
        Router,
        r#"[
            struct Swap { address tokenIn; address tokenOut; uint24 fee; address to; uint256 deadline; uint256 amountIn; uint256 leastOut; uint160 limit; }
            function exactInputSingle(Swap params) external payable returns (uint256)
        ]"#;
    );
}
use contracts::{Factory, Mint, Router, Swap};
pub(super) use contracts::{Manager, Pool};

/// Of a trade: 0.3 %.
const FEE: u32 = 3_000;

const MINUTE: u64 = 60;

/// The whole range that its ticks leave.
const RANGE: [i32; 2] = [-887_220, 887_220];

/// Two tokens that are traded for each other.
#[derive(Debug)]
pub(super) struct Market {
    /// In the pool's order.
    pub(super) tokens: [Address; 2],
    pub(super) pool: Pool<Client>,
    pub(super) positions: Manager<Client>,
    router: Address,
}

/// The initialisation code of an artefact of an installed package.
fn published(story: &Story, artefact: &str) -> Result<Vec<u8>> {
    let path = story.builder.root().join("tests/solidity/node_modules/@uniswap").join(artefact);
    let failed = |reason: String| Error::Package { path: path.clone(), reason };
    let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let artefact: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let code = artefact["bytecode"].as_str().ok_or_else(|| failed("it has no bytecode".into()))?;
    hex::decode(code.trim_start_matches("0x")).map_err(|error| failed(error.to_string()))
}

/// √price in units of 2^−96.
fn root(price: f64) -> U256 {
    U256::from((price.sqrt() * 2f64.powi(64)) as u128) << 32
}

impl Market {
    /// Opens a pool of two coins, of which so much is put into the whole range; what one is worth in the other follows
    /// from that. It keeps as many observations as asked for.
    pub(super) async fn open(story: &Story, coins: [(Address, U256); 2], observations: u16) -> Result<Self> {
        let who = story.cast.keeper.clone();
        let chain = story.chain();
        let [factory, manager, router] = [
            "v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
            "v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
            "v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json",
        ]
        .map(|artefact| published(story, artefact));
        let with = |code: Vec<u8>, arguments: &[Address]| {
            let arguments: Vec<_> = arguments.iter().copied().map(Token::Address).collect();
            [code, encode(&arguments)].concat()
        };
        let mut coins = coins;
        coins.sort_unstable_by_key(|(coin, _)| *coin);
        let [(token0, amount0), (token1, amount1)] = coins;
        let factory = story.place_code("Uniswap's factory", factory?).await?;
        let manager = story.place_code("Uniswap's positions", with(manager?, &[factory, token0, token0])).await?;
        let router = story.place_code("Uniswap's router", with(router?, &[factory, token0])).await?;

        let price = amount1.as_u128() as f64 / amount0.as_u128() as f64;
        let positions = Manager::new(manager, who.clone());
        let create = positions.create_and_initialize_pool_if_necessary(token0, token1, FEE, root(price));
        chain.send("opening a pool", &who, create).await?;
        let pool =
            chain.read("finding the pool", Factory::new(factory, who.clone()).get_pool(token0, token1, FEE)).await?;
        let pool = Pool::new(pool, who.clone());
        chain.send("keeping observations", &who, pool.increase_observation_cardinality_next(observations)).await?;
        let market = Self { tokens: [token0, token1], pool, positions, router };
        // liquidity that comes a while later is a second observation: now there is room for more
        story.pass(MINUTE).await?;
        market.provide(story, &who, RANGE, [amount0, amount1]).await?;
        let (.., kept, _, _, _) = chain.read("reading the pool", market.pool.slot_0()).await?;
        Story::expect("market", kept == observations, format!("{observations} observations"), kept.to_string())?;
        Ok(market)
    }

    /// Puts at most so much of each coin, minted for it, into a range of ticks; answers with the position's number.
    pub(super) async fn provide(
        &self,
        story: &Story,
        who: &Arc<Client>,
        range: [i32; 2],
        amounts: [U256; 2],
    ) -> Result<U256> {
        let chain = story.chain();
        let positions = Manager::new(self.positions.address(), who.clone());
        for (coin, amount) in self.tokens.into_iter().zip(amounts) {
            let coin = StableCoin::new(coin, who.clone());
            chain.send("minting coins", who, coin.mint(who.address(), amount)).await?;
            chain.send("approving", who, coin.approve(positions.address(), amount)).await?;
        }
        let mint = Mint {
            token_0: self.tokens[0],
            token_1: self.tokens[1],
            fee: FEE,
            lower: range[0],
            upper: range[1],
            desired_0: amounts[0],
            desired_1: amounts[1],
            least_0: U256::zero(),
            least_1: U256::zero(),
            to: who.address(),
            deadline: U256::MAX,
        };
        chain.send("providing liquidity", who, positions.mint(mint)).await?;
        // they are numbered in order, and nobody burns one
        Ok(chain.read("counting positions", positions.total_supply()).await?)
    }

    /// Gives so much of one coin, minted for it, for the other. Answers with what came out.
    pub(super) async fn trade(&self, story: &Story, who: &Arc<Client>, give: Address, amount: U256) -> Result<U256> {
        self.trade_until(story, who, give, amount, None).await
    }

    /// The same, until the price of token 0 in token 1 is reached.
    pub(super) async fn trade_until(
        &self,
        story: &Story,
        who: &Arc<Client>,
        give: Address,
        amount: U256,
        price: Option<f64>,
    ) -> Result<U256> {
        let chain = story.chain();
        let take = if give == self.tokens[0] { self.tokens[1] } else { self.tokens[0] };
        let coin = StableCoin::new(give, who.clone());
        chain.send("minting coins", who, coin.mint(who.address(), amount)).await?;
        chain.send("approving", who, coin.approve(self.router, amount)).await?;
        let bought = StableCoin::new(take, who.clone());
        let before = chain.read("reading a balance", bought.balance_of(who.address())).await?;
        let swap = Swap {
            token_in: give,
            token_out: take,
            fee: FEE,
            to: who.address(),
            deadline: U256::MAX,
            amount_in: amount,
            least_out: U256::zero(),
            limit: price.map_or_else(U256::zero, root),
        };
        chain.send("trading", who, Router::new(self.router, who.clone()).exact_input_single(swap)).await?;
        Ok(chain.read("reading a balance", bought.balance_of(who.address())).await? - before)
    }
}

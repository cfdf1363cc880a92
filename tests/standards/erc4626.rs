//! ERC-4626: coming in, and leaving where that is at once.

use ethers::types::{Address, Bytes, U256};

use crate::rules::{Called, Contract, Event, People, Rules, first_word};

const DEPOSIT: &str = "deposit(uint256,address)";
const MINT: &str = "mint(uint256,address)";
const WITHDRAW: &str = "withdraw(uint256,address,address)";
const REDEEM: &str = "redeem(uint256,address,address)";

/// Amounts to convert: the smallest, small ones, and some that no price divides.
const AMOUNTS: [u64; 9] =
    [1, 2, 3, 7, 1_000_003, 999_999_937, 123_456_789_013, 1_000_000_000_000_037, 3_000_000_000_000_000_001];

/// How shares become assets again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// By `withdraw` and `redeem`, whenever there is something.
    AtOnce,
    /// After a request (ERC-7540): previews of leaving revert.
    ByRequest,
}

/// ERC-4626 of a vault whose share is not worth exactly one unit. The holder has a million units of its asset and
/// more, the friend none of its shares.
pub(crate) async fn suite(vault: &Contract, asset: &Contract, exit: Exit, people: &People) -> Rules {
    let mut rules = Rules::of("ERC-4626");
    views(&mut rules, vault, asset, people).await;
    conversions(&mut rules, vault, people).await;
    refusals(&mut rules, vault, asset, people).await;
    entries(&mut rules, vault, asset, people).await;
    limits(&mut rules, vault, asset, people).await;
    match exit {
        Exit::AtOnce => exits(&mut rules, vault, asset, people).await,
        Exit::ByRequest => no_exits(&mut rules, vault, people).await,
    }
    rules
}

/// What a view answers to `from`.
async fn value(vault: &Contract, from: Address, function: &str, amount: U256) -> Option<U256> {
    first_word(&vault.ask(from, function, amount).await.ok()?)
}

/// The number that a call answers.
fn number(called: Called<Bytes>) -> Option<U256> {
    first_word(&called.ok()?)
}

async fn balance(token: &Contract, who: Address) -> U256 {
    token.word("balanceOf(address)", who).await.unwrap_or_default()
}

/// Assets, shares and supply around an operation of `who` for `other`.
async fn sums(vault: &Contract, asset: &Contract, who: Address, other: Address) -> [U256; 4] {
    [
        balance(asset, who).await,
        balance(vault, other).await,
        vault.word("totalSupply()", ()).await.unwrap_or_default(),
        balance(asset, vault.address).await,
    ]
}

async fn views(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    rules.same("asset() is the asset", vault.account("asset()", ()).await, Some(asset.address));
    let total = vault.word("totalAssets()", ()).await;
    rules.holds("totalAssets() counts what there is", total.is_some_and(|total| !total.is_zero()), total);
    for (rule, function) in [
        ("maxDeposit does not revert", "maxDeposit(address)"),
        ("maxMint does not revert", "maxMint(address)"),
        ("maxWithdraw does not revert", "maxWithdraw(address)"),
        ("maxRedeem does not revert", "maxRedeem(address)"),
    ] {
        for who in [people.holder.address(), Address::zero(), vault.address] {
            rules.holds(rule, vault.word(function, who).await.is_some(), who);
        }
    }
}

async fn conversions(rules: &mut Rules, vault: &Contract, people: &People) {
    let (one, another) = (people.holder.address(), people.stranger.address());
    // rounding shows only where a share is not worth exactly one unit
    let probe = U256::from(10u64.pow(15));
    let worth = value(vault, one, "convertToAssets(uint256)", probe).await;
    rules.holds("set-up: a share is not worth exactly one unit", worth.is_some_and(|worth| worth != probe), worth);
    let mut rounded = (false, false);
    for amount in AMOUNTS.map(U256::from) {
        let of = |who, function| value(vault, who, function, amount);
        let shares = of(one, "convertToShares(uint256)").await;
        let assets = of(one, "convertToAssets(uint256)").await;
        let deposit = of(one, "previewDeposit(uint256)").await;
        let mint = of(one, "previewMint(uint256)").await;
        for (rule, function, told) in [
            ("convertToShares is the same for everybody", "convertToShares(uint256)", shares),
            ("convertToAssets is the same for everybody", "convertToAssets(uint256)", assets),
            ("previewDeposit is the same for everybody", "previewDeposit(uint256)", deposit),
            ("previewMint is the same for everybody", "previewMint(uint256)", mint),
        ] {
            let other = of(another, function).await;
            rules.holds(rule, told.is_some() && other == told, (amount, told, other));
        }
        let (Some(shares), Some(assets), Some(deposit), Some(mint)) = (shares, assets, deposit, mint) else { continue };
        rules.holds(
            "previewDeposit promises no more than convertToShares",
            deposit <= shares,
            (amount, deposit, shares),
        );
        rules.holds("previewMint asks for no less than convertToAssets", mint >= assets, (amount, mint, assets));
        // the same division, once down and once up
        rules.holds("previewMint rounds by less than a unit", mint <= assets + 1, (amount, mint, assets));
        rounded.0 |= mint > assets;
        let back = value(vault, one, "convertToAssets(uint256)", shares).await;
        rules.holds("assets to shares and back is no gain", back.is_some_and(|back| back <= amount), (amount, back));
        let back = value(vault, one, "convertToShares(uint256)", assets).await;
        rules.holds("shares to assets and back is no gain", back.is_some_and(|back| back <= amount), (amount, back));
        let cost = value(vault, one, "previewMint(uint256)", deposit).await;
        rules.holds(
            "to mint what a deposit makes costs no more",
            cost.is_some_and(|cost| cost <= amount),
            (amount, cost),
        );
        let made = value(vault, one, "previewDeposit(uint256)", mint).await;
        rules.holds(
            "a deposit of what a mint costs makes no less",
            made.is_some_and(|made| made >= amount),
            (amount, made),
        );
        rounded.1 |= back != Some(amount);
    }
    rules.holds("previewMint rounds up where convertToAssets rounds down", rounded.0, "never");
    rules.holds("conversions lose where they round", rounded.1, "never");
    for function in
        ["convertToShares(uint256)", "convertToAssets(uint256)", "previewDeposit(uint256)", "previewMint(uint256)"]
    {
        rules.same("nothing is worth nothing", value(vault, one, function, U256::zero()).await, Some(U256::zero()));
    }
}

async fn refusals(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    let (holder, stranger) = (people.holder.address(), people.stranger.address());
    let taken_back = asset.tell(&people.holder, "approve(address,uint256)", (vault.address, U256::zero())).await;
    rules.done("set-up: the vault may take nothing", taken_back);
    let refused = vault.ask(holder, DEPOSIT, (U256::from(1_000_003), holder)).await;
    rules.refused("a deposit needs an allowance", refused);
    let refused = vault.ask(holder, MINT, (U256::from(1_000_003), holder)).await;
    rules.refused("a mint needs an allowance", refused);
    let approved = asset.tell(&people.holder, "approve(address,uint256)", (vault.address, U256::MAX)).await;
    rules.done("set-up: the vault may take everything", approved);
    let refused = vault.ask(stranger, DEPOSIT, (U256::from(1_000_003), stranger)).await;
    rules.refused("nobody deposits what another allowed", refused);
}

async fn entries(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let unit = vault.units_to_one_of(asset).await;
    for amount in [7, 1_000_003, 999_999_937].map(U256::from) {
        for (function, preview) in [(DEPOSIT, "previewDeposit(uint256)"), (MINT, "previewMint(uint256)")] {
            let amount = if function == DEPOSIT { amount } else { amount * unit + 1 };
            let promised = value(vault, holder, preview, amount).await;
            let simulated = number(vault.ask(holder, function, (amount, friend)).await);
            let rule = if function == DEPOSIT {
                "deposit answers what previewDeposit promises"
            } else {
                "mint answers what previewMint promises"
            };
            rules.holds(rule, promised.is_some() && simulated == promised, (amount, promised, simulated));

            let before = sums(vault, asset, holder, friend).await;
            let done = vault.tell(&people.holder, function, (amount, friend)).await;
            let Some(done) = rules.done("who has and allows assets can come in", done) else { continue };
            let after = sums(vault, asset, holder, friend).await;
            let (paid, made) = (before[0] - after[0], after[1] - before[1]);
            let exact = if function == DEPOSIT { paid } else { made };
            let rule = if function == DEPOSIT {
                "a deposit takes exactly the assets"
            } else {
                "a mint makes exactly the shares"
            };
            rules.same(rule, exact, amount);
            rules.same("the receiver's shares are all that are new", after[2] - before[2], made);
            rules.same("what is paid is in the vault", after[3] - before[3], paid);
            let event = Event::new("Deposit(address,address,uint256,uint256)", (holder, friend), (paid, made));
            rules.emitted("coming in emits Deposit", &done, vault, &event);
            let minted = Event::new("Transfer(address,address,uint256)", (Address::zero(), friend), made);
            rules.emitted("coming in emits the share's Transfer", &done, vault, &minted);
        }
    }
}

async fn limits(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    let (holder, friend) = (people.holder.address(), people.friend.address());
    let has = balance(asset, holder).await;
    for (function, limit, rules_of) in [
        (DEPOSIT, "maxDeposit(address)", ["maxDeposit can be deposited", "more than maxDeposit is refused"]),
        (MINT, "maxMint(address)", ["maxMint can be minted", "more than maxMint is refused"]),
    ] {
        let most = vault.word(limit, friend).await.unwrap_or_default();
        rules.holds("set-up: there is room", !most.is_zero(), most);
        let all = if function == DEPOSIT {
            most
        } else {
            value(vault, holder, "previewMint(uint256)", most).await.unwrap_or(U256::MAX)
        };
        if all <= has {
            rules.done(rules_of[0], vault.ask(holder, function, (most, friend)).await);
        }
        if let Some(more) = most.checked_add(U256::one()) {
            rules.refused(rules_of[1], vault.ask(holder, function, (more, friend)).await);
        }
    }
}

/// Leaving at once: the friend has shares now.
async fn exits(rules: &mut Rules, vault: &Contract, asset: &Contract, people: &People) {
    let (friend, stranger) = (people.friend.address(), people.stranger.address());
    for amount in AMOUNTS.map(U256::from) {
        let of = |function| value(vault, friend, function, amount);
        let (redeem, assets) = (of("previewRedeem(uint256)").await, of("convertToAssets(uint256)").await);
        rules.holds(
            "previewRedeem promises no more than convertToAssets",
            redeem.is_some() && redeem <= assets,
            (redeem, assets),
        );
        let (withdraw, shares) = (of("previewWithdraw(uint256)").await, of("convertToShares(uint256)").await);
        rules.holds(
            "previewWithdraw asks for no less than convertToShares",
            withdraw >= shares && shares.is_some(),
            (withdraw, shares),
        );
    }
    let held = balance(vault, friend).await;
    rules.same("maxRedeem is what one has", vault.word("maxRedeem(address)", friend).await, Some(held));
    let worth = value(vault, friend, "previewRedeem(uint256)", held).await;
    rules.same("maxWithdraw is what that is worth", vault.word("maxWithdraw(address)", friend).await, worth);
    rules.refused("more than maxRedeem is refused", vault.ask(friend, REDEEM, (held + 1, friend, friend)).await);
    let more = worth.unwrap_or_default() + 1;
    rules.refused("more than maxWithdraw is refused", vault.ask(friend, WITHDRAW, (more, friend, friend)).await);
    let refused = vault.ask(stranger, REDEEM, (U256::from(7), stranger, friend)).await;
    rules.refused("nobody redeems another's shares", refused);

    for (function, preview) in [(REDEEM, "previewRedeem(uint256)"), (WITHDRAW, "previewWithdraw(uint256)")] {
        let amount = U256::from(1_000_003);
        let promised = value(vault, friend, preview, amount).await;
        let simulated = number(vault.ask(friend, function, (amount, stranger, friend)).await);
        let rule = if function == REDEEM {
            "redeem answers what previewRedeem promises"
        } else {
            "withdraw answers what previewWithdraw asks for"
        };
        rules.holds(rule, promised.is_some() && simulated == promised, (promised, simulated));
        let before = sums(vault, asset, stranger, friend).await;
        let done = vault.tell(&people.friend, function, (amount, stranger, friend)).await;
        let Some(done) = rules.done("who has shares can leave", done) else { continue };
        let after = sums(vault, asset, stranger, friend).await;
        let (paid, burned) = (after[0] - before[0], before[1] - after[1]);
        rules.same("the owner's shares are all that are gone", before[2] - after[2], burned);
        rules.same("what is paid was in the vault", before[3] - after[3], paid);
        let event =
            Event::new("Withdraw(address,address,address,uint256,uint256)", (friend, stranger, friend), (paid, burned));
        rules.emitted("leaving emits Withdraw", &done, vault, &event);
    }
    let allowed = vault.tell(&people.friend, "approve(address,uint256)", (stranger, U256::from(500))).await;
    rules.done("an owner can allow shares", allowed);
    let done = vault.tell(&people.stranger, REDEEM, (U256::from(400), stranger, friend)).await;
    rules.done("who is allowed shares can redeem them", done);
    let left = vault.word("allowance(address,address)", (friend, stranger)).await;
    rules.same("that uses the allowance up", left, Some(100.into()));
}

/// Leaving by request: nothing is promised, and nothing is there without a request.
async fn no_exits(rules: &mut Rules, vault: &Contract, people: &People) {
    let friend = people.friend.address();
    for amount in [0, 1, 1_000_003].map(U256::from) {
        for who in [friend, people.stranger.address()] {
            rules.refused("previewRedeem reverts", vault.ask(who, "previewRedeem(uint256)", amount).await);
            rules.refused("previewWithdraw reverts", vault.ask(who, "previewWithdraw(uint256)", amount).await);
        }
    }
    rules.same("without a request maxRedeem is 0", vault.word("maxRedeem(address)", friend).await, Some(0.into()));
    rules.same("without a request maxWithdraw is 0", vault.word("maxWithdraw(address)", friend).await, Some(0.into()));
    rules.refused(
        "without a request nothing is redeemed",
        vault.ask(friend, REDEEM, (U256::one(), friend, friend)).await,
    );
    rules.refused(
        "without a request nothing is withdrawn",
        vault.ask(friend, WITHDRAW, (U256::one(), friend, friend)).await,
    );
}

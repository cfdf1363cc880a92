//! Prints a certificate's picture, to look at. All arguments may be left out:
//! `cargo run -p certificate --example card -- STATE COVER SUBJECT AMOUNT REMAINING DECIMALS SYMBOL > card.svg`.

use alloy_primitives::{Address, B256, U256};
use certificate::Face;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let argument = |index: usize, default: &str| arguments.get(index).cloned().unwrap_or_else(|| default.into());
    let number = |index, default| argument(index, default).parse::<U256>().expect("a number");
    let text = |index, default| B256::right_padding_from(argument(index, default).as_bytes());
    let face = Face {
        policy: U256::from(12),
        cover: number(1, "5").to(),
        product: U256::ONE,
        subject: text(2, "USDC/USD"),
        insured: Address::repeat_byte(0xa1),
        position: B256::ZERO,
        amount: number(3, "250000000000"),
        remaining: number(4, "237500000000"),
        start: 1_678_320_000,
        end: 1_686_096_000,
        state: number(0, "1").to(),
        decimals: number(5, "6").to(),
        symbol: text(6, "USDC"),
    };
    println!("{}", face.svg());
}

//! Checked arithmetic against wide integers.

use actuary::{Overflow, math::*};
use alloy_primitives::{U256, U512};
use proptest::prelude::*;

/// Numbers of every length, with runs of ones and zeros, where long division goes wrong if it does.
fn number() -> impl Strategy<Value = U256> {
    let digit =
        prop_oneof![Just(0u64), Just(u64::MAX), Just(1 << 63), Just(u64::from(u32::MAX)), Just(1 << 32), any::<u64>()];
    (prop::array::uniform4(digit), 0usize..257).prop_map(|(limbs, bits)| {
        if bits == 256 { U256::from_limbs(limbs) } else { U256::from_limbs(limbs).wrapping_shr(bits) }
    })
}

fn wide(a: U256, b: U256, d: U256) -> (U512, bool) {
    let (quotient, rest) = (U512::from(a) * U512::from(b)).div_rem(U512::from(d));
    (quotient, rest.is_zero())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn mul_div_is_that_of_wide_integers(a in number(), b in number(), d in number()) {
        if d.is_zero() {
            prop_assert_eq!(mul_div(a, b, d), Err(Overflow));
        } else {
            let (quotient, exact) = wide(a, b, d);
            let fits = quotient <= U512::from(U256::MAX);
            let expected = if fits { Ok((quotient.to::<U256>(), exact)) } else { Err(Overflow) };
            prop_assert_eq!(mul_div(a, b, d), expected);
            let up = quotient + U512::from(u8::from(!exact));
            let expected = if up <= U512::from(U256::MAX) { Ok(up.to::<U256>()) } else { Err(Overflow) };
            prop_assert_eq!(mul_div_up(a, b, d), expected);
        }
    }

    #[test]
    fn mul_div_inverts_a_product(a in number(), b in number(), r in number()) {
        // (a·b + r) ÷ b with r < b, for products that fit: the estimate of each digit is nearly wrong here.
        if let (Some(product), false) = (a.checked_mul(b), b.is_zero()) {
            let r = r % b;
            if let Some(dividend) = product.checked_add(r) {
                prop_assert_eq!(mul_div(dividend, U256::ONE, b), Ok((a, r.is_zero())));
            }
        }
    }

    #[test]
    fn sums_differences_and_products_are_checked(a in number(), b in number()) {
        prop_assert_eq!(add(a, b).ok(), a.checked_add(b));
        prop_assert_eq!(sub(a, b).ok(), a.checked_sub(b));
        prop_assert_eq!(mul(a, b).ok(), a.checked_mul(b));
        prop_assert_eq!(div_down(a, b).ok(), a.checked_div(b));
    }

    #[test]
    fn sqrt_is_the_largest_root(a in number()) {
        let root = sqrt_down(a);
        prop_assert!(U512::from(root) * U512::from(root) <= U512::from(a));
        let next = U512::from(root) + U512::from(1);
        prop_assert!(next * next > U512::from(a));
        let up = sqrt_up(a);
        prop_assert!(U512::from(up) * U512::from(up) >= U512::from(a));
        prop_assert!(up - root <= U256::ONE);
        prop_assert_eq!(up == root, root.checked_mul(root) == Some(a));
    }

    #[test]
    fn narrowing_is_checked(a in number()) {
        prop_assert_eq!(to_u128(a).ok(), u128::try_from(a).ok());
        prop_assert_eq!(to_u64(a).ok(), u64::try_from(a).ok());
    }
}

#[test]
fn units_are_what_they_say() {
    assert_eq!(WAD, U256::from(10).pow(U256::from(18)));
    assert_eq!(RAY, U256::from(10).pow(U256::from(27)));
    assert_eq!(YEAR, U256::from(31_536_000));
    assert_eq!(wad_down(U256::from(3), WAD / U256::from(2)), Ok(U256::ONE));
    assert_eq!(wad_up(U256::from(3), WAD / U256::from(2)), Ok(U256::from(2)));
    assert_eq!(bps_down(U256::from(101), U256::from(5_000)), Ok(U256::from(50)));
    assert_eq!(bps_up(U256::from(101), U256::from(5_000)), Ok(U256::from(51)));
}

#[test]
fn a_quotient_beyond_256_bits_is_an_overflow() {
    let two = U256::from(2);
    assert_eq!(mul_div_down(U256::MAX, two, two), Ok(U256::MAX));
    assert_eq!(mul_div_up(U256::MAX, U256::MAX, U256::MAX), Ok(U256::MAX));
    assert_eq!(mul_div_down(U256::MAX, two, U256::ONE), Err(Overflow));
    // 23 · (3·(2^256 − 1) + 2) ÷ 23 ÷ 3: the floor is the last value, the ceiling one more.
    let three = U256::from(3);
    let a = U512::from(U256::MAX) * U512::from(3) + U512::from(2);
    let (a, b) = ((a / U512::from(23)).to::<U256>(), U256::from(23));
    assert_eq!((mul_div_down(a, b, three), mul_div_up(a, b, three)), (Ok(U256::MAX), Err(Overflow)));
    assert_eq!((sqrt_down(U256::MAX), sqrt_up(U256::MAX)), ((U256::ONE << 128) - U256::ONE, U256::ONE << 128));
}

//! The certificate as wallets get it: through the ABI, decoded, parsed.

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolInterface};
use certificate::Certificate;
use proptest::prelude::*;
use protocol::abi::ICertificate;
use serde_json::Value;
use testkit::World;

fn face() -> ICertificate::Face {
    ICertificate::Face {
        policy: U256::from(12),
        cover: 5,
        product: U256::from(3),
        subject: text("USDC/USD"),
        insured: Address::repeat_byte(0xa1),
        position: B256::ZERO,
        amount: U256::from(100_000_000_001u64),
        remaining: U256::from(95_000_000_000u64),
        start: 1_678_521_960,
        end: 1_686_297_960,
        state: 1,
        decimals: 6,
        symbol: text("USDC"),
    }
}

fn text(text: &str) -> B256 {
    B256::right_padding_from(text.as_bytes())
}

fn svg(face: ICertificate::Face) -> String {
    let world = World::new();
    let at = world.address("certificate");
    world.place::<Certificate>(at);
    world.read(at, ICertificate::svgCall { face })
}

fn json(face: ICertificate::Face) -> Value {
    let world = World::new();
    let at = world.address("certificate");
    world.place::<Certificate>(at);
    let uri = world.read(at, ICertificate::tokenURICall { face });
    let encoded = uri.strip_prefix("data:application/json;base64,").expect("a data URI of JSON");
    serde_json::from_slice(&unbase64(encoded)).expect("valid JSON")
}

fn attribute(json: &Value, name: &str) -> Option<Value> {
    let attributes = json["attributes"].as_array().expect("attributes");
    attributes.iter().find(|attribute| attribute["trait_type"] == name).map(|attribute| attribute["value"].clone())
}

fn unbase64(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 4, 0, "padded");
    let digits = text.trim_end_matches('=').bytes().map(|c| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("not base64"),
    });
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0u32, 0);
    for digit in digits {
        (bits, have) = (bits << 6 | u32::from(digit), have + 6);
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    bytes
}

/// What an XML document says outside of its tags, if it is well-formed: tags nest, attributes are quoted and
/// unique, nothing but the five entities and characters that XML allows.
fn well_formed(document: &str) -> Result<String, String> {
    let (mut open, mut said, mut rest) = (Vec::new(), String::new(), document);
    while !rest.is_empty() {
        let (before, after) = rest.split_once('<').unwrap_or((rest, ""));
        said.push_str(&unescape(before)?);
        if before.len() == rest.len() {
            break;
        }
        if open.is_empty() && !said.trim().is_empty() {
            return Err("text outside of the root".into());
        }
        let (tag, after) = after.split_once('>').ok_or("a tag does not end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
            continue;
        }
        let (tag, closes) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut seen = Vec::new();
        while !attributes.is_empty() {
            let (key, value) = attributes.split_once("=\"").ok_or(format!("an attribute of {name} without a value"))?;
            let (value, others) = value.split_once('"').ok_or(format!("an attribute of {name} does not end"))?;
            unescape(value)?;
            if seen.contains(&key) || key.is_empty() || !key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-') {
                return Err(format!("attribute {key} of {name}"));
            }
            seen.push(key);
            attributes = others.strip_prefix(' ').unwrap_or(others);
        }
        if !closes {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(said) } else { Err(format!("{open:?} never close")) }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut parts = text.split('&');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (entity, text) = part.split_once(';').ok_or("a bare ampersand")?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => return Err(format!("&{entity};")),
        });
        out.push_str(text);
    }
    let allowed = |c: char| {
        matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
            && !matches!(c, '\u{7f}'..='\u{9f}')
    };
    if out.chars().all(allowed) { Ok(out) } else { Err(format!("a character that XML does not allow in {out:?}")) }
}

#[test]
fn the_interface_is_the_contracts() {
    let world = World::new();
    for selector in ICertificate::ICertificateCalls::selectors() {
        assert!(world.routes::<Certificate>(selector));
    }
}

#[test]
fn the_metadata_says_what_the_policy_is() {
    let json = json(face());
    assert_eq!(json["name"], "Palisade Policy #12");
    let description = "Depeg cover on USDC/USD: 100,000.000001 USDC from 11 Mar 2023 08:06 until 9 Jun 2023 08:06 UTC, for losses of \
        0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1. Pays up to 95,000 USDC.";
    assert_eq!(json["description"], description);
    for (name, value) in [
        ("Cover", "Depeg cover"),
        ("Subject", "USDC/USD"),
        ("State", "In force"),
        ("Amount", "100,000.000001 USDC"),
        ("Remaining", "95,000 USDC"),
        ("Product", "3"),
        ("Insured", "0xa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"),
    ] {
        assert_eq!(attribute(&json, name).unwrap(), value);
    }
    assert_eq!(attribute(&json, "From").unwrap(), 1_678_521_960);
    assert_eq!(attribute(&json, "Until").unwrap(), 1_686_297_960);
    assert_eq!(attribute(&json, "Position"), None);
}

#[test]
fn the_picture_in_the_metadata_is_the_svg() {
    let image = json(face())["image"].as_str().unwrap().to_string();
    let encoded = image.strip_prefix("data:image/svg+xml;base64,").expect("a data URI of SVG");
    assert_eq!(String::from_utf8(unbase64(encoded)).unwrap(), svg(face()));
}

#[test]
fn the_picture_shows_what_a_holder_looks_for() {
    let said = well_formed(&svg(face())).unwrap();
    for text in [
        "PALISADE",
        "Depeg cover",
        "#12",
        "USDC/USD",
        "100,000",
        "USDC",
        "Pays up to 95,000 USDC",
        "In force",
        "11 Mar 2023",
        "08:06 UTC",
        "9 Jun 2023",
        "Insured 0xa1a1a1…a1a1a1",
    ] {
        assert!(said.contains(text), "{text} in {said}");
    }
}

#[test]
fn a_long_number_is_whole_in_the_metadata_and_shortened_on_the_card() {
    let numbered = |policy| ICertificate::Face { policy, ..face() };
    for (policy, shown) in [(0, "#0"), (123_456_789, "#123456789"), (1_234_567_890, "#1234…890")] {
        let said = well_formed(&svg(numbered(U256::from(policy)))).unwrap();
        assert!(said.lines().any(|line| line == format!("Depeg cover{shown}")), "{shown} in {said}");
    }
    assert_eq!(json(numbered(U256::MAX))["name"], format!("Palisade Policy #{}", U256::MAX));
}

#[test]
fn each_cover_and_each_state_has_its_name() {
    let covers = [
        "Exploit cover",
        "Impermanent-loss cover",
        "Default cover",
        "Oracle cover",
        "Bridge cover",
        "Depeg cover",
        "Cover",
    ];
    for (cover, name) in covers.into_iter().enumerate() {
        assert_eq!(attribute(&json(ICertificate::Face { cover: cover as u8, ..face() }), "Cover").unwrap(), name);
    }
    let states = ["Waiting", "In force", "In grace", "Claim open", "Used up", "Expired", "Cancelled", "Unknown"];
    for (state, name) in states.into_iter().enumerate() {
        assert_eq!(attribute(&json(ICertificate::Face { state: state as u8, ..face() }), "State").unwrap(), name);
    }
    assert!(svg(face()).contains("#5eead4"));
    let expired = ICertificate::Face { state: 5, ..face() };
    assert!(
        well_formed(&svg(expired.clone())).unwrap().contains("Unused: 95,000 USDC"),
        "what has expired promises nothing"
    );
    assert!(json(expired)["description"].as_str().unwrap().ends_with("Unused: 95,000 USDC."));
    assert!(!svg(ICertificate::Face { state: 5, ..face() }).contains("#5eead4"), "what is over has no colour");
}

#[test]
fn the_bar_is_as_long_as_what_can_still_be_paid() {
    let bar = |amount: u64, remaining: u64| {
        let svg = svg(ICertificate::Face { amount: U256::from(amount), remaining: U256::from(remaining), ..face() });
        let (_, after) = svg.split_once(r#"<rect x="40" y="328" width="520""#).unwrap();
        let (_, after) = after.split_once(r#"<rect x="40" y="328" width=""#).unwrap();
        after.split_once('"').unwrap().0.parse::<u64>().unwrap()
    };
    assert_eq!([bar(100, 100), bar(100, 50), bar(100, 0), bar(0, 0), bar(3, 9)], [520, 260, 0, 0, 520]);
}

#[test]
fn subjects_and_positions_are_text_where_they_are_and_hexadecimal_where_not() {
    let hash = B256::repeat_byte(0xbc);
    let hashed = ICertificate::Face { subject: hash, position: hash, ..face() };
    let json_of_hash = json(hashed.clone());
    assert_eq!(attribute(&json_of_hash, "Subject").unwrap(), format!("0x{}", "bc".repeat(32)));
    assert_eq!(attribute(&json_of_hash, "Position").unwrap(), format!("0x{}", "bc".repeat(32)));
    assert!(well_formed(&svg(hashed)).unwrap().contains("0xbcbcbc…bcbcbc"));
    assert_eq!(
        attribute(&json(ICertificate::Face { position: text("pool 7"), ..face() }), "Position").unwrap(),
        "pool 7"
    );
}

#[test]
fn no_text_breaks_out_of_its_place() {
    let attacks = [
        r#""><script>alert(1)</script>"#,
        r#"</text><a href="x">"#,
        "&amp;&lt;&",
        r#"\",\"x\":\""#,
        "]]><!--",
        "${amount}${image}",
    ];
    for attack in attacks {
        let attack = &attack[..attack.len().min(32)];
        let face = ICertificate::Face { subject: text(attack), position: text(attack), symbol: text(attack), ..face() };
        let said = well_formed(&svg(face.clone())).unwrap();
        assert!(said.contains(attack), "shown as it is: {attack}");
        let beginning: String = attack.chars().take(11).collect();
        assert!(said.contains(&format!("Pays up to 95,000 {beginning}")), "shown cut: {attack}");
        let json = json(face);
        assert_eq!(attribute(&json, "Subject").unwrap(), attack);
        assert_eq!(attribute(&json, "Position").unwrap(), attack);
        assert_eq!(attribute(&json, "Amount").unwrap(), format!("100,000.000001 {attack}"));
        assert_eq!(json.as_object().unwrap().len(), 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_the_values_both_are_well_formed(
        numbers: [[u64; 4]; 4], words: [[u8; 32]; 3], zeros in 0usize..32, small: [u8; 3], times: [u64; 2], insured: [u8; 20],
    ) {
        let [policy, product, amount, remaining] = numbers.map(U256::from_limbs);
        let [subject, position, mut symbol] = words.map(B256::from);
        symbol[zeros..].fill(0);
        let [cover, state, decimals] = small;
        let [start, end] = times;
        let insured = Address::from(insured);
        let face = ICertificate::Face {
            policy, cover, product, subject, insured, position, amount, remaining, start, end, state, decimals, symbol,
        };
        prop_assert!(well_formed(&svg(face.clone())).is_ok());
        let json = json(face);
        prop_assert_eq!(json["name"].as_str().unwrap(), format!("Palisade Policy #{policy}"));
    }

    #[test]
    fn any_printable_symbol_reads_back(symbol in "[ -~]{1,32}") {
        let amount = attribute(&json(ICertificate::Face { symbol: text(&symbol), ..face() }), "Amount").unwrap();
        prop_assert_eq!(amount.as_str().unwrap(), format!("100,000.000001 {symbol}"));
    }
}

#[test]
fn the_checker_of_these_tests_refuses_what_is_not_well_formed() {
    for broken in [
        "<a>",
        "<a></b>",
        "<a b=c></a>",
        "<a>&nbsp;</a>",
        "<a>&</a>",
        "<a b=\"1\" b=\"2\"></a>",
        "<a>\u{7}</a>",
        "x<a></a>",
    ] {
        assert!(well_formed(broken).is_err(), "{broken}");
    }
    assert_eq!(well_formed("<a b=\"1\">x<c/>&lt;</a>").unwrap(), "x<");
}

#[test]
fn call_data_that_is_no_face_is_refused() {
    let world = World::new();
    let at = world.address("certificate");
    world.place::<Certificate>(at);
    assert_eq!(world.transact(at, at, U256::ZERO, ICertificate::svgCall::SELECTOR.to_vec()), Err(vec![]));
}

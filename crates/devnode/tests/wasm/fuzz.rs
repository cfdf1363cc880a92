//! Nothing that is sent as a program may bring the node down: decoder, validator, instrumentation, engine.

use std::{fs, path::Path, sync::OnceLock};

use crate::world::{Transaction, World};
use alloy_primitives::{Address, Bytes, U256};
use devnode::{
    rules::Rules,
    wasm::{
        Exit, ProgramCode, ProgramCosts, StylusParams, UnpackError, activate, compile, decompress,
        prices::MAX_WASM_SIZE,
    },
};
use proptest::{collection::vec, prelude::*, sample::Index};

/// Modules that real deployments carried.
fn modules() -> &'static [Vec<u8>] {
    static MODULES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MODULES.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/programs.json");
        let suite: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let modules: Vec<_> = suite["steps"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|step| step["id"].as_str().unwrap().starts_with("deploy "))
            .filter_map(|step| {
                let data: Bytes = step["data"].as_str().unwrap().parse().unwrap();
                match ProgramCode::parse(data.get(43..)?, &Rules::default())? {
                    ProgramCode::Classic { dictionary, compressed } => {
                        decompress(dictionary, compressed, MAX_WASM_SIZE).ok()
                    }
                    _ => None,
                }
            })
            // the largest are only slow
            .filter(|module| module.len() < 20_000)
            .collect();
        assert!(modules.len() > 70, "only {} modules", modules.len());
        modules
    })
}

/// Activates a module and, where that succeeds, runs it.
fn try_all(wasm: &[u8], rules: &Rules, calldata: Vec<u8>) {
    let Ok(activation) = activate(wasm, rules, &StylusParams::default(), 0) else { return };
    let module = compile(wasm, rules).expect("what activates compiles");
    let costs = ProgramCosts {
        version: 2,
        init: activation.init,
        cached: activation.cached,
        footprint: activation.footprint,
        is_cached: true,
    };
    let tx = Transaction {
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        value: U256::ZERO,
        data: calldata.into(),
        gas: 200_000,
    };
    let receipt = World::default().transact(rules, &module, costs, &tx);
    assert!(receipt.gas_used <= tx.gas);
    if let Exit::OutOfInk | Exit::OutOfStack = receipt.exit {
        assert_eq!(receipt.gas_used, tx.gas);
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    proptest::sample::select(Rules::VERSIONS.to_vec()).prop_map(|version| Rules::of(version).unwrap())
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_run(bytes in vec(any::<u8>(), 0..300), rules in rules()) {
        try_all(&bytes, &rules, Vec::new());
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        module.extend(bytes);
        try_all(&module, &rules, Vec::new());
    }

    #[test]
    fn any_code_is_parsed_and_unpacked(mut code in vec(any::<u8>(), 0..400), kind in 0u8..4, rules in rules()) {
        for (at, byte) in [0xEF, 0xF0, kind, 0].into_iter().enumerate().take(code.len()) {
            code[at] = byte;
        }
        if let Some(ProgramCode::Classic { dictionary, compressed }) = ProgramCode::parse(&code, &rules)
            && let Ok(module) = decompress(dictionary, compressed, 10_000)
        {
            prop_assert!(module.len() <= 10_000);
            try_all(&module, &rules, Vec::new());
        }
    }

    #[test]
    fn a_damaged_module_is_refused_or_run(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<Index>()),
        calldata in vec(any::<u8>(), 0..100),
        rules in rules(),
    ) {
        let mut module = which.get(modules()).clone();
        for (at, byte) in damage {
            let at = at.index(module.len());
            module[at] = byte;
        }
        if let Some(cut) = cut {
            module.truncate(cut.index(module.len()));
        }
        try_all(&module, &rules, calldata);
    }
}

#[test]
fn a_module_that_unpacks_to_more_than_allowed_is_refused() {
    // 16 MiB of zeros, as brotli writes them
    let bomb = {
        let suite: serde_json::Value = serde_json::from_str(
            &fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/programs.json")).unwrap(),
        )
        .unwrap();
        let step = suite["steps"].as_array().unwrap().iter().find(|step| step["id"] == "deploy ops_65536").unwrap();
        step["data"].as_str().unwrap().parse::<Bytes>().unwrap().slice(47..)
    };
    let whole = decompress(0, &bomb, MAX_WASM_SIZE).unwrap();
    assert!(whole.len() > 65_536);
    let most = whole.len() as u32;
    assert_eq!(decompress(0, &bomb, most).as_deref(), Ok(&*whole));
    assert_eq!(decompress(0, &bomb, most - 1), Err(UnpackError::TooLong(most - 1)));
    assert_eq!(decompress(0, &bomb[..bomb.len() - 1], MAX_WASM_SIZE), Err(UnpackError::Corrupt));
    assert_eq!(decompress(1, &bomb, MAX_WASM_SIZE), Err(UnpackError::Dictionary(1)));
    assert_eq!(decompress(0, &[], MAX_WASM_SIZE), Err(UnpackError::Corrupt));
}

//! From contract crates to what goes on chain.
//!
//! The pipeline is that of `cargo stylus`, so that code deployed by either is of the same kind: cargo build for
//! wasm32 with the settings of `scripts/contract-env.sh`, canonical re-encoding without custom sections (which
//! also brings the table indices of indirect calls to the one-byte form that the chain's validator demands),
//! brotli (quality 11, window 22), prefix `EFF00000`. Programs are built one package at a time, so that cargo
//! unifies no features between them, and only where something that they are made of has changed.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use devnode::{
    rules::Rules,
    wasm::{StylusParams, activate, prices},
};
use ethers::utils::keccak256;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::whole;

/// The largest program that fits one account: EIP-170, prefix included.
pub const SIZE_LIMIT: usize = 24_576;

/// The prefix of a Stylus program without a dictionary.
pub const PREFIX: [u8; 4] = [0xef, 0xf0, 0x00, 0x00];

/// The initialisation code that returns what follows it: PUSH32 length, DUP1, PUSH1 43, PUSH1 0, CODECOPY,
/// PUSH1 0, RETURN, and a version byte.
const PRELUDE_TAIL: [u8; 10] = [0x80, 0x60, 0x2b, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3, 0x00];

/// Why artefacts could not be made or read.
#[derive(Debug, Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The machine cannot build for wasm32 yet.
    #[error("the standard library's sources are missing: run scripts/wasm-target.sh, which installs them")]
    NoWasmTarget,
    /// Cargo failed.
    #[error("building {program} failed:\n{output}")]
    Cargo {
        /// The program.
        program: &'static str,
        /// What cargo said.
        output: String,
    },
    /// What cargo built is not a module that can be processed.
    #[error("{program}: not a usable WebAssembly module: {reason}")]
    Module {
        /// The program.
        program: String,
        /// Why not.
        reason: String,
    },
    /// The program does not fit one account.
    #[error("{program} is {size} bytes compressed; a program may have {limit}: take something out of it or split it")]
    TooLarge {
        /// The program.
        program: String,
        /// Its size.
        size: usize,
        /// The largest size.
        limit: usize,
    },
    /// The chain would refuse the program.
    #[error("{program} would be refused at activation: {reason}")]
    Refused {
        /// The program.
        program: String,
        /// Why.
        reason: String,
    },
    /// The artefacts have not been built.
    #[error("no artefact of {0}: run `palisade build` first")]
    Missing(String),
    /// A file of the artefacts was changed after it was built.
    #[error("the code of {0} in build/contracts is not what was built: run `palisade build` again")]
    Altered(String),
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// One program: a contract crate, or one of several over a contract's storage.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name, as files and tables show it.
    pub name: &'static str,
    /// The crate.
    pub package: &'static str,
    /// The crate's folder.
    pub folder: &'static str,
    /// The cargo feature that it is built with, where it is not its contract's first program.
    pub feature: Option<&'static str>,
    /// The compiler's level of optimisation, where it is not that of `scripts/contract-env.sh`.
    pub level: Option<&'static str>,
}

const fn program(
    name: &'static str,
    package: &'static str,
    folder: &'static str,
    feature: Option<&'static str>,
) -> Program {
    Program { name, package, folder, feature, level: None }
}

/// All programs, in the order in which they are built.
pub const PROGRAMS: &[Program] = &[
    program("token", "token", "contracts/token", None),
    program("timelock", "timelock", "contracts/timelock", None),
    program("governor", "governor", "contracts/governor", None),
    program("governor-ext", "governor", "contracts/governor", Some("ext")),
    program("treasury", "treasury", "contracts/treasury", None),
    program("vesting", "vesting", "contracts/vesting", None),
    program("guardian", "guardian", "contracts/guardian", None),
    program("risk", "risk", "contracts/risk", None),
    program("risk-ext", "risk", "contracts/risk", Some("ext")),
    program("risk-more", "risk", "contracts/risk", Some("more")),
    program("vault", "vault", "contracts/vault", None),
    program("vault-ext", "vault", "contracts/vault", Some("ext")),
    program("vault-more", "vault", "contracts/vault", Some("more")),
    program("allocator", "allocator", "contracts/allocator", None),
    program("policy", "policy", "contracts/policy", None),
    program("policy-ext", "policy", "contracts/policy", Some("ext")),
    program("certificate", "certificate", "contracts/certificate", None),
    program("assessor", "assessor", "contracts/assessor", None),
    program("jury", "jury", "contracts/jury", None),
    program("jury-ext", "jury", "contracts/jury", Some("ext")),
    program("assessor-ext", "assessor", "contracts/assessor", Some("ext")),
    program("depeg", "depeg", "contracts/triggers/depeg", None),
    program("impermanent-loss", "impermanent-loss", "contracts/triggers/impermanent-loss", None),
    program("lending", "lending", "contracts/triggers/lending", None),
    program("exploit", "exploit", "contracts/triggers/exploit", None),
    program("bridge", "bridge", "contracts/triggers/bridge", None),
    program("oracle", "oracle", "contracts/triggers/oracle", None),
    program("ratio", "ratio", "contracts/ratio", None),
    program("rewards", "rewards", "contracts/rewards", None),
    program("collectible", "collectible", "examples/collectible", None),
    // It does nothing but calculate, and is small: speed before size.
    Program { level: Some("3"), ..program("distribution", "distribution", "contracts/distribution", None) },
];

/// The setting of `scripts/contract-env.sh` that [`Program::level`] takes the place of.
const OPT_LEVEL: &str = "CARGO_PROFILE_RELEASE_OPT_LEVEL";

/// What all programs are made of besides their own folder.
const SHARED_INPUTS: &[&str] = &[
    "Cargo.lock",
    "rust-toolchain.toml",
    "scripts/contract-env.sh",
    "contracts/abi",
    "crates/actuary",
    "crates/standards",
    "crates/protocol",
];

/// What is known of a built program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Artefact {
    /// The program's name.
    pub name: String,
    /// Hash of everything that it was made of.
    pub inputs: String,
    /// Bytes on chain, prefix included.
    pub bytes: usize,
    /// Bytes of WebAssembly.
    pub wasm_bytes: usize,
    /// Gas of a call's initialisation while the program is not cached.
    pub init_gas: u64,
    /// Gas of a call's initialisation while it is cached.
    pub cached_gas: u64,
    /// Hash of the code on chain.
    pub code_hash: String,
}

/// Where the project is and where its artefacts go.
#[derive(Clone, Debug)]
pub struct Builder {
    root: PathBuf,
    out: PathBuf,
    limit: usize,
}

impl Builder {
    /// A builder for the project at `root`; artefacts go to `root/build/contracts`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let out = root.join("build/contracts");
        Self { root, out, limit: SIZE_LIMIT }
    }

    /// The same with another limit of a program's size, for development chains that allow more than real ones.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Where the project is: the folder of the nearest `Stylus.toml` with `[workspace]`, upwards from the working
    /// directory; else the folder that the command was built in.
    #[must_use]
    pub fn find() -> Self {
        let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
        let found = here.ancestors().find(|folder| {
            fs::read_to_string(folder.join("Stylus.toml")).is_ok_and(|text| text.contains("[workspace]"))
        });
        Self::new(found.unwrap_or(&here))
    }

    /// The project's root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Builds what has changed; calls `progress` before each program that is built.
    ///
    /// # Errors
    /// Any of [`Error`]; what was built before stays.
    pub fn build(&self, mut progress: impl FnMut(&Program)) -> Result<Vec<Artefact>> {
        fs::create_dir_all(&self.out).map_err(|source| Error::File { path: self.out.clone(), source })?;
        let mut artefacts = Vec::new();
        let mut too_large = None;
        for program in PROGRAMS {
            let inputs = self.inputs(program)?;
            match self.load(program.name) {
                Ok(artefact) if artefact.inputs == inputs && self.code(program.name).is_ok() => {
                    artefacts.push(artefact);
                    continue;
                }
                _ => progress(program),
            }
            match self.build_one(program, inputs) {
                Ok(artefact) => artefacts.push(artefact),
                // the others are of use meanwhile
                Err(error @ Error::TooLarge { .. }) => drop(too_large.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        too_large.map_or(Ok(artefacts), Err)
    }

    /// The artefact of a program that was built.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn load(&self, name: &str) -> Result<Artefact> {
        let text =
            fs::read_to_string(self.out.join(format!("{name}.json"))).map_err(|_| Error::Missing(name.into()))?;
        serde_json::from_str(&text).map_err(|_| Error::Missing(name.into()))
    }

    /// All artefacts.
    ///
    /// # Errors
    /// [`Error::Missing`] for the first that was not built.
    pub fn load_all(&self) -> Result<Vec<Artefact>> {
        PROGRAMS.iter().map(|program| self.load(program.name)).collect()
    }

    /// A built program as it goes on chain.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Altered`], and [`Error::TooLarge`] for one that no account can hold.
    pub fn code(&self, name: &str) -> Result<Vec<u8>> {
        let code = fs::read(self.code_path(name)).map_err(|_| Error::Missing(name.into()))?;
        if self.load(name)?.code_hash != hex::encode(keccak256(&code)) {
            return Err(Error::Altered(name.into()));
        }
        self.require_size(name, code.len())?;
        Ok(code)
    }

    fn require_size(&self, name: &str, size: usize) -> Result<()> {
        if size > self.limit {
            return Err(Error::TooLarge { program: name.into(), size, limit: self.limit });
        }
        Ok(())
    }

    fn code_path(&self, name: &str) -> PathBuf {
        self.out.join(format!("{name}.code"))
    }

    /// A hash of everything that a program is made of.
    fn inputs(&self, program: &Program) -> Result<String> {
        let mut files = BTreeMap::new();
        for input in SHARED_INPUTS.iter().chain([&program.folder]) {
            self.collect(Path::new(input), &mut files)?;
        }
        let mut all = Vec::new();
        for (path, content) in files {
            all.extend(path.to_string_lossy().as_bytes());
            all.extend(keccak256(content));
        }
        all.extend(program.feature.unwrap_or_default().as_bytes());
        all.extend(program.level.unwrap_or_default().as_bytes());
        Ok(hex::encode(keccak256(all)))
    }

    fn collect(&self, relative: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
        let path = self.root.join(relative);
        let failed = |source| Error::File { path: path.clone(), source };
        if path.is_dir() {
            for entry in fs::read_dir(&path).map_err(failed)? {
                let name = entry.map_err(failed)?.file_name();
                if name != "tests" && name != "json" {
                    self.collect(&relative.join(name), files)?;
                }
            }
        } else if relative.extension().is_some_and(|end| ["rs", "toml", "lock", "sh", "sol"].iter().any(|e| end == *e))
        {
            files.insert(relative.to_owned(), fs::read(&path).map_err(failed)?);
        }
        Ok(())
    }

    fn build_one(&self, program: &Program, inputs: String) -> Result<Artefact> {
        let wasm = self.compile(program)?;
        let wasm = canonical(&wasm).map_err(|reason| Error::Module { program: program.name.into(), reason })?;
        let code = compress(&wasm);
        let refused = |reason: String| Error::Refused { program: program.name.into(), reason };
        let rules = Rules::of(Rules::DEFAULT_VERSION).expect("the default version has rules");
        let params = StylusParams::default();
        let activation = activate(&wasm, &rules, &params, 0).map_err(|error| refused(error.to_string()))?;
        let artefact = Artefact {
            name: program.name.into(),
            inputs,
            bytes: code.len(),
            wasm_bytes: wasm.len(),
            init_gas: prices::init_gas(&params, activation.init),
            cached_gas: prices::cached_gas(&params, activation.cached),
            code_hash: hex::encode(keccak256(&code)),
        };
        self.require_size(program.name, code.len())?;
        write_atomically(&self.code_path(program.name), &code)?;
        write_atomically(&self.out.join(format!("{}.wasm", program.name)), &wasm)?;
        let json = serde_json::to_vec_pretty(&artefact).expect("an artefact is plain data");
        write_atomically(&self.out.join(format!("{}.json", program.name)), &json)?;
        Ok(artefact)
    }

    /// Runs cargo and answers with the module that it built.
    fn compile(&self, program: &Program) -> Result<Vec<u8>> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), PathBuf::from);
        let target = if target.is_absolute() { target } else { self.root.join(target) };
        let release = target.join("wasm32-unknown-unknown/release");
        // All programs of one contract end in the same file, so cargo must not believe any of them to be fresh.
        if let Ok(entries) = fs::read_dir(release.join(".fingerprint")) {
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.rsplit_once('-').is_some_and(|(package, _)| package == program.package) {
                    drop(fs::remove_dir_all(entry.path())); // cargo rebuilds it either way
                }
            }
        }
        let mut command = Command::new("cargo");
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &target)
            .envs(contract_environment(&self.root)?)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            // As a cdylib alone: where a library is asked for beside it, cargo leaves the link-time optimisation out, and
            // programs are a seventh larger.
            .args([
                "rustc",
                "--crate-type",
                "cdylib",
                "--release",
                "--lib",
                "--locked",
                "--target",
                "wasm32-unknown-unknown",
                "-p",
                program.package,
            ]);
        if let Some(level) = program.level {
            command.env(OPT_LEVEL, level);
        }
        if let Some(feature) = program.feature {
            command.args(["--features", feature]);
        }
        let output = command.output().map_err(|source| Error::File { path: "cargo".into(), source })?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            if text.contains("rust-src")
                || text.contains("can't find crate for `core`")
                || text.contains("library/Cargo.lock")
            {
                return Err(Error::NoWasmTarget);
            }
            let tail: Vec<_> = text.lines().rev().take(40).collect();
            let output = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
            return Err(Error::Cargo { program: program.name, output });
        }
        let path = release.join(format!("{}.wasm", program.package.replace('-', "_")));
        fs::read(&path).map_err(|source| Error::File { path, source })
    }
}

/// The settings of `scripts/contract-env.sh`.
///
/// # Errors
/// [`Error::File`] where the script is missing.
pub fn contract_environment(root: &Path) -> Result<Vec<(String, String)>> {
    let path = root.join("scripts/contract-env.sh");
    let text = fs::read_to_string(&path).map_err(|source| Error::File { path, source })?;
    let assignment = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    Ok(text.lines().filter_map(assignment).collect())
}

/// Re-encodes a module canonically and leaves out its custom sections.
///
/// # Errors
/// Why it is no module.
pub fn canonical(wasm: &[u8]) -> Result<Vec<u8>, String> {
    use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
    let mut stripped = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| error.to_string())?;
        if matches!(payload, wasmparser::Payload::CustomSection(_)) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let data = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let data = data.and_then(|(start, end)| wasm.get(start..end)).ok_or("a section beyond the end")?;
            stripped.section(&wasm_encoder::RawSection { id, data });
        }
    }
    let mut module = wasm_encoder::Module::new();
    RoundtripReencoder
        .parse_core_module(&mut module, wasmparser::Parser::new(0), &stripped.finish())
        .map_err(|error| error.to_string())?;
    Ok(module.finish())
}

/// Compresses a module into the code of a Stylus program.
#[must_use]
pub fn compress(wasm: &[u8]) -> Vec<u8> {
    let mut code = PREFIX.to_vec();
    {
        let mut writer = brotli::CompressorWriter::new(&mut code, 4096, 11, 22);
        writer.write_all(wasm).expect("writing to memory works");
    }
    code
}

/// Initialisation code that deploys `code` as it is.
///
/// # Panics
/// For code beyond 4 GiB.
#[must_use]
pub fn init_code(code: &[u8]) -> Vec<u8> {
    let length = u32::try_from(code.len()).expect("code is small");
    let mut init = vec![0x7f];
    init.extend([0; 28]);
    init.extend(length.to_be_bytes());
    init.extend(PRELUDE_TAIL);
    init.extend(code);
    init
}

/// Writes a file as a whole or not at all.
///
/// # Errors
/// [`Error::File`].
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    whole::write_by(path, &format!("partial-{}", std::process::id()), content)
        .map_err(|source| Error::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prelude_returns_the_code_behind_it() {
        let init = init_code(&[1, 2, 3]);
        assert_eq!(init.len(), 43 + 3);
        assert_eq!(&init[..33], &{
            let mut push = [0; 33];
            push[0] = 0x7f;
            push[32] = 3;
            push
        });
        assert_eq!(init[34], 0x60);
        assert_eq!(init[35], 43);
        assert_eq!(&init[43..], &[1, 2, 3]);
    }

    #[test]
    fn compression_is_undone_by_a_reader() {
        let wasm = b"\0asm\x01\0\0\0".repeat(50);
        let code = compress(&wasm);
        assert_eq!(code[..4], PREFIX);
        let mut out = Vec::new();
        brotli::BrotliDecompress(&mut &code[4..], &mut out).unwrap();
        assert_eq!(out, wasm);
    }

    #[test]
    fn a_program_that_was_altered_or_is_too_large_is_not_deployed() {
        let root = std::env::temp_dir().join(format!("palisade-artefact-{}", std::process::id()));
        let builder = Builder::new(&root);
        fs::create_dir_all(&builder.out).unwrap();
        assert!(matches!(builder.code("token"), Err(Error::Missing(_))));
        let code = vec![7; 100];
        let artefact = Artefact {
            name: "token".into(),
            inputs: String::new(),
            bytes: code.len(),
            wasm_bytes: 0,
            init_gas: 0,
            cached_gas: 0,
            code_hash: hex::encode(keccak256(&code)),
        };
        fs::write(builder.code_path("token"), &code).unwrap();
        fs::write(builder.out.join("token.json"), serde_json::to_vec(&artefact).unwrap()).unwrap();
        assert_eq!(builder.code("token").unwrap(), code);
        let text = builder.clone().with_limit(99).code("token").unwrap_err().to_string();
        assert!(text.starts_with("token is 100 bytes compressed; a program may have 99"), "{text}");
        fs::write(builder.code_path("token"), [8; 100]).unwrap();
        assert!(matches!(builder.code("token"), Err(Error::Altered(_))));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn canonical_form_has_no_custom_sections_and_is_stable() {
        let mut module = wasm_encoder::Module::new();
        module.section(&wasm_encoder::CustomSection { name: "name".into(), data: (&[1u8, 2][..]).into() });
        let once = canonical(&module.finish()).unwrap();
        assert_eq!(once, b"\0asm\x01\0\0\0");
        assert_eq!(canonical(&once).unwrap(), once);
        assert!(canonical(b"not wasm").is_err());
    }

    #[test]
    fn the_settings_are_read_from_the_script() {
        let settings = contract_environment(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let value = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!(value(OPT_LEVEL), Some("z"));
        assert!(
            value("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS").unwrap().starts_with("-Zunstable-options -Cpanic")
        );
    }
}

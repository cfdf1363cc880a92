#!/usr/bin/env bash
# Tries the node with cargo-stylus: checks, deploys, activates, caches, traces and replays the contract of
# tests/clients/stylus. Part of the test command's long mode: the tool's own build, once, takes ten minutes or more.
#
#   scripts/cargo-stylus.sh      (the node must be built: cargo build --bin palisade)
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.10.10
target=${CARGO_TARGET_DIR:-$HOME/.cache/palisade/target}
tools=${TOOLS_DIR:-$target/tools}
tool=$tools/bin/cargo-stylus

if [[ "$("$tool" stylus --version 2>/dev/null)" != *" $version" ]]; then
    echo "Building cargo-stylus $version…" >&2
    # Unoptimised: it waits for the node and for Cargo most of the time. The program that it replays finds its host calls
    # in it, so they are exported; all symbols (-rdynamic) would keep what this compiler has no __rust_probestack for.
    exported=
    for name in 'account_*' 'block_*' call_contract chainid contract_address 'create[12]' delegate_call_contract emit_log \
        'evm_*' exit_early 'math_*' 'msg_*' native_keccak256 pay_for_memory_grow 'read_*' return_data_size \
        static_call_contract 'storage_*' 'transient_*' 'tx_*' write_result 'log_*'; do
        exported+=" -C link-arg=-Wl,--export-dynamic-symbol=$name"
    done
    CARGO_TARGET_DIR=$tools/build CARGO_PROFILE_DEV_DEBUG=0 RUSTFLAGS=$exported \
        cargo install --debug --locked --version "$version" --root "$tools" cargo-stylus
    rm -rf "$tools/build"
fi

# A copy, since the tool wants the builds below the project.
project=$tools/counter
mkdir -p "$project"
cp -R tests/clients/stylus/. rust-toolchain.toml "$project"

# The standard library is made for the chain's target alone: what runs on this machine has one.
cargo=$(command -v cargo)
mkdir -p "$tools/path"
cat > "$tools/path/cargo" <<END
#!/usr/bin/env bash
[[ " \$* " == *" wasm32-unknown-unknown "* ]] || unset CARGO_UNSTABLE_BUILD_STD CARGO_UNSTABLE_BUILD_STD_FEATURES
exec "$cargo" "\$@"
END
chmod +x "$tools/path/cargo"

source scripts/contract-env.sh
unset CARGO
export PALISADE_NODE=${PALISADE_NODE:-"$target/debug/palisade node"}
PATH=$tools/path:$PATH CARGO_TARGET_DIR=$project/target CARGO_STYLUS=$tool STYLUS_PROJECT=$project \
    CLIENTS_LIMIT=1200 scripts/clients.sh cargo-stylus

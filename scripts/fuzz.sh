#!/usr/bin/env bash
# Gives each decoder of the node random and damaged input for a while, and says how many inputs it took. Part of the
# test command's long mode.
#
#   scripts/fuzz.sh [SECONDS]      (each; 60 if nothing is said)
source "$(dirname "$0")/setup.sh"
seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "usage: scripts/fuzz.sh [SECONDS]" >&2; exit 2; }
export PROPTEST_CASES=${PROPTEST_CASES:-1024}

# A target: what is read, the test binary, and the properties that hold whatever is read.
targets=(
    "modules|wasm|fuzz::any_bytes fuzz::any_body fuzz::a_damaged_module"
    "compressed modules|wasm|fuzz::any_code fuzz::a_damaged_stream"
    "requests|server|any_bytes_are_answered damaged_requests any_arguments"
    "transactions|properties|decode::damaged_transactions decode::any_bytes"
)

step "building the node's tests"
cargo test --locked --workspace --test wasm --test server --test properties --no-run

for target in "${targets[@]}"; do
    IFS='|' read -r what binary properties <<< "$target"
    step "$what, for $seconds seconds"
    began=$SECONDS inputs=0
    while (( SECONDS - began < seconds )); do
        for property in $properties; do
            # Every run draws other inputs.
            out=$(cargo test --locked --quiet --workspace --test "$binary" -- "$property" 2>&1) ||
                { printf '%s\n' "$out" >&2; exit 1; }
            count=$(sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' <<< "$out")
            (( count > 0 )) || { echo "no property is called $property" >&2; exit 1; }
            inputs=$(( inputs + count * PROPTEST_CASES ))
        done
    done
    echo "$what: $inputs inputs, nothing found"
done

#!/usr/bin/env bash
# Makes this machine able to build the contracts small: the standard library's sources (rust-src) for the
# pinned toolchain, which `-Zbuild-std` compiles together with each contract.
#
#   scripts/wasm-target.sh          idempotent; says what it found or did
#   RUST_SRC_DEB=FILE.deb …         takes the sources from a package file instead of downloading one
#
# Order: already there -> rustup component -> Debian's rust-src package of the same version (from the
# machine's own mirror, suite trixie-backports, in a temporary apt directory: the system's lists are untouched).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'wasm-target: %s\n' "$*"; }
die() { printf 'wasm-target: %s\n' "$*" >&2; exit 1; }

command -v rustc >/dev/null || die "rustc not found: install Rust with rustup, then run this again"
version=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
[ -n "$version" ] || die "rust-toolchain.toml names no channel"
if ! actual=$(rustc --version 2>/dev/null | awk '{print $2}') || [ -z "$actual" ]; then
  say "toolchain $version is not installed yet; asking rustup"
  rustup toolchain install "$version" --profile minimal --component rustfmt --component clippy \
    || die "rustup could not install Rust $version"
  actual=$(rustc --version | awk '{print $2}')
fi
[ "$actual" = "$version" ] || die "rustc is $actual but rust-toolchain.toml pins $version"

sysroot=$(rustc --print sysroot)
source_dir="$sysroot/lib/rustlib/src/rust"
complete() { [ -f "$source_dir/library/std/src/lib.rs" ] && [ -f "$source_dir/library/Cargo.lock" ]; }

if complete; then
  say "standard library sources for Rust $version are present"
  exit 0
fi

if command -v rustup >/dev/null && timeout 120 rustup component add rust-src --toolchain "$version" >/dev/null 2>&1 && complete; then
  say "added rust-src $version with rustup"
  exit 0
fi
say "rustup cannot add rust-src here; trying Debian's package of the same version"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

package=${RUST_SRC_DEB:-}
if [ -z "$package" ]; then
  command -v apt-get >/dev/null || die "no apt-get: install rust-src $version by hand into $source_dir"
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | head -n 1)
  [ -n "$mirror" ] || die "apt-get indextargets names no Debian mirror"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -f "$keyring" ] || die "Debian's archive keyring is missing ($keyring)"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/state"
  printf 'deb [signed-by=%s] %s trixie-backports main\n' "$keyring" "$mirror" > "$work/sources.list"
  apt=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
       -o "Dir::State::Lists=$work/lists" -o "Dir::State=$work/state" -o "Dir::Cache=$work/cache"
       -o Dir::State::status=/var/lib/dpkg/status -o APT::Sandbox::User=root)
  apt-get "${apt[@]}" -qq update || die "cannot read the package list of trixie-backports"
  found=$(apt-cache "${apt[@]}" madison rust-src | awk '{print $3}' | grep -E "^${version//./\\.}\+" | head -n 1 || true)
  [ -n "$found" ] || die "trixie-backports has no rust-src $version"
  say "downloading rust-src $found"
  (cd "$work" && apt-get "${apt[@]}" -qq download "rust-src=$found") || die "download of rust-src $found failed"
  package=$(ls "$work"/rust-src_*.deb)
fi

dpkg-deb -x "$package" "$work/unpacked"
# The package holds other folders called library too: the one that is meant has std and the lock file.
library=$(dirname "$(find "$work/unpacked" -path '*/library/Cargo.lock' -print -quit)")
[ -f "$library/std/src/lib.rs" ] || die "the package holds no standard library"
mkdir -p "$source_dir"
rm -rf "$source_dir/library.partial"
cp -rL "$library" "$source_dir/library.partial"
rm -rf "$source_dir/library"
mv "$source_dir/library.partial" "$source_dir/library"
complete || die "the package's sources are incomplete (no std or no Cargo.lock)"
say "unpacked rust-src $version into the toolchain"

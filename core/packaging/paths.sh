#!/bin/sh
# paths.sh FOLDER
#
# Writes what rustc and the C compiler are told so that nothing they build holds a path of this machine: FOLDER/paths/rustc and
# FOLDER/paths/cc, one option a line. FOLDER is where cargo builds. A Makefile includes paths.mk; a script exports RUSTFLAGS and
# CFLAGS as that does.
set -eu

mkdir -p "$1/paths"
target="$(cd "$1" && pwd)"
repository="$(cd "$(dirname "$0")/../.." && pwd)"
home="${HOME:-/}"
cargo="${CARGO_HOME:-$home/.cargo}"
rust="$(cd "$repository" && rustc --print sysroot)"

# Both compilers take the last one that fits, so what lies inside of something else comes after it.
map() {
    [ "$1" = / ] || printf '%s\n' "$1=$2"
}
maps() {
    map "$home" home
    map "$rust" rust
    map "$rust/lib/rustlib/src/rust" rust
    map "$repository" payamak
    map "$target" target
    map "$cargo" cargo
    map "$cargo/git/checkouts" git
    map "$cargo/registry/src" crates
}

# Made anew only where it differs, and in one step: several makes may be at it at once.
write() {
    if [ "$(cat "$target/paths/$1" 2>/dev/null)" != "$2" ]; then
        printf '%s\n' "$2" >"$target/paths/$1.$$"
        mv "$target/paths/$1.$$" "$target/paths/$1"
    fi
}
all="$(maps)"
write rustc "$(printf '%s\n' "$all" | sed 's/^/--remap-path-prefix=/')"
write cc "$(printf '%s\n' "$all" | sed 's/.*/"-ffile-prefix-map=&"/')"

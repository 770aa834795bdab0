#!/usr/bin/env bash
# Makes the folder that Swift lives in: Debian trixie with its swiftlang, for machines whose own system has no Swift.
# Prints the folder. Made once, outside the repository; a second call finds it ready.
set -euo pipefail

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/payamak"
readonly root="$cache/swift-trixie"
readonly packages=(swiftlang libc6-dev libstdc++-14-dev ca-certificates)

fail() {
    echo "swift: $1" >&2
    exit 1
}

[ ! -e "$root/.ready" ] || { echo "$root"; exit 0; }
[ "$(uname -s)" = Linux ] || fail "only Linux makes its own Swift; elsewhere install Swift 5.9 or later"
[ "$(id -u)" = 0 ] || fail "making the Swift folder needs root (debootstrap)"
command -v apt-get >/dev/null || fail "making the Swift folder needs apt"

mkdir -p "$cache"
exec 9>"$cache/swift-trixie.lock"
flock 9
[ ! -e "$root/.ready" ] || { echo "$root"; exit 0; }

{
    if ! command -v debootstrap >/dev/null || ! command -v unshare >/dev/null; then
        apt-get update -qq || fail "apt-get update failed"
        apt-get install -y -qq --no-install-recommends debootstrap util-linux || fail "debootstrap cannot be installed"
    fi
    # The mirror is this machine's own: the first archive of Debian that apt knows, without its security branch.
    targets() {
        apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages'
    }
    mirror="$(targets | awk '$1 == "Debian" && $2 !~ /security/ { print $3; exit }')"
    if [ -z "$mirror" ]; then
        apt-get update -qq || fail "apt-get update failed"
        mirror="$(targets | awk '$1 == "Debian" && $2 !~ /security/ { print $3; exit }')"
    fi
    [ -n "$mirror" ] || fail "apt knows no archive of Debian"

    # A half-made folder of a run that was stopped is not mended but made again.
    partial="$root.partial"
    rm -rf --one-file-system "$partial"
    # In a mount namespace of its own, so that no mount outlives this run, however it ends.
    unshare --mount --propagation private debootstrap --variant=minbase trixie "$partial" "$mirror" \
        || fail "debootstrap of trixie failed"
    printf '#!/bin/sh\nexit 101\n' >"$partial/usr/sbin/policy-rc.d"
    chmod +x "$partial/usr/sbin/policy-rc.d"
    unshare --mount --propagation private bash -c '
        set -e
        mount -t proc proc "$0/proc"
        export DEBIAN_FRONTEND=noninteractive
        chroot "$0" apt-get update -qq
        chroot "$0" apt-get install -y -qq --no-install-recommends "$@"
        chroot "$0" apt-get clean
        chroot "$0" swiftc --version' "$partial" "${packages[@]}" \
        || fail "swiftlang cannot be installed in the folder"
    mkdir -p "$partial/payamak" "$partial/target"
    touch "$partial/.ready"
    rm -rf --one-file-system "$root"
    mv "$partial" "$root"
} >&2
echo "$root"

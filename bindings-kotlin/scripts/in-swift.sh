#!/usr/bin/env bash
# Runs a command where Swift is: on this machine, if it has one, else in the folder that swift-root.sh makes.
#
#   in-swift.sh REPOSITORY BUILD COMMAND      COMMAND finds the two in $REPOSITORY (there read-only) and $BUILD
set -euo pipefail

repository="$(cd "$1" && pwd)"
mkdir -p "$2"
build="$(cd "$2" && pwd)"
command="set -euo pipefail; $3"

if command -v swift >/dev/null; then
    REPOSITORY="$repository" BUILD="$build" exec bash -c "$command"
fi
root="$("$(dirname "$0")/swift-root.sh")"
export root repository build command
# A mount namespace of its own: no mount outlives this command, however it ends. /proc, because the compiler finds its own
# libraries by it. The environment stays behind: credentials have no business in a test.
exec unshare --mount --propagation private bash -c '
    set -e
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind "$repository" "$root/payamak"
    mount -o remount,bind,ro "$root/payamak"
    mount --bind "$build" "$root/target"
    exec chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp LANG=C.UTF-8 \
        REPOSITORY=/payamak BUILD=/target bash -c "$command"'

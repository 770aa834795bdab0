#!/usr/bin/env bash
# The library for Android's four ABIs, and the AAR around it.
#
#   ANDROID_NDK_HOME=… scripts/build-android.sh [OUT]
#
# Needs the NDK (28 or later, which aligns to 16 KB pages by itself), cargo-ndk, and rustup's targets:
#
#   cargo install --locked cargo-ndk@4.1.2
#   rustup target add aarch64-linux-android armv7-linux-androideabi x86_64-linux-android i686-linux-android
#
# `scripts/build-android.sh --aar-only OUT` packs the AAR from what OUT/jni already holds.
set -euo pipefail

here="$(cd "$(dirname "$0")/.." && pwd)"
pack_only=
if [ "${1:-}" = --aar-only ]; then
    pack_only=1
    shift
fi
out="${1:-$here/kotlin/target/android}"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$here/../Cargo.toml" | head -1)"
mkdir -p "$out/jni"
out="$(cd "$out" && pwd)"
packaging="$here/../core/packaging"

if [ -z "$pack_only" ]; then
    : "${ANDROID_NDK_HOME:?the folder of the NDK}"
    # Without the feature emulator. 16 KB pages are said aloud, for an NDK before 28.
    built="${CARGO_TARGET_DIR:-$here/../target}"
    "$packaging/paths.sh" "$built"
    built="$(cd "$built" && pwd)"
    (
        cd "$here"
        CFLAGS="@$built/paths/cc" RUSTFLAGS="-C link-arg=-Wl,-z,max-page-size=16384 @$built/paths/rustc" cargo ndk \
            --platform 23 \
            --target arm64-v8a --target armeabi-v7a --target x86_64 --target x86 \
            --output-dir "$out/jni" \
            build --locked --profile mobile -p payamak-uniffi
    )
fi

jar="$here/kotlin/payamak/target/payamak-$version.jar"
[ -e "$jar" ] || { echo "first: make -C $here kotlin-bindings, then mvn package in kotlin/" >&2; exit 1; }

# An AAR is a zip of this layout. JNA itself comes as an AAR of its own, with its native half for each ABI:
# net.java.dev.jna:jna:5.17.0@aar or later.
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT
mkdir "$stage/classes"
(cd "$stage/classes" && jar xf "$jar" && rm -rf linux-* darwin-* META-INF/{proguard,maven,sbom,LICENSE,THIRD-PARTY-NOTICES.txt})
jar cf "$stage/classes.jar" -C "$stage/classes" .
rm -r "$stage/classes"
cp -R "$out/jni" "$stage/jni"
cp "$here/kotlin/consumer-rules.pro" "$stage/proguard.txt"
: >"$stage/R.txt"
# Beside classes.jar, not in it: two libraries with files of one name in META-INF cannot be in one app.
cp "$here/../LICENSE" "$stage/"
python3 "$packaging/notices.py" --package payamak-uniffi --purl pkg:maven/io.github.payamak/payamak-android \
    --target aarch64-linux-android --target armv7-linux-androideabi --target x86_64-linux-android --target i686-linux-android \
    --notices "$stage/THIRD-PARTY-NOTICES.txt" --sbom "$stage/payamak.cdx.json"
cat >"$stage/AndroidManifest.xml" <<'XML'
<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="io.github.payamak">
    <uses-sdk android:minSdkVersion="26" />
    <uses-permission android:name="android.permission.INTERNET" />
</manifest>
XML
aar="$out/payamak-$version.aar"
rm -f "$aar"
jar cfM "$aar" -C "$stage" .
python3 "$packaging/check_artifact.py" "$aar" --holds LICENSE --holds THIRD-PARTY-NOTICES.txt --holds payamak.cdx.json >&2
echo "$aar"

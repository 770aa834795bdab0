#!/usr/bin/env bash
# PayamakFFI.xcframework for iOS, its simulator and macOS, beside swift/Package.swift, which uses it when it is there.
#
# Needs macOS with Xcode, and rustup's targets:
#
#   rustup target add aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin
set -euo pipefail

[ "$(uname -s)" = Darwin ] || { echo "build-ios.sh: XCFrameworks are made by Xcode, on macOS" >&2; exit 1; }

here="$(cd "$(dirname "$0")/.." && pwd)"
repository="$(cd "$here/.." && pwd)"
target="${CARGO_TARGET_DIR:-$repository/target}"
swift="$here/swift"
stage="$(mktemp -d)"
trap 'rm -rf "$stage"' EXIT

# Options that keep the paths of this machine out.
packaging="$repository/core/packaging"
"$packaging/paths.sh" "$target"
target="$(cd "$target" && pwd)"
export RUSTFLAGS="@$target/paths/rustc" CFLAGS="@$target/paths/cc"

triples=(aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin)
# Without the feature emulator.
for triple in "${triples[@]}"; do
    (cd "$repository" && cargo build --locked --profile mobile -p payamak-uniffi --target "$triple")
done
(cd "$repository" && cargo build --locked -p payamak-uniffi-bindgen)
(
    cd "$repository"
    "$target/debug/uniffi-bindgen" generate "$target/aarch64-apple-ios/mobile/libpayamak_uniffi.a" \
        --language swift --out-dir "$stage/bindings" --no-format
)

mkdir -p "$swift/Sources/PayamakBridge"
cp "$stage/bindings/PayamakBridge.swift" "$swift/Sources/PayamakBridge/"
# A subfolder of its own: two XCFrameworks that both bring include/module.modulemap cannot be in one app.
mkdir -p "$stage/include/PayamakFFI"
cp "$stage/bindings/PayamakFFI.h" "$stage/include/PayamakFFI/"
cp "$stage/bindings/PayamakFFI.modulemap" "$stage/include/PayamakFFI/module.modulemap"

mkdir "$stage/simulator" "$stage/macos"
lipo -create -output "$stage/simulator/libpayamak_uniffi.a" \
    "$target"/{aarch64-apple-ios-sim,x86_64-apple-ios}/mobile/libpayamak_uniffi.a
lipo -create -output "$stage/macos/libpayamak_uniffi.a" \
    "$target"/{aarch64-apple-darwin,x86_64-apple-darwin}/mobile/libpayamak_uniffi.a

rm -rf "$swift/PayamakFFI.xcframework"
xcodebuild -create-xcframework \
    -library "$target/aarch64-apple-ios/mobile/libpayamak_uniffi.a" -headers "$stage/include" \
    -library "$stage/simulator/libpayamak_uniffi.a" -headers "$stage/include" \
    -library "$stage/macos/libpayamak_uniffi.a" -headers "$stage/include" \
    -output "$swift/PayamakFFI.xcframework"

# In the framework, and in the package that is a source of it.
for folder in "$swift/PayamakFFI.xcframework" "$swift"; do
    cp "$repository/LICENSE" "$folder/"
    python3 "$packaging/notices.py" --package payamak-uniffi --purl pkg:swift/github.com/payamak/payamak \
        "${triples[@]/#/--target=}" --notices "$folder/THIRD-PARTY-NOTICES.txt" --sbom "$folder/payamak.cdx.json"
done
python3 "$packaging/check_artifact.py" "$swift/PayamakFFI.xcframework" \
    --holds LICENSE --holds THIRD-PARTY-NOTICES.txt --holds payamak.cdx.json

// swift-tools-version: 5.9
import Foundation
import PackageDescription

// Where the XCFramework has been built (scripts/build-ios.sh), it brings the library; elsewhere the linker finds it by its
// name, and the command line says where: see the Makefile of the folder above.
let xcframework = "PayamakFFI.xcframework"
let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
let hasXCFramework = FileManager.default.fileExists(atPath: folder.appendingPathComponent(xcframework).path)

var products: [Product] = [.library(name: "Payamak", targets: ["Payamak"])]
var targets: [Target] = [
    hasXCFramework
        ? .binaryTarget(name: "PayamakFFI", path: xcframework)
        : .systemLibrary(name: "PayamakFFI"),
    .target(
        name: "PayamakBridge",
        dependencies: ["PayamakFFI"],
        linkerSettings: hasXCFramework ? [] : [.linkedLibrary("payamak_uniffi")]
    ),
    .target(name: "Payamak", dependencies: ["PayamakBridge"]),
]

// The emulator is not in the library for phones, so it cannot be linked there.
if !hasXCFramework {
    products.append(.library(name: "PayamakTesting", targets: ["PayamakTesting"]))
    targets += [
        .systemLibrary(name: "PayamakTestingFFI"),
        .target(
            name: "PayamakTestingBridge",
            dependencies: ["PayamakTestingFFI"],
            linkerSettings: [.linkedLibrary("payamak_uniffi")]
        ),
        .target(name: "PayamakTesting", dependencies: ["PayamakTestingBridge"]),
        .testTarget(name: "PayamakTests", dependencies: ["Payamak", "PayamakTesting"]),
    ]
}

let package = Package(
    name: "payamak",
    platforms: [.iOS(.v13), .macOS(.v10_15)],
    products: products,
    targets: targets
)

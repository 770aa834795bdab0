// swift-tools-version: 5.9
import PackageDescription

let package = Package(
    name: "payamak-examples",
    platforms: [.macOS(.v10_15)],
    products: [
        .executable(name: "quickstart", targets: ["Quickstart"]),
        .executable(name: "one-time-password", targets: ["OneTimePassword"]),
    ],
    // A folder of its own, because a package in a folder is known by that folder's name, and both would be "swift".
    dependencies: [.package(path: "../../../bindings-kotlin/swift")],
    targets: [
        .target(
            name: "Account",
            dependencies: [
                .product(name: "Payamak", package: "swift"),
                // Both gateways on loopback: what the examples use without credentials. In an app of yours it is for tests.
                .product(name: "PayamakTesting", package: "swift"),
            ]
        ),
        .executableTarget(name: "Quickstart", dependencies: ["Account"]),
        .executableTarget(name: "OneTimePassword", dependencies: ["Account"]),
    ]
)

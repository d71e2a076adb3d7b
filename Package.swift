// swift-tools-version: 6.2
import PackageDescription

// Modules and the direction of their imports: see "The map of the folders" in README.md. A test keeps this table and the imports equal.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
]

// The generator shares the machine with what it measures: a tenth of its time went into checks that debug builds, which run the tests, make too.
let loadSettings: [SwiftSetting] = [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "holdfast",
    products: [
        .library(name: "HoldfastClient", targets: ["HoldfastClient"]),
        .library(name: "HoldfastClientTransport", targets: ["HoldfastClientTransport"]),
        .executable(name: "holdfast", targets: ["holdfast"]),
        .executable(name: "holdfast-load", targets: ["holdfast-load"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C only: headers, shims for macros and variadics. No logic.
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .target(name: "CLMDBProcess"),

        module("HoldfastWire"),
        // What a process may have of the system, for those who meet its limits.
        module("HoldfastSystem", ["CLinux"]),
        module("HoldfastCore", ["HoldfastWire"]),
        // What simulations and tests share: a storage in RAM, random numbers from a seed.
        module("HoldfastTestSupport", ["HoldfastCore", "HoldfastWire"]),
        module("HoldfastConnection", ["HoldfastCore", "HoldfastWire"]),
        module("HoldfastStorage", ["CLMDB", "CLMDBProcess", "CLinux", "HoldfastCore", "HoldfastSystem", "HoldfastWire"]),
        module("HoldfastIO", ["CLinux", "COpenSSL", "HoldfastSystem"]),
        module(
            "HoldfastGateway",
            [
                "HoldfastWire", "HoldfastCore", "HoldfastConnection", "HoldfastStorage", "HoldfastIO", logging,
                .product(name: "JWTKit", package: "jwt-kit"), .product(name: "Yams", package: "Yams"),
            ]),
        // The HTTP door of backends and operators.
        .target(
            name: "HoldfastControl",
            dependencies: [
                "HoldfastWire", "HoldfastCore", "HoldfastIO", "HoldfastGateway", logging,
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"), .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            resources: [.embedInCode("Documents/openapi.yaml")], swiftSettings: settings),
        module("HoldfastClient", ["HoldfastWire"]),
        module("HoldfastClientTransport", ["HoldfastClient", "HoldfastIO"]),
        module("HoldfastSimulator", ["HoldfastConnection", "HoldfastCore", "HoldfastClient", "HoldfastTestSupport", "HoldfastWire"]),

        .executableTarget(
            name: "holdfast",
            dependencies: [
                "HoldfastControl", "HoldfastGateway", "HoldfastClient", "HoldfastClientTransport", "HoldfastStorage", "HoldfastCore",
                "HoldfastWire", "HoldfastIO", "HoldfastSystem", argumentParser, logging,
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], exclude: ["RUNBOOK.md"], swiftSettings: settings),
        .executableTarget(
            name: "holdfast-load",
            dependencies: [
                "HoldfastIO", "HoldfastClient", "HoldfastClientTransport", "HoldfastWire", "HoldfastStorage", "HoldfastGateway",
                "HoldfastConnection", "HoldfastCore", "HoldfastSimulator", "HoldfastTestSupport", "CLMDB", "CLinux",
                argumentParser, logging, .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "Hummingbird", package: "hummingbird"), .product(name: "Yams", package: "Yams"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "LoadTests/holdfast-load", swiftSettings: settings + loadSettings),

        // What suites of several modules ask of the test runner.
        .target(name: "TestTraits", path: "Tests/Traits", swiftSettings: settings),
        tests("HoldfastWireTests", ["HoldfastWire", "HoldfastTestSupport"]),
        tests("HoldfastCoreTests", ["HoldfastCore", "HoldfastTestSupport", "HoldfastWire"]),
        tests("HoldfastConnectionTests", ["HoldfastConnection", "HoldfastCore", "HoldfastTestSupport", "HoldfastWire"]),
        .testTarget(
            name: "HoldfastStorageTests",
            dependencies: ["HoldfastStorage", "HoldfastCore", "HoldfastTestSupport", "HoldfastWire", "CLinux", "CLMDB"],
            exclude: ["Fixtures"], swiftSettings: settings),
        tests("HoldfastIOTests", ["HoldfastIO", "HoldfastTestSupport", "CLinux", "COpenSSL"]),
        tests("HoldfastClientTests", ["HoldfastClient", "HoldfastTestSupport", "HoldfastWire"]),
        tests(
            "HoldfastClientTransportTests",
            ["HoldfastClientTransport", "HoldfastClient", "HoldfastIO", "TestTraits"]
        ),
        tests(
            "HoldfastGatewayTests",
            [
                "HoldfastGateway", "HoldfastConnection", "HoldfastCore", "HoldfastTestSupport", "HoldfastWire", "HoldfastIO",
                "HoldfastStorage", "TestTraits",
            ]
        ),
        tests(
            "HoldfastControlTests",
            [
                "TestTraits", "HoldfastControl", "HoldfastGateway", "HoldfastCore", "HoldfastWire", logging,
                .product(name: "Yams", package: "Yams"),
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Metrics", package: "swift-metrics"),
            ]),
        tests("HoldfastSimulatorTests", ["HoldfastSimulator"]),
        tests("TidyTests", []),
        // Shared by `swift test`, which replays what was found, and by libFuzzer (Tests/Fuzz/run.sh).
        .target(
            name: "FuzzTargets",
            dependencies: [
                "HoldfastWire", "HoldfastCore", "HoldfastTestSupport", "HoldfastConnection", "HoldfastClient", "HoldfastIO",
                "HoldfastGateway", "HoldfastControl", .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            path: "Tests/FuzzTargets", swiftSettings: settings),
        tests("FuzzReplayTests", ["FuzzTargets"]),
        tests(
            "HoldfastTests",
            ["holdfast", "HoldfastClient", "HoldfastTestSupport", "HoldfastWire", "HoldfastStorage", "HoldfastCore", "TestTraits"]
        ),
        .testTarget(
            name: "HoldfastLoadTests",
            dependencies: [
                "holdfast-load", "HoldfastCore", "HoldfastIO", "HoldfastStorage", "HoldfastTestSupport", "HoldfastWire", argumentParser,
            ],
            path: "LoadTests/HoldfastLoadTests", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

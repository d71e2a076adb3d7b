import Foundation
import FuzzTargets
import Testing

/// Replays what the fuzzers have found, and a few thousand random inputs of a fixed seed.
@Suite struct FuzzReplayTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz")

    @Test(arguments: FuzzTarget.allCases)
    func `the corpus and every crash that was found pass`(_ target: FuzzTarget) throws {
        for kind in ["corpus", "crashes"] {
            let folder = Self.folder.appending(path: kind).appending(path: target.rawValue)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            for name in names.sorted() { target.run([UInt8](try Data(contentsOf: folder.appending(path: name)))) }
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `random bytes pass`(_ target: FuzzTarget) {
        var seed: UInt64 = 20_261_122
        func next() -> UInt64 {
            seed &+= 0x9E37_79B9_7F4A_7C15
            var value = seed
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return value ^ value >> 31
        }
        for _ in 0..<2_000 { target.run((0..<Int(next() % 200)).map { _ in UInt8(truncatingIfNeeded: next()) }) }
    }
}

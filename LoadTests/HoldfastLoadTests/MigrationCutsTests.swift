import Foundation
import Testing

@testable import holdfast_load

/// Kills and power cuts at changes of a migration, with the real program and the real disk format.
@Suite(.timeLimit(.minutes(10))) struct MigrationCutsTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    @Test func `every entry is there once, and the next start goes on`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/holdfast-migration-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let cuts = MigrationCuts(
            program: URL(filePath: bundle).deletingLastPathComponent().appending(path: "holdfast").path,
            recorder: try Recorder(sources: Self.root.path + "/LoadTests/powercut", into: directory + "/recorder"),
            fixture: Self.root.path + "/Tests/HoldfastStorageTests/Fixtures/format-1", directory: directory, seed: 1)
        // All of them are gone through by LoadTests/faults/migration.sh.
        let result = try cuts.run(every: 5)
        #expect(result.kills == result.cuts && result.kills > 5)
    }
}

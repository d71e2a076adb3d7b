import Foundation
import Testing

@testable import holdfast_load

/// Power cuts of small programs, some of which forget a sync: these must be found out, the correct ones must not lose anything.
@Suite(.timeLimit(.minutes(10))) struct CanariesTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/powercut"

    @Test func `a forgotten sync is found, and nothing else`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/holdfast-canaries-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let recorder = try Recorder(sources: Self.sources, into: directory + "/recorder")
        let canaries = Canaries(recorder: recorder, directory: directory, seed: 1)
        for (kind, forgets) in Canaries.kinds {
            let result = try canaries.test(kind, forgets: forgets, cuts: 24)
            #expect(result.isRight, "\(kind): \(result.losses) of \(result.cuts) cuts lost something: \(result.loss ?? "")")
        }
    }
}

import Foundation
import HoldfastCore
import HoldfastStorage
import Testing

@testable import holdfast_load

/// A filled directory is one that a gateway could have left.
@Suite struct DirectoryFillTests {
    @Test func `everything is in the store, and intact`() throws {
        let directory = FileManager.default.temporaryDirectory.path + "/holdfast-fill-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try DirectoryFill.run(.init(directory: directory, users: 50, messagesPerUser: 3))
        let storage = try LMDBStorage.openReadOnly(directory: directory)
        let (findings, counts) = try Verification.run(on: storage)
        #expect(findings.isEmpty)
        #expect(counts.users == 50 + DirectoryFill.senderCount)
        #expect(counts.inboxEntries == 150)
    }
}

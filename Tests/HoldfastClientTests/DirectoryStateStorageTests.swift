import Foundation
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct DirectoryStateStorageTests {
    /// A directory that is gone afterwards.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "holdfast-client-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func `files are written in place, renamed, removed, and for the owner only`() throws {
        try withDirectory { path in
            let storage = DirectoryStateStorage(path: path)
            try storage.lock()
            #expect(try storage.read("a") == nil)
            try storage.write([1, 2, 3, 4], to: "a", at: 0)
            try storage.write([9, 9, 9], to: "a", at: 2)
            try storage.sync("a")
            #expect(try storage.read("a") == [1, 2, 9, 9, 9])
            try storage.write([7], to: "b", at: 0)
            try storage.rename("b", to: "a")
            #expect(try storage.read("a") == [7])
            try storage.write([8], to: "a", at: 1)
            #expect(try storage.read("a") == [7, 8])
            let file = try FileManager.default.attributesOfItem(atPath: path + "/a")
            #expect(file[.posixPermissions] as? Int == 0o600)
            let directory = try FileManager.default.attributesOfItem(atPath: path)
            #expect(directory[.posixPermissions] as? Int == 0o700)
            try storage.remove("a")
            try storage.remove("a")
            #expect(try storage.read("a") == nil)
        }
    }

    @Test func `two at once are one too many`() throws {
        try withDirectory { path in
            let first = DirectoryStateStorage(path: path)
            try first.lock()
            let second = DirectoryStateStorage(path: path)
            #expect { try second.lock() } throws: { ($0 as? StateStorageError)?.isInUse == true }
            first.unlock()
            try second.lock()
        }
    }

    @Test func `directories above are made, for the owner only`() throws {
        try withDirectory { path in
            for below in ["a/b/c", "d/", "e//f/", "."] {
                let storage = DirectoryStateStorage(path: path + "/" + below)
                try storage.lock()
                storage.unlock()
            }
            for made in ["a", "a/b", "a/b/c/lock", "d/lock", "e/f/lock", "lock"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + made)
                #expect((attributes[.posixPermissions] as? Int).map { $0 & 0o077 } == 0, "\(made)")
            }
        }
    }

    @Test func `a failure names the file`() {
        let storage = DirectoryStateStorage(path: "/dev/null/at/all")
        #expect { try storage.lock() } throws: { ($0 as? StateStorageError)?.message.contains("/dev/null/at/all") == true }
        #expect { try storage.write([1], to: "a", at: 0) } throws: { ($0 as? StateStorageError)?.isInUse == false }
    }

    @Test func `a state lives in it`() throws {
        try withDirectory { path in
            var file = try ClientStateFile.open(DirectoryStateStorage(path: path), user: "alice", device: "phone").file
            file.append(.enqueued(OutboxEntry(id: 1, recipient: .user("bob"), kind: .text, body: [1])))
            try file.close()
            let (again, recovery) = try ClientStateFile.open(DirectoryStateStorage(path: path), user: "alice", device: "phone")
            #expect(recovery == .loaded && again.state.outbox.waiting.count == 1)
        }
    }
}

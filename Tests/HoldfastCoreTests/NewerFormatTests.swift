import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// What a later version has written is no damage: nothing is left out, repaired or written back without it.
@Suite struct NewerFormatTests {
    /// A whole record of a kind that this version doesn't know.
    private func newerRecord() -> [UInt8] {
        var bytes: [UInt8] = []
        Record.seen(SessionID(rawValue: 1 << 24 | 1), age: 7).encode(into: &bytes)
        bytes[4] = 200
        bytes.replace(at: 0, bigEndian: CRC32C.checksum(bytes.span, 4..<bytes.count))
        return bytes
    }

    private func expectNewer(_ action: () throws -> Void, _ location: SourceLocation = #_sourceLocation) {
        let error = #expect(throws: StorageError.self, sourceLocation: location) { try action() }
        #expect(error?.code == .newerFormat, sourceLocation: location)
    }

    private func recover(_ storage: MemoryStorage) throws {
        _ = try Core.recover(storage: storage, configuration: CoreConfiguration(), loops: 1, now: CoreTime(wall: 1, monotonic: 1))
    }

    private func repair(_ storage: MemoryStorage) throws {
        _ = try RepairPlan.make(for: storage.crashCopy(), unreadable: .init(), nameSuffix: "repaired")
    }

    @Test func `a record of a later kind, to be replayed, stops start, verification and repair`() throws {
        let damaged = try DamagedStorage(tail: true)
        let position = Position(rawValue: damaged.storage.nextPosition.rawValue - 1)
        try damaged.storage.rewrite([(position, newerRecord())], deleting: [], nextPosition: damaged.storage.nextPosition)
        expectNewer { try recover(damaged.storage) }
        expectNewer { _ = try Verification.run(on: damaged.storage) }
        expectNewer { try repair(damaged.storage) }
    }

    @Test func `damage stays damage, whatever kind it names`() throws {
        var bytes = newerRecord()
        bytes[6] ^= 1
        try Record.requireKnown(bytes.span, at: .zero)
        #expect(Record.decode(bytes.span) == nil)
    }

    @Test func `a row of a later version stops whatever reads it`() throws {
        let storage = try DamagedStorage(tail: false).storage
        var row: [UInt8] = []
        try storage.read { (snapshot) throws(StorageError) in row = try snapshot.bytes(.users, StoreKey.number(2)) ?? [] }
        row[4] = 9
        row.replace(at: 0, bigEndian: CRC32C.checksum(row.span, 4..<row.count))
        try storage.checkpoint { (store) throws(StorageError) in
            try store.put(.users, StoreKey.inline(2).span, row.span)
        }
        expectNewer { _ = try Verification.run(on: storage) }
        expectNewer { try repair(storage) }
        expectNewer { try storage.read { (snapshot) throws(StorageError) in _ = try UserImage.read(2, from: snapshot) } }
    }
}

import HoldfastCore
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastStorage

/// A checkpoint takes no more of the store than is kept free for it, whatever it writes.
@Suite struct CheckpointRoomTests {
    private static let rowsInStore: UInt64 = 40_000

    /// What a checkpoint writes, and how it is counted.
    struct Load: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var rows = CheckpointRows()
        let write: @Sendable (any StoreTransaction) throws(StorageError) -> Void

        init(
            _ description: String, _ count: (inout CheckpointRows) -> Void,
            _ write: @escaping @Sendable (any StoreTransaction) throws(StorageError) -> Void
        ) {
            testDescription = description
            self.write = write
            count(&rows)
        }
    }

    /// Numbers that are spread over the store: 7 has no factor in common with their count.
    private static func eachSpread(_ count: UInt64, _ body: (UInt64) throws(StorageError) -> Void) throws(StorageError) {
        for index in 0..<count { try body(index * 7 % rowsInStore + 1) }
    }

    private static func put(_ table: StoreTable, _ number: UInt64, bytes: Int, _ store: any StoreTransaction) throws(StorageError) {
        try store.put(table, StoreKey.number(number).span, [UInt8](repeating: 7, count: bytes).span)
    }

    /// Far from that of the number's neighbours.
    private static func scattered(_ number: UInt64) -> UInt64 { number &* 0x9E37_79B9_7F4A_7C15 }

    private static func putUser(_ number: UInt64, _ store: any StoreTransaction) throws(StorageError) {
        let name = Array("customer-\(String(scattered(number), radix: 36))".utf8)
        try put(.users, number, bytes: 120, store)
        try store.put(.userNames, StoreKey.number(number).span, name.span)
        try store.put(.userByName, name.span, StoreKey.number(number).span)
    }

    private static func putConversation(_ number: UInt64, _ store: any StoreTransaction) throws(StorageError) {
        try put(.conversations, number, bytes: 16, store)
        try store.put(.pairs, (StoreKey.number(scattered(number)) + StoreKey.number(number)).span, StoreKey.number(number).span)
    }

    private static func entry(_ position: UInt64, _ ordinal: UInt32) -> TimelineEntry {
        TimelineEntry(
            InboxEntry(position: Position(rawValue: position), ordinal: ordinal, cumulativeBytes: ordinal * 100))
    }

    private static let loads: [Load] = [
        Load("users, anywhere", { $0[.users] = 5_000 }) { (store) throws(StorageError) in
            try eachSpread(5_000) { (number) throws(StorageError) in try put(.users, number, bytes: 120, store) }
        },
        Load(
            "new users",
            {
                $0[.users] = 20_000
                $0[.userNames] = 20_000
                $0[.userByName] = 20_000
            }
        ) { (store) throws(StorageError) in
            for number in rowsInStore + 1...rowsInStore + 20_000 {
                try putUser(number, store)
            }
        },
        Load(
            "new conversations",
            {
                $0[.conversations] = 20_000
                $0[.pairs] = 20_000
            }
        ) { (store) throws(StorageError) in
            for number in rowsInStore + 1...rowsInStore + 20_000 {
                try putConversation(number, store)
            }
        },
        Load(
            "a message for each of many",
            {
                $0.timelines = 5_000
                $0.entriesAdded = 5_000
            }
        ) { (store) throws(StorageError) in
            for index in 0..<UInt64(5_000) {
                let position = 4 * rowsInStore + index + 1
                try store.append(entry(position, 5), to: .inbox(index * 7 + 1))
                try put(.kept, position, bytes: 1, store)
            }
        },
        Load(
            "many messages for a few",
            {
                $0.timelines = 10
                $0.entriesAdded = 20_000
            }
        ) { (store) throws(StorageError) in
            for user in UInt64(1)...10 {
                for index in 0..<UInt64(2_000) {
                    try store.append(entry(4 * rowsInStore + index * 10 + user, UInt32(index) + 5), to: .inbox(user))
                }
            }
            for index in 0..<UInt64(20_000) { try put(.kept, 4 * rowsInStore + 11 + index, bytes: 1, store) }
        },
        Load(
            "what was read",
            {
                $0.timelines = 2_000
                $0.entriesRemoved = 8_000
            }
        ) { (store) throws(StorageError) in
            var gone: [UInt64] = []
            for index in 0..<UInt64(2_000) {
                try store.deleteEntries(of: .inbox(index * 7 + 1), through: Position(rawValue: .max)) { gone.append($0.position.rawValue) }
            }
            for position in gone.sorted() {
                try store.delete(.kept, StoreKey.number(position).span)
                try store.put(.released, StoreKey.number(position).span, [UInt8]().span)
            }
        },
    ]

    /// A store with users, names, conversations and four messages for each user.
    private static func fill(_ store: any StoreTransaction) throws(StorageError) {
        for number in 1...rowsInStore {
            try putUser(number, store)
            try putConversation(number, store)
            // One after the other each gets a message, four times.
            for round in UInt64(0)..<4 { try store.append(entry(round * rowsInStore + number, UInt32(round) + 1), to: .inbox(number)) }
        }
        for position in 1...4 * rowsInStore { try put(.kept, position, bytes: 1, store) }
    }

    @Test(arguments: loads) func `no checkpoint takes more than is kept for it, and each more than a tenth of that`(_ load: Load) throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open { $0.mapBytesMax = 1 << 30 }
        try storage.checkpoint { (store) throws(StorageError) in try Self.fill(store) }
        try storage.countRoom()
        let before = try storage.storeRoom()
        try storage.checkpoint(load.write)
        let after = try storage.storeRoom()
        // It may have used what was free before, and all that it needed beside that is behind the end of the file.
        let taken = after.fileBytes - before.fileBytes
        let kept = CheckpointRoom(load.rows).bytes(usedBytes: before.usedBytes) + 64 * CheckpointRoom.pageBytes
        #expect(taken + before.freeBytes <= kept)
        #expect(taken + before.freeBytes > kept / 10)
    }
}

extension LMDBStorage {
    fileprivate func storeRoom() throws(StorageError) -> EnvironmentRoom {
        var room = EnvironmentRoom()
        try readers.read { (reader) throws(StorageError) in room = try reader.rooms().store }
        return room
    }
}

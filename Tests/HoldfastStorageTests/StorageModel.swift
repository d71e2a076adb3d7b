import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// What a storage should hold, in the plainest form.
struct StorageModel {
    var records: [UInt64: [UInt8]] = [:]
    var next: UInt64 = 1
    var rows: [StoreTable: [[UInt8]: [UInt8]]] = [.meta: [StorageFormat.key: [0, 0, 0, 0, 0, 0, 0, 2]]]
    var timelines: [Timeline: [TimelineEntry]] = [:]

    mutating func commit(_ batch: JournalBatch) {
        for position in batch.deletions { records[position.rawValue] = nil }
        for entry in batch.entries { records[entry.position.rawValue] = Array(batch.bytes[entry.offset..<entry.offset + entry.count]) }
        next = batch.nextPosition.rawValue
    }

    /// The first difference to `storage`, asked in every way that there is; nil when there is none.
    func difference(to storage: any Storage, _ random: inout SeededRandom) throws(StorageError) -> String? {
        if storage.nextPosition.rawValue != next { return "next position \(storage.nextPosition.rawValue), not \(next)" }
        var random = random
        var difference: String?
        try storage.read { (snapshot) throws(StorageError) in
            difference = try journalDifference(snapshot, &random)
            if difference == nil { difference = try rowDifference(snapshot, &random) }
            if difference == nil { difference = try timelineDifference(snapshot, &random) }
        }
        return difference
    }

    private func journalDifference(_ snapshot: any StorageSnapshot, _ random: inout SeededRandom) throws(StorageError) -> String? {
        let start = random.chance(0.5) ? 0 : UInt64.random(in: 0...next, using: &random)
        let expected = records.keys.filter { $0 > start }.sorted()
        var found: [UInt64] = []
        var wrong: UInt64?
        try snapshot.records(after: Position(rawValue: start)) { position, record in
            found.append(position.rawValue)
            if records[position.rawValue] != record.array { wrong = position.rawValue }
            return wrong == nil
        }
        if let wrong { return "record \(wrong)" }
        if found != expected { return "records after \(start): \(found), not \(expected)" }
        let limit = Int.random(in: 0...10, using: &random)
        var positions: ContiguousArray<Position> = []
        try snapshot.positions(after: Position(rawValue: start), limit: limit, into: &positions)
        if positions.map(\.rawValue) != Array(expected.prefix(limit)) { return "positions after \(start), at most \(limit)" }
        for _ in 0..<4 {
            let position = UInt64.random(in: 0...next, using: &random)
            var record: [UInt8]?
            let isThere = try snapshot.record(at: Position(rawValue: position)) { record = $0.array }
            if record != records[position] || isThere != (record != nil) { return "record at \(position)" }
        }
        return nil
    }

    private func rowDifference(_ snapshot: any StorageSnapshot, _ random: inout SeededRandom) throws(StorageError) -> String? {
        for table in StoreTable.allCases {
            let rows = rows[table] ?? [:]
            let start = random.chance(0.5) ? [] : random.bytes(0...3)
            let expected = rows.keys.filter { !$0.lexicographicallyPrecedes(start) }.sorted { $0.lexicographicallyPrecedes($1) }
            let limit = Int.random(in: 1...200, using: &random)
            var found: [[UInt8]] = []
            var isWrong = false
            try snapshot.scan(table, from: start.span) { key, value in
                found.append(key.array)
                isWrong = isWrong || rows[key.array] != value.array
                return found.count < limit
            }
            if isWrong || found != Array(expected.prefix(limit)) { return "rows of \(table) from \(start)" }
            for key in [expected.randomElement(using: &random) ?? [9], random.bytes(1...3)] {
                var value: [UInt8]?
                let isThere = try snapshot.get(table, key.span) { value = $0.array }
                if value != rows[key] || isThere != (value != nil) { return "row \(key) of \(table)" }
            }
        }
        return nil
    }

    private func timelineDifference(_ snapshot: any StorageSnapshot, _ random: inout SeededRandom) throws(StorageError) -> String? {
        for timeline in Self.allTimelines {
            let expected = timelines[timeline] ?? []
            let starts: [UInt64] = [0, random.next() % (next + 3), expected.randomElement(using: &random)?.position.rawValue ?? UInt64.max]
            for start in starts {
                let limit = random.chance(0.5) ? .max / 2 : Int.random(in: 0...600, using: &random)
                var entries: ContiguousArray<TimelineEntry> = []
                try snapshot.entries(of: timeline, after: Position(rawValue: start), limit: limit, into: &entries)
                let rest = expected.filter { $0.position.rawValue > start }.prefix(limit)
                if Array(entries) != Array(rest) { return "\(timeline) after \(start): \(entries.count) entries, not \(rest.count)" }
                let before = try snapshot.entry(of: timeline, atOrBefore: Position(rawValue: start))
                if before != expected.last(where: { $0.position.rawValue <= start }) { return "\(timeline) at or before \(start)" }
            }
        }
        return nil
    }

    /// Inboxes, and conversations of the same numbers.
    static let allTimelines = (0..<UInt64(6)).map(Timeline.inbox) + (0..<UInt64(3)).map { Timeline(.conversation, $0) }
}

package import HoldfastCore
import HoldfastWire

/// Copies what can be read of a damaged directory into a new one. The reading is done by other processes, because a damaged page may end them: after
/// such an end the next one begins behind it, at the first key that can be read.
package struct Salvage {
    /// How a reading process ended.
    package enum End: Equatable {
        /// It read all that it was asked for.
        case whole
        /// It died, or couldn't go on.
        case died
        /// Nothing of the table can be read.
        case notOpened
    }

    /// Starts a process that reads `table` from `key` on, at most `limit` rows (nil: all), and hands them over.
    package typealias Reading = (
        _ table: String, _ key: [UInt8], _ limit: Int?, _ row: ([UInt8], [UInt8]) throws(StorageError) -> Void
    ) throws(StorageError) -> End

    /// What couldn't be read.
    package struct Hole: Equatable, Sendable {
        package var table: String
        /// The first eight bytes of the last key before it; nil: from the beginning.
        package var after: UInt64?
        /// Those of the first key behind it; nil: to the end.
        package var before: UInt64?
    }

    /// More tries than this and the table is given up.
    private static let holesMax = 10_000

    private let reading: Reading
    private let progress: (String) -> Void
    package private(set) var holes: [Hole] = []

    package init(_ reading: @escaping Reading, progress: @escaping (String) -> Void) {
        self.reading = reading
        self.progress = progress
    }

    /// What is missing, for those who judge the copy.
    package var unreadable: UnreadableParts {
        var parts = UnreadableParts()
        parts.journal = holes.contains { $0.table == TableReader.records }
        parts.nextPosition = holes.contains { $0.table == TableReader.journalMeta }
        parts.meta = holes.contains { $0.table == "store/\(StoreTable.meta)" }
        parts.counts = holes.contains { $0.table == "store/\(StoreTable.kept)" }
        return parts
    }

    /// Copies everything that can be read.
    package mutating func run(into build: DirectoryBuild) throws(StorageError) {
        for table in StoreTable.allCases {
            try readAll("store/\(table)") { (key, value) throws(StorageError) in
                guard (1...511).contains(key.count) else { return }
                try build.put(table, key, value)
            }
        }
        // In this order: of a timeline that was being moved the older entries are in the first one.
        for (table, format) in [(TableReader.timelines, StorageFormat.two), (TableReader.inbox, .one)] {
            try readAll(table) { (key, value) throws(StorageError) in
                guard let (timeline, entry) = try? TimelineTable.decode(key, value, format, "") else { return }
                try build.append(entry, to: timeline)
            }
        }
        try build.finishStore()
        var next = Position.zero
        try readAll(TableReader.journalMeta) { (key, value) throws(StorageError) in
            if key == LMDBJournal.nextPositionKey, let number = Self.number(value), value.count == 8 { next = Position(rawValue: number) }
        }
        if next == .zero, !holes.contains(where: { $0.table == TableReader.journalMeta }) {
            holes.append(Hole(table: TableReader.journalMeta, after: nil, before: nil))
        }
        var last = Position.zero
        try readAll(TableReader.records) { (key, value) throws(StorageError) in
            guard key.count == 8, let number = Self.number(key), number > last.rawValue, number < .max else { return }
            last = Position(rawValue: number)
            // Beyond what was given out: not a key that was ever written.
            if next != .zero, last >= next { return }
            try build.append(value, at: last)
        }
        try build.finishJournal(nextPosition: max(next, Position(rawValue: 1)))
    }

    private mutating func readAll(_ table: String, _ row: ([UInt8], [UInt8]) throws(StorageError) -> Void) throws(StorageError) {
        progress("reading \(table)")
        var from: [UInt8] = []
        var last: [UInt8]?
        for _ in 0..<Self.holesMax {
            let end = try reading(table, from, nil) { (key, value) throws(StorageError) in
                // What was handed over before isn't again, except the further values of a key that has several.
                if let last, !from.isEmpty, key.lexicographicallyPrecedes(last) { return }
                last = key
                try row(key, value)
            }
            if end == .whole { return }
            let base = last.flatMap { Self.number($0, table) } ?? Self.number(from, table)
            let next = end == .notOpened ? nil : try firstReadable(table, after: base ?? 0)
            holes.append(Hole(table: table, after: last.flatMap { Self.number($0, table) }, before: next))
            guard let next else { return }
            progress("skipping what can't be read of \(table)")
            from = Self.key(next, table)
        }
    }

    /// The first key after `base` from which reading gets anywhere: found by doubling the step, then by halving it. A bad place behind a good one
    /// may be taken for the end of this hole's far side; it is found when it is come to.
    private func firstReadable(_ table: String, after base: UInt64) throws(StorageError) -> UInt64? {
        var bad: UInt64 = 0
        var step: UInt64 = 1
        while try !isReadable(table, from: base, step) {
            bad = step
            guard step < 1 << 62, base <= .max - step * 2 else { return nil }
            step *= 2
        }
        var good = step
        while good - bad > 1 {
            let middle = bad + (good - bad) / 2
            if try isReadable(table, from: base, middle) { good = middle } else { bad = middle }
        }
        return base + good
    }

    /// Whether reading from there gets anywhere, if only to the end.
    private func isReadable(_ table: String, from base: UInt64, _ step: UInt64) throws(StorageError) -> Bool {
        try reading(table, Self.key(base + step, table), 1) { (_, _) throws(StorageError) in } == .whole
    }

    /// The key of a number as steps and halves are made with it; see `number`.
    private static func key(_ number: UInt64, _ table: String) -> [UInt8] {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
        return table == TableReader.timelines ? [bytes[0], 0] + bytes[1...] : bytes
    }

    /// The first eight bytes of a key. Of a timeline's key, which has nine, the second one is left out: no id is that high, and a step of one leads to the
    /// next user.
    private static func number(_ key: [UInt8], _ table: String = "") -> UInt64? {
        guard !key.isEmpty else { return nil }
        let bytes = table == TableReader.timelines ? Array(key.prefix(1)) + Array(key.dropFirst(2)) : key
        return (0..<8).reduce(0) { $0 << 8 | UInt64($1 < bytes.count ? bytes[$1] : 0) }
    }
}

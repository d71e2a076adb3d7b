package import HoldfastWire

/// Who keeps the journal from being trimmed.
package struct HoldName: Hashable, Comparable, Sendable {
    /// In the order in which holds are given up when room runs low.
    package enum Kind: UInt8, CaseIterable, Sendable {
        /// Records of a class are kept for those who ask later.
        case retention = 1
        /// Messages can be recalled so long.
        case recall = 2
        /// A backup is being made.
        case backup = 3
        /// Another machine follows.
        case follower = 4
        /// A consumer of the feed.
        case consumer = 5
    }

    package var kind: Kind
    /// At most 255 bytes.
    package var id: [UInt8]

    package init(_ kind: Kind, _ id: String) {
        self.kind = kind
        self.id = Array(id.utf8)
    }

    init(_ kind: Kind, _ id: [UInt8]) {
        self.kind = kind
        self.id = id
    }

    init?(_ kind: UInt8, _ id: [UInt8]) {
        guard let kind = Kind(rawValue: kind) else { return nil }
        self.init(kind, id)
    }

    /// The key of its row.
    var encoded: [UInt8] { [kind.rawValue] + id }

    package static func < (a: HoldName, b: HoldName) -> Bool {
        a.kind == b.kind ? a.id.lexicographicallyPrecedes(b.id) : a.kind.rawValue < b.kind.rawValue
    }
}

extension HoldName: CustomStringConvertible {
    package var description: String { "\(kind) \(String(decoding: id, as: UTF8.self))" }
}

/// A floor of positions: every record above it stays, whether a timeline has it or not, until one of the limits is reached.
package struct Hold: Equatable, Sendable {
    /// Everything up to here may go, as far as the hold is concerned.
    package var floor: Position
    /// A record that is older isn't held, in seconds; 0: without a limit.
    package var ageMax: UInt32
    /// Records before the last so many bytes aren't held; 0: without a limit.
    package var bytesMax: UInt64
    /// Of a consumer of the feed.
    package var consumer: FeedConsumer?

    package init(floor: Position, ageMax: UInt32, bytesMax: UInt64, consumer: FeedConsumer? = nil) {
        self.floor = floor
        self.ageMax = ageMax
        self.bytesMax = bytesMax
        self.consumer = consumer
    }
}

/// Why a hold has the floor that it has.
package enum HoldCause: UInt8, Sendable {
    /// Who has the hold said so.
    case set = 0
    case ageLimit = 1
    case bytesLimit = 2
    /// The disk is nearly full.
    case noRoom = 3
    /// Who had the hold has let go of it.
    case released = 4
}

/// A change of a hold. What a consumer hasn't seen between two floors is lost to it, unless it has said so itself.
package struct HoldRecord: Equatable, Sendable {
    package var name: HoldName
    package var hold: Hold
    package var cause: HoldCause
}

/// A hold that was given up in part, for the log and for who has it.
package struct HoldNotice: Equatable, Sendable {
    package var name: HoldName
    /// What is above this and up to `to` isn't held any more.
    package var from: Position
    package var to: Position
    package var cause: HoldCause
}

/// The holds: few, and all of them in RAM.
struct Holds {
    private(set) var byName: [HoldName: Hold] = [:]
    /// The names in their order: whatever is done to all is done in it.
    private(set) var names: [HoldName] = []
    /// What the next checkpoint has to write.
    private var changed: Set<HoldName> = []

    /// More are refused.
    static let countMax = 1_000

    struct Rows: Sendable {
        /// nil: the hold is gone.
        var rows: [(name: HoldName, hold: Hold?)] = []
    }

    subscript(name: HoldName) -> Hold? { byName[name] }

    /// The lowest of all floors: no record above it may go.
    var floor: Position { byName.values.reduce(Position(rawValue: .max)) { min($0, $1.floor) } }

    /// The longest of all limits by age; 0: none has one.
    var ageMax: UInt32 { byName.values.reduce(0) { max($0, $1.ageMax) } }

    mutating func apply(_ record: HoldRecord) {
        assert(byName[record.name] != nil || record.cause == .set || record.cause == .released, "what gives way was set")
        changed.insert(record.name)
        let isKnown = byName[record.name] != nil
        byName[record.name] = record.cause == .released ? nil : record.hold
        // Most changes are acknowledgements of a consumer's.
        if isKnown != (byName[record.name] != nil) { names = byName.keys.sorted() }
    }

    // MARK: Rows

    var changedCount: Int { changed.count }

    mutating func freeze() -> Rows {
        defer { changed = [] }
        return Rows(rows: changed.sorted().map { ($0, byName[$0]) })
    }

    mutating func load(_ snapshot: any StorageSnapshot) throws(StorageError) {
        var damaged: [UInt8]?
        try snapshot.scan(.holds, from: [UInt8]().span) { key, value in
            guard let (name, hold) = Self.decode(key, value) else {
                damaged = [UInt8](key, 0..<key.count)
                return false
            }
            byName[name] = hold
            names.append(name)
            return true
        }
        guard let damaged else { return }
        throw StorageError(
            .damaged,
            "The store's row of hold \(String(decoding: damaged.dropFirst(), as: UTF8.self)) is damaged: run `holdfast repair --dry-run`.")
    }

    static func decode(_ key: Span<UInt8>, _ value: Span<UInt8>) -> (HoldName, Hold)? {
        guard key.count > 0, let name = HoldName(key[0], [UInt8](key, 1..<key.count)) else { return nil }
        var reader = ByteReader(value)
        guard let hold = Hold(decodingWhole: &reader) else { return nil }
        return (name, hold)
    }

    /// What must hold and doesn't; nil: all does.
    func violation(below next: Position) -> String? {
        if names != byName.keys.sorted() { return "the names of holds aren't those that there are" }
        return names.first { byName[$0].map { $0.floor >= next } ?? true }.map { "\($0) has a floor that isn't in the journal" }
    }
}

extension Holds.Rows {
    func write(to store: any StoreTransaction) throws(StorageError) {
        for (name, hold) in rows {
            var value: [UInt8] = []
            hold?.encode(into: &value)
            hold?.consumer?.encode(into: &value)
            if hold != nil { try store.put(.holds, name.encoded.span, value.span) } else { try store.delete(.holds, name.encoded.span) }
        }
    }
}

extension Hold {
    /// floor u64 | seconds u32 | bytes u64. What a consumer has beside follows behind what a record has else.
    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: floor.rawValue)
        bytes.append(bigEndian: ageMax)
        bytes.append(bigEndian: bytesMax)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let floor = reader.integer(UInt64.self), let age = reader.integer(UInt32.self), let bytes = reader.integer(UInt64.self) else {
            return nil
        }
        self.init(floor: Position(rawValue: floor), ageMax: age, bytesMax: bytes)
    }

    /// A row's value.
    @_lifetime(reader: copy reader)
    init?(decodingWhole reader: inout ByteReader) {
        self.init(decoding: &reader)
        guard decodeConsumer(&reader) else { return nil }
    }

    /// Reads what a consumer has, if anything follows.
    /// - Returns: false when what follows is none.
    @_lifetime(reader: copy reader)
    fileprivate mutating func decodeConsumer(_ reader: inout ByteReader) -> Bool {
        guard reader.remaining > 0 else { return true }
        consumer = FeedConsumer(decoding: &reader)
        return consumer != nil
    }
}

extension HoldRecord {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(name.kind.rawValue)
        bytes.append(text: name.id)
        hold.encode(into: &bytes)
        bytes.append(cause.rawValue)
        hold.consumer?.encode(into: &bytes)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let kind = reader.integer(UInt8.self), let id = reader.text(), let name = HoldName(kind, id),
            var hold = Hold(decoding: &reader), let cause = reader.integer(UInt8.self).flatMap(HoldCause.init(rawValue:)),
            hold.decodeConsumer(&reader)
        else { return nil }
        self.init(name: name, hold: hold, cause: cause)
    }
}

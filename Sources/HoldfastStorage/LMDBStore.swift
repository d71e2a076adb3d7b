import CLMDB
import HoldfastCore
import HoldfastWire

/// The store's environment: a table for each `StoreTable`, and the timelines.
final class LMDBStore: Sendable {
    /// How many tables `environment` has to have room for.
    static let tableCount = StoreTable.allCases.count + StorageFormat.allCases.count

    /// Where the tables are.
    let environment: LMDBEnvironment
    /// As its own row says; an older one until a migration is done.
    let format: StorageFormat
    private let tables: [MDB_dbi?]
    /// One table, or two while a migration isn't done: of each timeline the first one has the older entries then.
    let timelines: [TimelineTable]
    private let opened: [MDB_dbi?]
    private let names: [LMDBEnvironment.Table]

    init(_ environment: LMDBEnvironment, _ use: TableUse) throws(StorageError) {
        self.environment = environment
        let format: StorageFormat
        switch use {
        case .make(let made): format = made
        case .write, .read: format = try Self.storedFormat(environment)
        }
        // A migration has both; what only reads takes those that it finds.
        var timelineFormats = [format]
        if case .make = use {} else { timelineFormats = StorageFormat.allCases.filter { $0 >= format }.reversed() }
        names =
            StoreTable.allCases.map { LMDBEnvironment.Table("\($0)") }
            + timelineFormats.map { timelines in
                LMDBEnvironment.Table(
                    TimelineTable.name(timelines), flags: TimelineTable.flags,
                    isMade: timelines == .current || use == .make(timelines))
            }
        opened = try environment.openTables(names, use)
        tables = Array(opened.prefix(StoreTable.allCases.count))
        timelines = zip(opened.dropFirst(tables.count), timelineFormats).compactMap { number, format in
            number.map { TimelineTable(number: $0, format: format) }
        }
        self.format = format
        if case .make(let made) = use, made > .one { try storeFormat(made) }
    }

    /// As the environment says itself, which has to have its table `meta`.
    private static func storedFormat(_ environment: LMDBEnvironment) throws(StorageError) -> StorageFormat {
        let number = try environment.openTables([.init("\(StoreTable.meta)", isRequired: true)], .read)[0]
        guard let number else { preconditionFailure("a table that must be there is there") }
        return try environment.storedFormat(in: number)
    }

    /// Names the format in the environment, in a transaction of its own.
    private func storeFormat(_ format: StorageFormat) throws(StorageError) {
        unsafe try environment.write("make the store in") { (transaction) throws(StorageError) in
            unsafe try environment.put(StorageFormat.key, format.rawValue, table(.meta), transaction)
        } commitFailed: { _ in
        }
    }

    /// Refuses a view of a store whose migration began, or was done, since its tables were opened: a command that reads beside it would miss entries.
    func checkTables(_ transaction: OpaquePointer) throws(StorageError) {
        guard format < .current, let meta = self[.meta] else { return }
        let isDone = unsafe try environment.number(StorageFormat.key, meta, transaction) != nil
        let hasBegun = unsafe try environment.number(StorageRow.migratedThrough, meta, transaction) != nil
        guard isDone || hasBegun && timelines.count < 2 else { return }
        throw StorageError(.inUse, "Can't read \(environment.directory): a gateway is migrating it just now. Give the command again.")
    }

    /// Gives back the memory that LMDB keeps. Nobody may use it meanwhile.
    func reopen() throws(StorageError) { try environment.reopen(names, numbered: opened) }

    /// LMDB's number of the table; nil: nothing was ever in it, and it is only read.
    subscript(_ table: StoreTable) -> MDB_dbi? { tables[Int(table.rawValue)] }

    /// LMDB's number of the table, for those who write.
    func table(_ table: StoreTable) -> MDB_dbi {
        guard let number = self[table] else { preconditionFailure("whoever writes has all tables") }
        return number
    }
}

/// What somebody wants of an environment's tables.
enum TableUse: Equatable {
    /// They are made, as this format has them.
    case make(StorageFormat)
    /// Those that aren't there are made.
    case write
    /// Those that aren't there are empty.
    case read
}

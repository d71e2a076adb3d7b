package import HoldfastWire

// What the core needs of a disk. Two durable things: the `Journal`, records in the order of their positions, and the
// `Store`, tables that only checkpoints write. The formats of keys and values are the core's; an implementation only moves
// bytes, atomically and in order. HoldfastStorage has both over LMDB, HoldfastTestSupport in RAM.

/// Why the storage can't go on. All of them end the process, with `exitCode`.
package struct StorageError: Error, Equatable, CustomStringConvertible, Sendable {
    package enum Code: UInt8, Sendable {
        /// The disk is full although room was checked before.
        case full
        /// What the gateway may store of its own accord is used up, although room was checked before; the disk may have room.
        case limit
        /// The system refused a read, a write or a sync.
        case system
        /// A stored record or row doesn't pass its checksum or its format.
        case damaged
        /// Another process has the data directory.
        case inUse
        /// The directory can't be written.
        case readOnly
        /// The format is of a newer version.
        case newerFormat
        /// The store has applied positions that the journal doesn't have.
        case storeAhead
        /// The last run left a marker after a failed commit, and verification found damage.
        case failedCommit
        /// There is no data directory at the path.
        case absent
        /// The format is of an earlier version, and nobody has asked for a migration.
        case olderFormat
    }
    package var code: Code
    /// What happened, where, and what to do: one sentence each.
    package var description: String
    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
    /// The process's exit status.
    package var exitCode: Int32 {
        let exitCode: ExitCode =
            switch code {
            case .full, .limit: .noRoom
            case .system: .system
            case .damaged: .damaged
            case .inUse: .inUse
            case .readOnly: .readOnly
            case .newerFormat: .newerFormat
            case .storeAhead: .storeAhead
            case .failedCommit: .failedCommit
            case .absent: .file
            case .olderFormat: .olderFormat
            }
        return exitCode.rawValue
    }
}

/// What room is short of, or will be short of first.
package struct LowRoom: Equatable, Sendable {
    /// The same as long as the text says the same but for its numbers.
    package var cause: String
    /// What is short, and what to do.
    package var text: String
    package init(cause: String, text: String) {
        self.cause = cause
        self.text = text
    }
}

/// Journal and store of one gateway, and the room that they have.
package protocol Storage: Journal, Store {
    /// Runs `body` on one view of the store and one, not older, of the journal.
    func read(_ body: (any StorageSnapshot) throws(StorageError) -> Void) throws(StorageError)
    /// Whether less room is left than twice what may be unsynced and a checkpoint need: new messages are refused then. Cheap.
    var isSpaceLow: Bool { get }
    /// About how many bytes of records may be stored before `isSpaceLow`; 0 when it is. Cheap; asked at each tick.
    /// - Parameter rows: what the next checkpoint has to write.
    func roomBytes(checkpoint rows: CheckpointRows) -> Int
    /// Counts the room anew, by reading the disk: for when nothing is committed that would lead to it.
    func countRoom() throws(StorageError)
    /// Whether what is written is still in its place: somebody may remove or rename it.
    func checkPlace() throws(StorageError)
    /// Why room is low, or what will make it so first.
    var lowRoom: LowRoom { get }
    /// Which other process keeps the most pages from being used again, as of the last count; nil: none does.
    var pageHolder: PageHolder? { get }
    /// For metrics. Cheap: as it was counted last.
    var figures: StorageFigures { get }
    /// Gives back what is only kept to be used again. Called when the gateway has become quiet.
    func giveMemoryBack() throws(StorageError)
}

extension Storage {
    package func giveMemoryBack() throws(StorageError) {}
    package func roomBytes(checkpoint rows: CheckpointRows) -> Int { isSpaceLow ? 0 : .max }
    package func countRoom() throws(StorageError) {}
    package func checkPlace() throws(StorageError) {}
    package var lowRoom: LowRoom { LowRoom(cause: "", text: "") }
    package var pageHolder: PageHolder? { nil }
    package var figures: StorageFigures { StorageFigures() }
}

/// How full the journal and the store are, in bytes.
package struct StorageFigures: Equatable, Sendable {
    package struct Environment: Equatable, Sendable {
        /// How far its file was ever used, and pages in it that can be used again.
        package var fileBytes: Int
        package var freeBytes: Int
        /// What it may hold by the configuration or the system.
        package var limitBytes: Int

        package init(fileBytes: Int, freeBytes: Int, limitBytes: Int) {
            self.fileBytes = fileBytes
            self.freeBytes = freeBytes
            self.limitBytes = limitBytes
        }
    }

    /// nil: there are no files.
    package var journal: Environment?
    package var store: Environment?
    /// Free on the file system.
    package var availableBytes: Int?
    /// Whether the reserve file is there.
    package var isReserveHeld: Bool?

    package init() {}
}

/// A process beside the gateway that has had a view of its files open since before pages were freed: a backup that was stopped, for instance.
package struct PageHolder: Equatable, Sendable {
    /// "journal" or "store".
    package var environment: String
    /// nil: it can't be seen from here, in another container.
    package var processID: Int32?
    /// What those pages take.
    package var bytes: Int

    package init(environment: String, processID: Int32?, bytes: Int) {
        self.environment = environment
        self.processID = processID
        self.bytes = bytes
    }
}

/// A view of both that doesn't change while it is open.
package protocol StorageSnapshot: StoreSnapshot, JournalSnapshot {}

/// A storage whose journal a repair may write into. Never while a gateway has it.
package protocol RepairableStorage: Storage {
    /// Puts records in their places, over what is there, and deletes others; both rising. The next position rises to `nextPosition` at least.
    func rewrite(_ records: [(Position, [UInt8])], deleting deletions: [Position], nextPosition: Position) throws(StorageError)
}

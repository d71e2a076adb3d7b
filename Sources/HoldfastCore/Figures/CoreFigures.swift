package import HoldfastWire

/// What the core counts, as a copy for metrics. Counters begin at 0 with each start.
package struct CoreFigures: Sendable {
    package var counts: CoreCounts
    package var totals: CoreTotals
    package var inboxes: InboxTotals
    /// Commands that wait at each door, those of the event loops first.
    package var doorCommands: [Int] = []
    /// Answers of the readers that wait to be taken.
    package var answers = 0
    package var holds: Int
    /// Keys that the ledger keeps, how many there may be, and for how many seconds a new one is kept.
    package var ledgerKeys: Int
    package var ledgerKeysMax: Int
    package var ledgerKeySeconds: UInt32
    /// Checkpoints since the start.
    package var checkpoints: UInt64
    /// Since the last checkpoint began, or since the start.
    package var secondsSinceCheckpoint: UInt64
    package var isCheckpointing: Bool
    /// Of the age clock, in seconds: what `OldestUndelivered.age` is compared with.
    package var age: UInt32
    /// After how many seconds an inbox lets go of a message; 0: never.
    package var expirySeconds: UInt32
    package var isSpaceLow: Bool
    /// How much may be stored before new messages are refused; `Int.max` before the first look.
    package var roomBytes: Int
    package var era: UInt8
}

/// Counters of the core. Plain increments: the core has one thread.
package struct CoreTotals: Sendable {
    package struct Messages: Equatable, Sendable {
        package var count: UInt64 = 0
        /// Of their bodies.
        package var bytes: UInt64 = 0

        mutating func add(_ bodyCount: Int) {
            count &+= 1
            bytes &+= UInt64(bodyCount)
        }
    }

    /// Messages for which a record was made.
    package internal(set) var storedForClients = Messages()
    package internal(set) var storedForBackends = Messages()
    /// Places that they took in inboxes: one for each recipient, and one for the sender's other devices.
    package internal(set) var entries: UInt64 = 0
    /// Messages of backends, by what became of them.
    package internal(set) var pushes = CountByCode<PushOutcome>()
    /// Messages that were not stored; of a backend's that was, each recipient to whom it was refused.
    package internal(set) var refusedToClients = CountByCode<RefusalCode>()
    package internal(set) var refusedToBackends = CountByCode<RefusalCode>()
    /// Messages that left an inbox before all devices had them.
    package internal(set) var lost = CountByCode<GapReason>()
    /// Commands whose rows were in memory, and those that waited for the disk.
    package internal(set) var commandsAtOnce: UInt64 = 0
    package internal(set) var commandsAfterReads: UInt64 = 0
    /// Rows that commands found in memory, as far as they found all of theirs, and rows that were read for commands.
    package internal(set) var cacheHits = CountByCode<CoreCache>()
    package internal(set) var cacheMisses = CountByCode<CoreCache>()
    /// Records that were deleted from the journal.
    package internal(set) var trimmedRecords: UInt64 = 0
    /// Sessions that began and that ended.
    package internal(set) var sessionsBegun: UInt64 = 0
    package internal(set) var sessionsEnded: UInt64 = 0
    /// Acts of operators, whatever their outcome.
    package internal(set) var acts: UInt64 = 0

    package init() {}

    mutating func count(_ record: Record) {
        switch record {
        case .sessionBegun: sessionsBegun &+= 1
        case .sessionEnded: sessionsEnded &+= 1
        case .audit(let record):
            acts &+= 1
            sessionsEnded &+= UInt64(record.ended.count)
        default: break
        }
    }
}

/// What becomes of a message that a backend pushes.
package enum PushOutcome: UInt8, CaseIterable, Sendable {
    /// It was stored, or is what was stored under its key before.
    case stored, replayed
    case bodyTooLarge, recipientTwice, storageFull, accountLost, blocked, keyReused, keysFull, lineExpected

    init(_ refusal: PushRefusal) {
        self =
            switch refusal {
            case .bodyTooLarge: .bodyTooLarge
            case .recipientTwice: .recipientTwice
            case .storageFull: .storageFull
            case .accountLost: .accountLost
            case .blocked: .blocked
            case .keyReused: .keyReused
            case .keysFull: .keysFull
            case .lineExpected: .lineExpected
            }
    }
}

/// What the core keeps in memory of the store's tables.
package enum CoreCache: UInt8, CaseIterable, Sendable {
    case users, userByName, userNames, devices, conversations, pairs, ledger

    /// The one that lacks a row; nil: what is asked for is of an inbox, of which no cache is kept.
    init?(lacking key: RowKey) {
        switch key {
        case .user: self = .users
        case .userNumber: self = .userByName
        case .userName: self = .userNames
        case .device: self = .devices
        case .conversation: self = .conversations
        case .pair: self = .pairs
        case .ledger: self = .ledger
        case .entry, .evictionPoint: return nil
        }
    }
}

extension CountByCode<CoreCache> {
    /// A command has waited for nothing: it uses these rows. Those of its own session are always there, and aren't counted.
    mutating func count(_ resolution: borrowing Resolution) {
        if resolution.recipient != nil { count(.users) }
        if resolution.request?.row != nil { count(.ledger) }
        for target in resolution.targets where target.user != nil { count(.users) }
        let places = resolution.places
        if places.user != .none { count(.userByName) }
        if places.name != .none { count(.userNames) }
        if places.device != .none { count(.devices) }
        if places.conversation != .none { count(.conversations) }
        if places.pair != .none { count(.pairs) }
    }
}

/// When commands were taken in by their event loop, and how many messages among them a batch has confirmed: for the time to `SENT`.
package struct TakenCommands: Equatable, Sendable {
    /// Monotonic microseconds.
    package var takenAt: UInt64
    package var count: UInt32
}

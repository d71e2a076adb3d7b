internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastStorage
internal import HoldfastWire

/// Reads a data directory, beside the gateway that has it, and prints what is in it.
struct DataInspection {
    private let storage: LMDBStorage
    private let directory: String
    /// What the gateway's log calls its users; nil when it has never called them by hashes.
    private let logNames: LogNames?
    private let isJSON: Bool
    private let limit: Int

    /// Opens the directory for reading.
    init(data: String, isJSON: Bool, limit: Int) throws(StorageError) {
        storage = try LMDBStorage.openReadOnly(directory: data)
        directory = data
        logNames = LogNames(data: data)
        self.isJSON = isJSON
        self.limit = limit
    }

    /// Positions, sizes and counts.
    func showStore() throws {
        let usage = try storage.usage()
        var found: StoreSummary?
        var replayCount = 0
        try storage.read { (snapshot) throws(StorageError) in
            let summary = try StoreSummary(from: snapshot)
            found = summary
            try snapshot.records(after: summary.appliedThrough) { _, _ in
                replayCount += 1
                return true
            }
        }
        guard let summary = found else { return }
        let next = storage.nextPosition
        let object = JSONText.object { object in
            object.add("format", storage.format.rawValue)
            object.add("era", next.era)
            object.add("nextPosition", next.rawValue)
            object.add("checkpointPosition", summary.appliedThrough.rawValue)
            object.add("recordsAfterCheckpoint", replayCount)
            object.add("trimmedThrough", summary.trimmedThrough.rawValue)
            object.add("checkpointTime", summary.timeMilliseconds == 0 ? nil : Timestamp.text(summary.timeMilliseconds))
            object.add(
                "journal",
                JSONText.object { journal in
                    journal.add("records", usage.recordCount)
                    journal.add("fileBytes", usage.journalFileBytes)
                    journal.add("freeBytes", usage.journalFreeBytes)
                })
            object.add(
                "store",
                JSONText.object { store in
                    store.add("users", summary.userCount)
                    store.add("conversations", summary.conversationCount)
                    store.add("inboxEntries", usage.timelineEntryCount)
                    store.add("fileBytes", usage.storeFileBytes)
                    store.add("freeBytes", usage.storeFreeBytes)
                })
            object.add(
                "rows",
                list: zip(StoreTable.allCases, usage.rowCounts).map { table, count in
                    JSONText.object { row in
                        row.add("table", "\(table)")
                        row.add("count", count)
                    }
                })
        }
        if isJSON { return try StandardStreams.output(line: object.string) }
        try StandardStreams.output(
            line: """
                format             \(storage.format.rawValue)
                next position      \(next.rawValue) (era \(next.era))
                checkpoint         \(summary.appliedThrough.rawValue), \(replayCount) records after it
                trimmed through    \(summary.trimmedThrough.rawValue)
                journal            \(usage.recordCount) records, \(usage.journalFileBytes) bytes (\(usage.journalFreeBytes) free)
                store              \(summary.userCount) users, \(summary.conversationCount) conversations, \
                \(usage.timelineEntryCount) inbox entries, \(usage.storeFileBytes) bytes (\(usage.storeFreeBytes) free)
                """)
        for (table, count) in zip(StoreTable.allCases, usage.rowCounts) {
            try StandardStreams.output(line: "  \(table): \(count)")
        }
    }

    /// The records after a position: the first ones, and every damaged one among all.
    /// - Returns: how many are damaged.
    func showJournal(after position: Position) throws -> Int {
        var entries: [JournalEntry] = []
        var damaged: [JournalEntry] = []
        var (count, damagedCount) = (0, 0)
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: position) { position, bytes in
                count += 1
                let isShown = entries.count < limit
                // Beyond what is shown only the checksum is looked at.
                guard isShown || !Record.isIntact(bytes) else { return true }
                let entry = JournalEntry(position: position, bytes: bytes)
                if isShown { entries.append(entry) }
                if entry.status != .ok {
                    damagedCount += 1
                    if !isShown && damaged.count < limit { damaged.append(entry) }
                }
                return true
            }
        }
        if isJSON {
            let object = JSONText.object { object in
                object.add("records", count)
                object.add("damaged", damagedCount)
                object.add("entries", list: entries.map(\.json))
                object.add("furtherDamaged", list: damaged.map(\.json))
            }
            try StandardStreams.output(line: object.string)
            return damagedCount
        }
        for entry in entries { try StandardStreams.output(line: entry.line) }
        if count > entries.count { try StandardStreams.output(line: "… \(count - entries.count) more (see --limit and --after)") }
        for entry in damaged { try StandardStreams.output(line: entry.line) }
        let place = position > .zero ? " after \(position.rawValue)" : ""
        try StandardStreams.output(line: "\(count) records\(place), \(damagedCount) damaged")
        return damagedCount
    }

    /// Users with their inboxes and sessions.
    func showSessions(user wanted: String?) throws {
        let core = try Core.recover(
            storage: storage, configuration: CoreConfiguration(), loops: 1, now: CoreTime(wall: 0, monotonic: 0))
        var users: [InspectedUser] = []
        var isCut = false
        try storage.read { (snapshot) throws(StorageError) in
            try core.inspectUsers(from: snapshot) { user in
                if let wanted, user.name != Array(wanted.utf8), logNames?.user(user.name) != wanted { return true }
                isCut = users.count == limit
                if !isCut { users.append(user) }
                return !isCut && wanted == nil
            }
        }
        if isJSON {
            let object = JSONText.object { object in
                object.add("users", core.userCount)
                object.add("shown", list: users.map(json))
            }
            try StandardStreams.output(line: object.string)
            return try require(wanted, users)
        }
        try require(wanted, users)
        for user in users {
            try StandardStreams.output(
                line: """
                    \(VisibleText.of(String(decoding: user.name, as: UTF8.self)))\(logNames?.user(user.name).map { " (\($0))" } ?? ""): inbox \(user.inboxMessages) messages, \
                    \(user.inboxBytes) bytes, last position \(user.lastPosition.rawValue)
                    """)
            for session in user.sessions { try StandardStreams.output(line: "  " + Self.line(session)) }
        }
        if isCut { try StandardStreams.output(line: "… more (see --limit and --user)") }
        try StandardStreams.output(line: wanted == nil ? "\(core.userCount) users" : "\(users.count) of \(core.userCount) users")
    }

    /// A user that was asked for has to be there.
    private func require(_ wanted: String?, _ found: [InspectedUser]) throws(CommandFailure) {
        guard let wanted, found.isEmpty else { return }
        throw CommandFailure(
            "There is no user \(VisibleText.of(wanted)) in \(directory): nobody of that name has logged in or got a message.")
    }

    private static func line(_ session: InspectedUser.Session) -> String {
        var words = ["session \(session.id.rawValue)", "device \(VisibleText.of(name(session.device) ?? "?"))"]
        if session.isSendOnly { words.append("send-only") }
        if session.isService { words.append("service") }
        if session.hasEnded { words.append("ended") }
        if !session.isSendOnly { words.append("cursor \(session.cursor.rawValue) (\(session.unacknowledgedMessages) behind)") }
        words.append("sent \(session.lastSequence.rawValue)")
        words.append("attach \(session.attach.rawValue)")
        if let names = session.to {
            words.append("to \(names.isEmpty ? "nobody" : names.map { VisibleText.of($0) }.joined(separator: " "))")
        }
        return words.joined(separator: ", ")
    }

    private func json(_ user: InspectedUser) -> JSONText {
        JSONText.object { object in
            object.add("user", String(decoding: user.name, as: UTF8.self))
            object.add("number", user.number)
            object.add("logUser", logNames?.user(user.name))
            object.add("inboxMessages", user.inboxMessages)
            object.add("inboxBytes", user.inboxBytes)
            object.add("lastPosition", user.lastPosition.rawValue)
            object.add(
                "sessions",
                list: user.sessions.map { session in
                    JSONText.object { object in
                        object.add("session", session.id.rawValue)
                        object.add("device", Self.name(session.device))
                        object.add("sendOnly", session.isSendOnly)
                        object.add("service", session.isService)
                        object.add("ended", session.hasEnded)
                        object.add("cursor", session.cursor.rawValue)
                        object.add("unacknowledged", session.unacknowledgedMessages)
                        object.add("lastSequence", session.lastSequence.rawValue)
                        object.add("attach", session.attach.rawValue)
                        if let names = session.to { object.add("to", list: names.map(JSONText.quoted)) }
                    }
                })
        }
    }

    private static func name(_ device: [UInt8]?) -> String? { device.map { String(decoding: $0, as: UTF8.self) } }
}

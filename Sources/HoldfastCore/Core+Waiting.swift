import HoldfastWire

/// Commands that wait for rows, in order for each connection. Their number is bounded by the credits of the loops.
struct WaitingCommands {
    /// A command names two users at most: whose it is and whom it is for; and three rows of the other tables.
    static let usersNamedMax = 2
    static let lookupsNamedMax = 3

    struct Item {
        var command: Command
        /// The batch's bytes, shared.
        var bytes: [UInt8]
    }

    struct Queue {
        var items = ContiguousArray<Item>()
        var head = 0
        /// Keys that the first command waits for.
        var unansweredCount = 0
        /// What timelines answered to its questions: kept until it runs, because two answers may come one after the other.
        var answers: [RowKey: InboxEntry] = [:]
    }

    var queues: [ConnectionHandle: Queue] = [:]
    /// What the readers have been asked and have not answered: the connections whose first command waits for it, perhaps none.
    var byKey: [RowKey: ContiguousArray<ConnectionHandle>] = [:]
    var count = 0
}

extension Core {
    /// Runs a command, or lets it wait for its rows behind what its connection said before.
    mutating func admit(_ command: Command, _ bytes: [UInt8]) {
        let connection = command.connection
        if !waiting.queues.isEmpty, waiting.queues[connection] != nil {
            if case .detach = command {
                // What the connection said and nobody has taken is said again by its client.
                dropWaiting(of: connection)
            } else {
                // Its rows are asked for now, so that a pipeline costs one wait and not one for each command.
                findMissing(for: command, bytes)
                request(missing)
                enqueue(command, bytes)
                return
            }
        }
        findMissing(for: command, bytes)
        if missing.isEmpty {
            run(command, bytes)
        } else {
            enqueue(command, bytes)
            waitForMissing(connection)
        }
    }

    private mutating func enqueue(_ command: Command, _ bytes: [UInt8]) {
        waiting.queues[command.connection, default: .init()].items.append(.init(command: command, bytes: bytes))
        waiting.count += 1
    }

    private mutating func waitForMissing(_ connection: ConnectionHandle) {
        waiting.queues[connection]?.unansweredCount = missing.count
        request(missing)
        for key in missing { waiting.byKey[key]?.append(connection) }
    }

    private mutating func request(_ keys: ContiguousArray<RowKey>) {
        for key in keys where waiting.byKey[key] == nil {
            waiting.byKey[key] = []
            reads.keys.append(key)
        }
    }

    private mutating func dropWaiting(of connection: ConnectionHandle) {
        guard let queue = waiting.queues.removeValue(forKey: connection) else { return }
        for item in queue.items[queue.head...] {
            waiting.count -= 1
            returnCredit(of: item.command)
        }
    }

    /// Runs what a connection's commands can run now.
    mutating func retry(_ connection: ConnectionHandle) {
        defer { answers = [:] }
        while let queue = waiting.queues[connection] {
            let item = queue.items[queue.head]
            answers = queue.answers
            findMissing(for: item.command, item.bytes)
            guard missing.isEmpty else { return waitForMissing(connection) }
            if queue.head + 1 == queue.items.count {
                waiting.queues[connection] = nil
            } else {
                waiting.queues[connection]?.head += 1
                waiting.queues[connection]?.answers = [:]
            }
            waiting.count -= 1
            run(item.command, item.bytes)
        }
    }

    /// The readers' answers.
    package mutating func read(_ results: ReadResults) {
        // An answer from before the last checkpoint isn't taken, so that who waits for it asks again.
        let isCurrent = results.appliedThrough >= checkpoint.writtenThrough
        var ready = ContiguousArray<ConnectionHandle>()
        for (key, value) in results.rows {
            let answer = isCurrent ? take(key, value) : nil
            for connection in waiting.byKey.removeValue(forKey: key) ?? [] where hear(key, answer, connection) { ready.append(connection) }
        }
        for connection in ready { retry(connection) }
        for page in results.pages { take(page, results, isCurrent: isCurrent) }
        pumpQueue()
        trimCache()
    }

    /// - Returns: whether the connection's first command waits for nothing more.
    private mutating func hear(_ key: RowKey, _ answer: InboxEntry?, _ connection: ConnectionHandle) -> Bool {
        guard waiting.queues[connection] != nil else { return false }
        if let answer { waiting.queues[connection]?.answers[key] = answer }
        waiting.queues[connection]?.unansweredCount -= 1
        return waiting.queues[connection]?.unansweredCount == 0
    }

    /// Puts a row that was read into its table.
    /// - Returns: what a timeline answered, which is in no table.
    private mutating func take(_ key: RowKey, _ value: RowValue) -> InboxEntry? {
        let needed = WaitingCommands.lookupsNamedMax * waiting.count
        switch (key, value) {
        case (.user(let number), .user(let image)):
            guard userSlot(number) == nil else { return nil }
            let user = makeUser(image)
            users[Int(user)].isRecent = true
        case (.userNumber(let name, _), .number(let number)): userNumbers.remember(name, number, needed: needed)
        case (.userNumber(let name, _), .absent): userNumbers.remember(name, nil, needed: needed)
        case (.userName(let number), .name(let name)): userNames.remember(number, name, needed: needed)
        case (.userName(let number), .absent): userNames.remember(number, nil, needed: needed)
        case (.device(let device), .session(let session)): devices.remember(device, session, needed: needed)
        case (.device(let device), .absent): devices.remember(device, nil, needed: needed)
        case (.conversation(let number, _), .members(let pair)): conversations.remember(number, pair, needed: needed)
        case (.conversation(let number, _), .absent): conversations.remember(number, nil, needed: needed)
        case (.pair(let pair), .number(let number)): pairs.remember(pair, number, needed: needed)
        case (.pair(let pair), .absent): pairs.remember(pair, nil, needed: needed)
        case (.entry, .entry(let entry)), (.evictionPoint, .entry(let entry)): return entry
        case (.entry, .absent), (.evictionPoint, .absent), (.user, .absent): return InboxEntry.none
        default: break
        }
        return nil
    }

    package mutating func takeReads() -> ReadRequests? {
        guard !reads.isEmpty else { return nil }
        var taken = reads
        taken.evictionMessages = configuration.evictionMessages
        reads = ReadRequests()
        reads.number = taken.number + 1
        return taken
    }
}

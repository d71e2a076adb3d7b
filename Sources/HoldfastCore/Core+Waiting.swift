import HoldfastWire

/// Commands that wait for rows, in order for each connection. Their number is bounded by the credits of the loops.
struct WaitingCommands {
    struct Item {
        var command: Command
        /// The batch's bytes, shared.
        var bytes: [UInt8]
    }

    struct Queue {
        var items = ContiguousArray<Item>()
        var head = 0
    }

    var queues: [ConnectionHandle: Queue] = [:]
    /// Connections whose first command waits for the key.
    var byKey: [RowKey: ContiguousArray<ConnectionHandle>] = [:]
    /// Asked of the readers and not answered.
    var requested: Set<RowKey> = []
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
        for key in missing { waiting.byKey[key, default: []].append(connection) }
        request(missing)
    }

    mutating func request(_ keys: ContiguousArray<RowKey>) {
        for key in keys where waiting.requested.insert(key).inserted { reads.keys.append(key) }
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
        while let queue = waiting.queues[connection] {
            let item = queue.items[queue.head]
            findMissing(for: item.command, item.bytes)
            guard missing.isEmpty else { return waitForMissing(connection) }
            if queue.head + 1 == queue.items.count {
                waiting.queues[connection] = nil
            } else {
                waiting.queues[connection]?.head += 1
            }
            waiting.count -= 1
            run(item.command, item.bytes)
        }
    }

    /// The readers' answers.
    package mutating func read(_ results: ReadResults) {
        let isCurrent = results.appliedThrough >= checkpoint.writtenThrough
        var ready = ContiguousArray<ConnectionHandle>()
        for (key, value) in results.rows {
            waiting.requested.remove(key)
            if isCurrent { take(key, value) }
            if let connections = waiting.byKey.removeValue(forKey: key) { ready.append(contentsOf: connections) }
        }
        // An answer from before the last checkpoint isn't taken, so that these ask again.
        for connection in ready { retry(connection) }
        answers.removeAll(keepingCapacity: true)
        for page in results.pages { take(page, results, isCurrent: isCurrent) }
        pumpQueue()
        trimCache()
    }

    private mutating func take(_ key: RowKey, _ value: RowValue) {
        switch (key, value) {
        case (.user(let number), .user(let image)):
            guard userSlot(number) == nil else { return }
            var row = image.row
            row.isRecent = true
            let user = makeUser(row)
            for session in image.sessions.reversed() { _ = makeSession(session, of: user) }
        case (.userNumber(let name), .number(let number)): userNumbers.remember(name, number)
        case (.userNumber(let name), .absent): userNumbers.remember(name, nil)
        case (.userName(let number), .name(let name)): userNames.remember(number, name)
        case (.userName(let number), .absent): userNames.remember(number, nil)
        case (.device(let device), .session(let session)): devices.remember(device, session)
        case (.device(let device), .absent): devices.remember(device, nil)
        case (.conversation(let number), .members(let pair)): conversations.remember(number, pair)
        case (.conversation(let number), .absent): conversations.remember(number, nil)
        case (.pair(let pair), .number(let number)): pairs.remember(pair, number)
        case (.pair(let pair), .absent): pairs.remember(pair, nil)
        case (.entry, .entry(let entry)), (.evictionPoint, .entry(let entry)): answers[key] = entry
        case (.entry, .absent), (.evictionPoint, .absent): answers[key] = InboxEntry.none
        case (.user, .absent): answers[key] = InboxEntry.none
        default: break
        }
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

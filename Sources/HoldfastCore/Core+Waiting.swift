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
        var names: CommandNames
    }

    struct Queue {
        let connection: ConnectionHandle
        /// No other queue's: slots are used again.
        let serial: UInt32
        var items = Line<Item>()
        /// Keys that the first command waits for.
        var unansweredCount = 0
        /// What timelines answered to its questions: kept until it runs, because two answers may come one after the other.
        var answers: [RowKey: InboxEntry] = [:]

        init(_ connection: ConnectionHandle, serial: UInt32) {
            self.connection = connection
            self.serial = serial
        }
    }

    /// The first command of a queue.
    struct Waiter {
        var slot: Slot
        var serial: UInt32
    }

    /// Who waits for a key, perhaps nobody; mostly one.
    struct Waiters {
        var first: Waiter?
        var others = ContiguousArray<Waiter>()

        mutating func add(_ waiter: Waiter?) {
            guard let waiter else { return }
            if first == nil { first = waiter } else { others.append(waiter) }
        }
    }

    private var slots: [ConnectionHandle: Slot] = [:]
    /// nil: a free slot.
    private var queues = ContiguousArray<Queue?>()
    private var freeSlots = ContiguousArray<Slot>()
    private var lastSerial: UInt32 = 0
    /// What the readers have been asked and have not answered.
    var byKey: [RowKey: Waiters] = [:]
    var count = 0

    func slot(of connection: ConnectionHandle) -> Slot? { slots.isEmpty ? nil : slots[connection] }

    subscript(slot: Slot) -> Queue? {
        _read { yield queues[Int(slot)] }
        _modify { yield &queues[Int(slot)] }
    }

    mutating func makeQueue(for connection: ConnectionHandle) -> Slot {
        lastSerial &+= 1
        let slot: Slot
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = Slot(queues.count)
            queues.append(nil)
        }
        queues[Int(slot)] = Queue(connection, serial: lastSerial)
        slots[connection] = slot
        return slot
    }

    /// Adds who waits for a key, if anybody does.
    /// - Returns: whether the readers have to be asked for it.
    mutating func isFirst(_ waiter: Waiter?, toAskFor key: RowKey) -> Bool {
        let count = byKey.count
        byKey[key, default: Waiters()].add(waiter)
        return byKey.count > count
    }

    mutating func remove(_ slot: Slot) {
        if let queue = queues[Int(slot)] { slots[queue.connection] = nil }
        queues[Int(slot)] = nil
        freeSlots.append(slot)
    }
}

/// The names that a command says, hashed once; without names, empty ones.
struct CommandNames {
    private(set) var user = Self.none
    private(set) var device = Self.none
    private static let none = NameKey([])

    init(_ command: Command, _ bytes: [UInt8]) {
        switch command {
        case .hello(_, let user, let device, _, _, _), .authenticate(_, let user, let device):
            self.user = NameKey([UInt8](bytes[user]))
            self.device = NameKey([UInt8](bytes[device]))
        case .sendTo(_, _, _, let user, _): self.user = NameKey([UInt8](bytes[user]))
        case .resume, .send, .acknowledge, .credit, .lookup, .logout, .detach: break
        }
    }
}

extension Core {
    /// Runs a command, or lets it wait for its rows behind what its connection said before.
    mutating func admit(_ command: Command, _ bytes: [UInt8]) {
        let slot = waiting.slot(of: command.connection)
        if let slot, case .detach = command {
            // What the connection said and nobody has taken is said again by its client.
            dropWaiting(slot)
        }
        let names = CommandNames(command, bytes)
        findMissing(for: command, names)
        if let slot, waiting[slot] != nil {
            // Its rows are asked for now, so that a pipeline costs one wait and not one for each command.
            request(nil)
            enqueue(.init(command: command, bytes: bytes, names: names), slot)
        } else if missing.isEmpty {
            run(command, bytes, names)
        } else {
            let slot = waiting.makeQueue(for: command.connection)
            enqueue(.init(command: command, bytes: bytes, names: names), slot)
            waitForMissing(slot)
        }
    }

    private mutating func enqueue(_ item: WaitingCommands.Item, _ slot: Slot) {
        waiting[slot]?.items.append(item)
        waiting.count += 1
    }

    private mutating func waitForMissing(_ slot: Slot) {
        guard let serial = waiting[slot]?.serial else { return }
        waiting[slot]?.unansweredCount = missing.count
        request(.init(slot: slot, serial: serial))
    }

    /// Asks for what is missing, once.
    private mutating func request(_ waiter: WaitingCommands.Waiter?) {
        for key in missing where waiting.isFirst(waiter, toAskFor: key) { reads.keys.append(key) }
    }

    private mutating func dropWaiting(_ slot: Slot) {
        guard let queue = waiting[slot] else { return }
        waiting.remove(slot)
        for item in queue.items.rest {
            waiting.count -= 1
            returnCredit(of: item.command)
        }
    }

    /// Runs what a connection's commands can run now.
    private mutating func retry(_ slot: Slot) {
        defer { answers = [:] }
        while let item = waiting[slot]?.items.first {
            answers = waiting[slot]?.answers ?? [:]
            findMissing(for: item.command, item.names)
            guard missing.isEmpty else { return waitForMissing(slot) }
            waiting[slot]?.items.removeFirst()
            waiting[slot]?.answers = [:]
            waiting.count -= 1
            let isLast = waiting[slot]?.items.isEmpty ?? true
            if isLast { waiting.remove(slot) }
            run(item.command, item.bytes, item.names)
            if isLast { return }
        }
    }

    /// The readers' answers.
    package mutating func read(_ results: ReadResults) {
        // An answer from before the last checkpoint isn't taken, so that who waits for it asks again.
        let isCurrent = results.appliedThrough >= checkpoint.writtenThrough
        var ready = ContiguousArray<Slot>()
        for (key, value) in results.rows {
            let answer = isCurrent ? take(key, value) : nil
            guard let waiters = waiting.byKey.removeValue(forKey: key) else { continue }
            if let first = waiters.first, hear(key, answer, first) { ready.append(first.slot) }
            for waiter in waiters.others where hear(key, answer, waiter) { ready.append(waiter.slot) }
        }
        // When all rows are there, so that a pipeline is gone through once.
        for slot in ready { retry(slot) }
        for page in results.pages { take(page, results, isCurrent: isCurrent) }
        pumpQueue()
        trimCache()
    }

    /// - Returns: whether the waiter waits for nothing more.
    private mutating func hear(_ key: RowKey, _ answer: InboxEntry?, _ waiter: WaitingCommands.Waiter) -> Bool {
        guard waiting[waiter.slot]?.serial == waiter.serial else { return false }
        if let answer { waiting[waiter.slot]?.answers[key] = answer }
        waiting[waiter.slot]?.unansweredCount -= 1
        return waiting[waiter.slot]?.unansweredCount == 0
    }

    /// Puts a row that was read into its table.
    /// - Returns: what a timeline answered, which is in no table.
    private mutating func take(_ key: RowKey, _ value: RowValue) -> InboxEntry? {
        let needed = WaitingCommands.lookupsNamedMax * waiting.count
        switch (key, value) {
        case (.user, .user(let image)): takeUser(image)
        case (.userNumber(let name, let asking), .recipient(let number, let conversation, let image)):
            userNumbers.remember(name, number, needed: needed)
            pairs.remember(UserPair(asking, number), conversation, needed: needed)
            if let image { takeUser(image) }
        case (.userNumber(let name, _), .number(let number)): userNumbers.remember(name, number, needed: needed)
        case (.userNumber(let name, _), .absent): userNumbers.remember(name, nil, needed: needed)
        case (.userName(let number), .name(let name)): userNames.remember(number, name, needed: needed)
        case (.userName(let number), .absent): userNames.remember(number, nil, needed: needed)
        case (.device(let device), .session(let session)): devices.remember(device, session, needed: needed)
        case (.device(let device), .absent): devices.remember(device, nil, needed: needed)
        case (.conversation(let number, _), .members(let pair, let peer)):
            conversations.remember(number, pair, needed: needed)
            if let peer { takeUser(peer) }
        case (.conversation(let number, _), .absent): conversations.remember(number, nil, needed: needed)
        case (.pair(let pair), .number(let number)): pairs.remember(pair, number, needed: needed)
        case (.pair(let pair), .absent): pairs.remember(pair, nil, needed: needed)
        case (.entry, .entry(let entry)), (.evictionPoint, .entry(let entry)): return entry
        case (.entry, .absent), (.evictionPoint, .absent), (.user, .absent): return InboxEntry.none
        default: break
        }
        return nil
    }

    private mutating func takeUser(_ image: UserImage) {
        guard userSlot(image.row.number) == nil else { return }
        let user = makeUser(image)
        users[Int(user)].isRecent = true
    }

    /// What one reader is to be asked next; to be called until there is nothing: of many keys each gets a part, so that several read at once,
    /// and the first commands run while others are still being read for.
    package mutating func takeReads() -> ReadRequests? {
        guard !reads.isEmpty else { return nil }
        var taken = reads
        taken.evictionMessages = configuration.evictionMessages
        reads = ReadRequests()
        reads.number = taken.number + 1
        if taken.keys.count > configuration.readKeysMax {
            reads.keys = Array(taken.keys[configuration.readKeysMax...])
            taken.keys.removeSubrange(configuration.readKeysMax...)
        }
        return taken
    }
}

import HoldfastWire

/// A queue of waiting commands.
struct QueueSlot: TableSlot { let rawValue: UInt32 }

/// Commands that wait for rows, in order for each key (see `Command.order`). Their number is bounded by the credits of the doors.
struct WaitingCommands {
    /// A command names three rows at most of the tables of names for each of its credits.
    static let lookupsNamedMax = 3

    struct Item {
        var command: Command
        /// The batch's bytes, shared.
        var bytes: [UInt8]
        var names: CommandNames
        /// Keys that the readers have been asked for and have not answered.
        var unansweredCount = 0
        var found = FoundRows()
        /// Users who were read for it: they stay in RAM until it runs.
        var pinned = ContiguousArray<UserSlot>()
        /// Of its batch.
        var takenAt: UInt64 = 0
    }

    struct Queue {
        let order: OrderKey
        /// No other queue's: slots are used again.
        let serial: UInt32
        private(set) var items = Line<Item>()
        /// The number of the first command: as many have run.
        private(set) var firstNumber: UInt32 = 0

        init(_ order: OrderKey, serial: UInt32) {
            self.order = order
            self.serial = serial
        }

        /// - Returns: the command's number, from 0.
        mutating func append(_ item: Item) -> UInt32 {
            items.append(item)
            return firstNumber &+ UInt32(items.count - 1)
        }

        mutating func removeFirst() {
            assert(!items.isEmpty, "a command that has run was in the queue")
            items.removeFirst()
            firstNumber &+= 1
        }

        /// One key less to wait for.
        /// - Returns: whether the command is the first and waits for nothing more.
        mutating func hear(_ answer: FoundRows.Answer?, _ user: UserSlot?, number: UInt32) -> Bool {
            let index = Int(number &- firstNumber)
            precondition(items[index].unansweredCount > 0, "each key is answered once")
            items[index].unansweredCount -= 1
            if let user { items[index].pinned.append(user) }
            if let answer { items[index].found.take(answer) }
            return index == 0 && items[index].unansweredCount == 0
        }

        mutating func wait(for count: Int, number: UInt32) {
            let index = Int(number &- firstNumber)
            assert(count > 0 && items[index].unansweredCount == 0, "a command asks anew when all that it asked for is answered")
            items[index].unansweredCount = count
        }
    }

    /// A command of a queue.
    struct Waiter {
        var slot: QueueSlot
        var serial: UInt32
        var number: UInt32
    }

    /// A queue whose first command has got what it waited for.
    struct ReadyQueue {
        var slot: QueueSlot
        var serial: UInt32
    }

    /// Who waits for a key; mostly one.
    struct Waiters {
        var first: Waiter?
        var others = ContiguousArray<Waiter>()

        mutating func add(_ waiter: Waiter) {
            if first == nil { first = waiter } else { others.append(waiter) }
        }
    }

    private var slots: [OrderKey: QueueSlot] = [:]
    /// nil: a free slot.
    private var queues = ContiguousArray<Queue?>()
    private var freeSlots = ContiguousArray<QueueSlot>()
    private var lastSerial: UInt32 = 0
    /// What the readers have been asked and have not answered.
    var byKey: [RowKey: Waiters] = [:]
    var count = 0
    /// What they cost of their doors' credits: as many rows may be read for them.
    var credits = 0
    /// Users that are in RAM for them.
    var pinnedCount = 0

    var itemCount: Int { queues.reduce(0) { $0 + ($1?.items.count ?? 0) } }

    func slot(of order: OrderKey) -> QueueSlot? { slots.isEmpty ? nil : slots[order] }

    subscript(slot: QueueSlot) -> Queue? {
        _read { yield queues[slot.index] }
        _modify { yield &queues[slot.index] }
    }

    mutating func makeQueue(for order: OrderKey) -> QueueSlot {
        precondition(slots[order] == nil, "a key has one queue")
        lastSerial &+= 1
        let slot: QueueSlot
        if let free = freeSlots.popLast() {
            slot = free
        } else {
            slot = QueueSlot(rawValue: UInt32(queues.count))
            queues.append(nil)
        }
        queues[slot.index] = Queue(order, serial: lastSerial)
        slots[order] = slot
        return slot
    }

    /// Adds who waits for a key.
    /// - Returns: whether the readers have to be asked for it.
    mutating func isFirst(_ waiter: Waiter, toAskFor key: RowKey) -> Bool {
        let count = byKey.count
        byKey[key, default: Waiters()].add(waiter)
        return byKey.count > count
    }

    mutating func remove(_ slot: QueueSlot) {
        if let queue = queues[slot.index] { slots[queue.order] = nil }
        queues[slot.index] = nil
        freeSlots.append(slot)
    }
}

/// The names that a command says, hashed once; without names, empty ones.
struct CommandNames {
    private(set) var user = Self.none
    private(set) var device = Self.none
    /// Of a push.
    private(set) var recipients: [NameKey] = []
    private static let none = NameKey([], KeyedHash(low: 0, high: 0))

    init(_ command: Command, _ bytes: [UInt8], _ hash: KeyedHash) {
        switch command {
        case .hello(_, let user, let device, _, _, _, _, _), .authenticate(_, let user, let device, _, _):
            self.user = NameKey([UInt8](bytes[user]), hash)
            self.device = NameKey([UInt8](bytes[device]), hash)
        case .sendTo(_, _, _, let user, _), .ask(_, .sessions(let user)), .ask(_, .inbox(let user)), .ask(_, .user(let user)),
            .ask(_, .connections(let user?, _, _)):
            self.user = NameKey([UInt8](bytes[user]), hash)
        case .push(let push):
            user = NameKey([UInt8](bytes[push.account]), hash)
            recipients = Self.names(bytes, push.recipients, hash)
            precondition(recipients.count == push.recipientCount, "a push counts the names that it has")
        case .consume(_, let consume):
            user = NameKey([UInt8](bytes[consume.user]), hash)
            device = NameKey([UInt8](bytes[consume.device]), hash)
        case .act(_, let act):
            user = NameKey([UInt8](bytes[act.user]), hash)
            device = NameKey([UInt8](bytes[act.device]), hash)
        case .ask(_, .events(let question)): user = NameKey([UInt8](bytes[question.user]), hash)
        case .ask(_, .reachability(let names, _)): recipients = Self.names(bytes, names, hash)
        case .resume, .send, .acknowledge, .credit, .lookup, .logout, .detach, .hold, .ask(_, .users), .ask(_, .message), .ask(_, .request),
            .ask(_, .audit), .ask(_, .consumers),
            .ask(_, .connections(user: nil, _, _)):
            break
        }
    }

    /// Names with their lengths before them.
    private static func names(_ bytes: [UInt8], _ range: ByteRange, _ hash: KeyedHash) -> [NameKey] {
        var names: [NameKey] = []
        var reader = ByteReader(bytes.span, from: range.lowerBound)
        while reader.offset < range.upperBound, let name = reader.text() { names.append(NameKey(name, hash)) }
        return names
    }
}

/// What was read for a command and is in no table, or perhaps in none: kept until it runs, because two answers may come one after the other.
struct FoundRows {
    /// Whom a message is for. Numbers never change: who asked may keep them, whatever became of the tables.
    struct Recipient {
        let number: UInt64
        /// nil: the table has to be asked.
        let conversation: UInt64?
    }

    /// What the store had of a request's key with this checkpoint; it proves nothing after another one.
    struct Request {
        let row: LedgerRow?
        let checkpoint: UInt64
    }

    enum Answer {
        case recipient(RowKey, Recipient)
        case entry(RowKey, InboxEntry)
        case request(RequestKey, Request)
    }

    var recipients: [RowKey: Recipient] = [:]
    /// What timelines answered.
    var entries: [RowKey: InboxEntry] = [:]
    var requests: [RequestKey: Request] = [:]

    mutating func take(_ answer: Answer) {
        switch answer {
        case .recipient(let key, let found): recipients[key] = found
        case .entry(let key, let entry): entries[key] = entry
        case .request(let key, let request): requests[key] = request
        }
    }
}

extension Core {
    /// Runs a command, or lets it wait for its rows behind those of the same key.
    mutating func admit(_ command: Command, _ bytes: [UInt8]) {
        let slot = waiting.slot(of: command.order)
        if let slot, case .detach = command {
            // What the connection said and nobody has taken is said again by its client.
            dropWaiting(slot)
        }
        let names = CommandNames(command, bytes, configuration.hash)
        var resolution = Resolution()
        resolve(command, names, FoundRows(), into: &resolution)
        if slot.map({ waiting[$0] == nil }) ?? true, resolution.missing.isEmpty {
            totals.commandsAtOnce &+= 1
            totals.cacheHits.count(resolution)
            return run(command, bytes, names, resolution)
        }
        // Its rows are asked for now, so that a pipeline costs one wait and not one for each command.
        let item = WaitingCommands.Item(command: command, bytes: bytes, names: names, takenAt: takenAt)
        enqueue(item, resolution.missing, slot ?? waiting.makeQueue(for: command.order))
    }

    private mutating func enqueue(_ item: WaitingCommands.Item, _ missing: ContiguousArray<RowKey>, _ slot: QueueSlot) {
        guard let number = waiting[slot]?.append(item) else { return }
        assert(waiting.count <= waiting.credits, "a command costs a credit at least")
        waiting.count += 1
        waiting.credits += item.command.credits
        wait(for: missing, slot, number)
    }

    /// Lets a command of the queue wait for what is missing, and asks for it, once.
    private mutating func wait(for missing: ContiguousArray<RowKey>, _ slot: QueueSlot, _ number: UInt32) {
        guard !missing.isEmpty, let serial = waiting[slot]?.serial else { return }
        waiting[slot]?.wait(for: missing.count, number: number)
        for key in missing where waiting.isFirst(.init(slot: slot, serial: serial, number: number), toAskFor: key) { ask(for: key) }
    }

    private mutating func ask(for key: RowKey) {
        if let cache = CoreCache(lacking: key) { totals.cacheMisses.count(cache) }
        if reads.last.map({ $0.keys.count >= configuration.readKeysMax }) ?? true { reads.append(ReadRequests()) }
        reads[reads.count - 1].keys.append(key)
    }

    private mutating func unpin(_ item: WaitingCommands.Item) {
        precondition(waiting.pinnedCount >= item.pinned.count, "pins of commands that wait are counted")
        for user in item.pinned { users.unpin(user) }
        waiting.pinnedCount -= item.pinned.count
    }

    private mutating func dropWaiting(_ slot: QueueSlot) {
        guard let queue = waiting[slot] else { return }
        waiting.remove(slot)
        for item in queue.items.rest {
            waiting.count -= 1
            waiting.credits -= item.command.credits
            unpin(item)
            returnCredit(of: item.command)
        }
    }

    /// Runs what the commands of ready queues can run now, in slices: a pipeline may be long.
    mutating func runReady(steps: inout Int) {
        while steps > 0, let queue = ready.first {
            let isDone = waiting[queue.slot]?.serial != queue.serial || retry(queue.slot, steps: &steps)
            if isDone { ready.removeFirst() }
        }
    }

    /// Runs what the commands of a key can run now.
    /// - Returns: false when more can run.
    private mutating func retry(_ slot: QueueSlot, steps: inout Int) -> Bool {
        while let item = waiting[slot]?.items.first, let number = waiting[slot]?.firstNumber, item.unansweredCount == 0 {
            guard steps > 0 else { return false }
            steps -= 2 * item.command.credits
            var resolution = Resolution()
            resolve(item.command, item.names, item.found, into: &resolution)
            guard resolution.missing.isEmpty else {
                wait(for: resolution.missing, slot, number)
                return true
            }
            unpin(item)
            waiting[slot]?.removeFirst()
            waiting.count -= 1
            waiting.credits -= item.command.credits
            let isLast = waiting[slot]?.items.isEmpty ?? true
            if isLast { waiting.remove(slot) }
            totals.commandsAfterReads &+= 1
            takenAt = item.takenAt
            run(item.command, item.bytes, item.names, resolution)
            if isLast { return true }
        }
        return true
    }

    /// A slice of a reader's answer.
    /// - Returns: whether all of it is taken.
    mutating func take(_ answer: inout ReadAnswer, steps: inout Int) -> Bool {
        precondition(answer.results.rows.count == answer.results.keys.count, "each key has an answer")
        // An answer from before the last checkpoint isn't taken, so that who waits for it asks again.
        let isCurrent = answer.results.checkpoint >= checkpoint.written
        while answer.keysTaken < answer.results.keys.count {
            guard steps > 0 else { return false }
            steps -= 4
            let key = answer.results.keys[answer.keysTaken]
            var user: UserSlot?
            let found = isCurrent ? take(key, answer.results.rows[answer.keysTaken], &user) : nil
            answer.keysTaken += 1
            guard let waiters = waiting.byKey.removeValue(forKey: key) else { continue }
            if let first = waiters.first { hear(found, user, first) }
            for waiter in waiters.others { hear(found, user, waiter) }
        }
        while answer.pagesTaken < answer.results.pages.count {
            guard steps > 0 else { return false }
            let page = answer.results.pages[answer.pagesTaken]
            steps -= 1 + page.items.count
            answer.pagesTaken += 1
            take(page, answer.results, isCurrent: isCurrent)
        }
        pumpQueue()
        return true
    }

    private mutating func hear(_ answer: FoundRows.Answer?, _ user: UserSlot?, _ waiter: WaitingCommands.Waiter) {
        guard waiting[waiter.slot]?.serial == waiter.serial else { return }
        if let user {
            users.pin(user)
            waiting.pinnedCount += 1
        }
        guard waiting[waiter.slot]?.hear(answer, user, number: waiter.number) ?? false else { return }
        ready.append(.init(slot: waiter.slot, serial: waiter.serial))
    }

    /// Puts a row that was read into its table, unless it is enough that who asked gets it.
    /// - Parameter user: whose row it is, to stay in RAM until those have run who asked.
    /// - Returns: what those get who asked.
    private mutating func take(_ key: RowKey, _ value: RowValue, _ user: inout UserSlot?) -> FoundRows.Answer? {
        let recipient = names.take(key, value, needed: WaitingCommands.lookupsNamedMax * waiting.credits)
        switch value {
        case .user(let image), .recipient(_, conversation: _, let image?), .members(_, peer: let image?):
            user = users.find(image.row.number) ?? users.make(image)
        default: break
        }
        if let recipient { return .recipient(key, recipient) }
        switch (key, value) {
        case (.entry, .entry(let entry)), (.evictionPoint, .entry(let entry)): return .entry(key, entry)
        case (.entry, .absent), (.evictionPoint, .absent), (.user, .absent): return .entry(key, .none)
        case (.ledger(let request), .ledger(let row)):
            return .request(request, .init(row: row, checkpoint: checkpoint.written))
        case (.ledger(let request), .absent): return .request(request, .init(row: nil, checkpoint: checkpoint.written))
        default: return nil
        }
    }

    /// What one reader is to be asked next; to be called until there is nothing: of many keys each gets a part, so that several read at once,
    /// and the first commands run while others are still being read for.
    mutating func takeReads() -> ReadRequests? {
        guard !reads.isEmpty else { return nil }
        var taken = reads.removeFirst()
        taken.evictionMessages = configuration.evictionMessages
        lastRead += 1
        taken.number = lastRead
        return taken
    }
}

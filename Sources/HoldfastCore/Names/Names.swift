import HoldfastWire

/// Names and numbers of users, devices and conversations: a part of the core that knows what the store's tables of them have, as far as it was
/// asked, and owns the rows that no checkpoint has written yet. Such a row is written once and never changes, but a device's.
struct Names {
    private(set) var userNumbers: LookupCache<NameKey, UInt64>
    private(set) var userNames: LookupCache<UInt64, [UInt8]>
    private(set) var devices: LookupCache<DeviceKey, SessionID>
    private(set) var conversations: LookupCache<UInt64, UserPair>
    private(set) var pairs: LookupCache<UserPair, UInt64>
    /// Names of devices by their sessions, of those that the store lacks: since the last checkpoint began, and in the one that runs.
    private var recentDevices: [SessionID: [UInt8]] = [:]
    private var frozenDevices: [SessionID: [UInt8]] = [:]
    /// The numbers that are given out next.
    var nextUser: UInt64 = 1
    var nextConversation: UInt64 = 1

    init(cachedMax: Int, _ hash: KeyedHash) {
        userNumbers = LookupCache(cachedMax: cachedMax, hash)
        userNames = LookupCache(cachedMax: cachedMax, hash)
        devices = LookupCache(cachedMax: cachedMax, hash)
        conversations = LookupCache(cachedMax: cachedMax, hash)
        pairs = LookupCache(cachedMax: cachedMax, hash)
    }

    // MARK: New rows

    mutating func insert(user number: UInt64, _ name: NameKey) {
        precondition(number != 0 && !name.bytes.isEmpty, "a user has a number and a name")
        userNumbers.insert(name, number)
        userNames.insert(number, name.bytes)
        nextUser = max(nextUser, number + 1)
    }

    mutating func insert(_ device: DeviceKey, _ session: SessionID) {
        precondition(session.userNumber == device.user, "a device leads to a session of its user")
        devices.insert(device, session)
        recentDevices[session] = device.device.bytes
    }

    mutating func insert(conversation number: UInt64, _ pair: UserPair) {
        precondition(number != 0 && pair.low != 0, "a conversation has a number and two members")
        pairs.insert(pair, number)
        conversations.insert(number, pair)
        nextConversation = max(nextConversation, number + 1)
    }

    // MARK: Questions

    /// Places of answers that a command uses.
    struct Places {
        var user = CacheSlot.none
        var name = CacheSlot.none
        var device = CacheSlot.none
        var conversation = CacheSlot.none
        var pair = CacheSlot.none
    }

    func userNumber(_ name: NameKey, _ places: inout Places) -> LookupCache<NameKey, UInt64>.Answer {
        let (answer, place) = userNumbers.find(name)
        places.user = place
        return answer
    }

    func userName(_ number: UInt64, _ places: inout Places) -> LookupCache<UInt64, [UInt8]>.Answer {
        let (answer, place) = userNames.find(number)
        places.name = place
        return answer
    }

    func session(_ device: DeviceKey, _ places: inout Places) -> LookupCache<DeviceKey, SessionID>.Answer {
        let (answer, place) = devices.find(device)
        places.device = place
        return answer
    }

    func members(_ conversation: UInt64, _ places: inout Places) -> LookupCache<UInt64, UserPair>.Answer {
        let (answer, place) = conversations.find(conversation)
        places.conversation = place
        return answer
    }

    func conversation(_ pair: UserPair, _ places: inout Places) -> LookupCache<UserPair, UInt64>.Answer {
        let (answer, place) = pairs.find(pair)
        places.pair = place
        return answer
    }

    /// What a command uses stays while others go.
    mutating func touch(_ places: Places) {
        userNumbers.touch(places.user)
        userNames.touch(places.name)
        devices.touch(places.device)
        conversations.touch(places.conversation)
        pairs.touch(places.pair)
    }

    // MARK: The store's rows

    /// Keeps what the store answered.
    /// - Parameter needed: how many answers commands wait for: so many are kept in any case.
    /// - Returns: what those get who asked, for whom the tables need not keep it.
    mutating func take(_ key: RowKey, _ value: RowValue, needed: Int) -> FoundRows.Recipient? {
        switch (key, value) {
        case (.userNumber(let name, let asking), .recipient(let number, let conversation, _)):
            let isKept = userNumbers.rememberIfAskedAgain(name, number)
            if isKept || conversation == nil { pairs.remember(UserPair(asking, number), conversation, needed: needed) }
            return .init(number: number, conversation: conversation)
        case (.userNumber(let name, _), .number(let number)): userNumbers.remember(name, number, needed: needed)
        case (.userNumber(let name, _), .absent): userNumbers.remember(name, nil, needed: needed)
        case (.userName(let number), .name(let name)): userNames.remember(number, name, needed: needed)
        case (.userName(let number), .absent): userNames.remember(number, nil, needed: needed)
        case (.device(let device), .session(let session)): devices.remember(device, session, needed: needed)
        case (.device(let device), .absent): devices.remember(device, nil, needed: needed)
        case (.conversation(let number, let asking), .members(let pair, _)):
            guard let peer = pair.peer(of: asking) else {
                conversations.remember(number, pair, needed: needed)
                return nil
            }
            conversations.rememberIfAskedAgain(number, pair)
            return .init(number: peer, conversation: number)
        case (.conversation(let number, _), .absent): conversations.remember(number, nil, needed: needed)
        case (.pair(let pair), .number(let number)): pairs.remember(pair, number, needed: needed)
        case (.pair(let pair), .absent): pairs.remember(pair, nil, needed: needed)
        default: break
        }
        return nil
    }

    // MARK: Checkpoints

    /// Rows that a checkpoint has to write.
    var changedCount: Int { userNumbers.changedCount + pairs.changedCount + devices.changedCount }

    /// Adds them to `rows`, by table.
    func countChanged(_ rows: inout CheckpointRows) {
        rows[.userByName] += userNumbers.changedCount
        rows[.userNames] += userNames.changedCount
        rows[.devices] += devices.changedCount
        rows[.conversations] += conversations.changedCount
        rows[.pairs] += pairs.changedCount
    }

    mutating func freeze() -> FrozenNames {
        assert(userNumbers.changedCount == userNames.changedCount, "whoever has a new number has a new name")
        assert(pairs.changedCount == conversations.changedCount, "a new conversation is found by number and by members")
        let frozen = FrozenNames(
            nextUser: nextUser, nextConversation: nextConversation, userNumbers: userNumbers.freeze(), devices: devices.freeze(),
            conversations: conversations.freeze())
        (recentDevices, frozenDevices) = ([:], recentDevices)
        // Both are written from the tables above.
        _ = userNames.freeze()
        _ = pairs.freeze()
        return frozen
    }

    mutating func frozenWritten() {
        userNumbers.frozenWritten()
        userNames.frozenWritten()
        devices.frozenWritten()
        frozenDevices = [:]
        conversations.frozenWritten()
        pairs.frozenWritten()
    }

    /// Lets go of all that the store knows too.
    /// - Returns: what is to be freed.
    mutating func forgetKnown() -> [any Sendable] {
        [userNumbers.forgetKnown(), userNames.forgetKnown(), devices.forgetKnown(), conversations.forgetKnown(), pairs.forgetKnown()]
    }

    /// What must hold in the tables and doesn't; nil: all does.
    var violation: String? {
        userNumbers.violation ?? userNames.violation ?? devices.violation ?? conversations.violation ?? pairs.violation
    }

    /// The name of the session's device, if the store doesn't have it yet.
    func newDevice(of session: SessionID) -> [UInt8]? { recentDevices[session] ?? frozenDevices[session] }
}

/// New names, for the checkpoint that runs.
struct FrozenNames: Sendable {
    let nextUser: UInt64
    let nextConversation: UInt64
    let userNumbers: ContiguousArray<(key: NameKey, value: UInt64)>
    let devices: ContiguousArray<(key: DeviceKey, value: SessionID)>
    let conversations: ContiguousArray<(key: UInt64, value: UserPair)>

    /// Each table in the order of its keys.
    func write(to store: any StoreTransaction) throws(StorageError) {
        for (name, number) in userNumbers.sorted(by: { $0.key.bytes.lexicographicallyPrecedes($1.key.bytes) }) {
            try store.put(.userByName, name.bytes.span, StoreKey.inline(number).span)
        }
        for (name, number) in userNumbers.sorted(by: { $0.value < $1.value }) {
            try store.put(.userNames, StoreKey.inline(number).span, name.bytes.span)
        }
        let devices = devices.map { (StoreKey.device($0.key), $0.value) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
        for (key, session) in devices { try store.put(.devices, key.span, StoreKey.inline(session.rawValue).span) }
        for (number, pair) in conversations.sorted(by: { $0.key < $1.key }) {
            try store.put(.conversations, StoreKey.inline(number).span, StoreKey.inline(pair).span)
        }
        for (number, pair) in conversations.sorted(by: { ($0.value.low, $0.value.high) < ($1.value.low, $1.value.high) }) {
            try store.put(.pairs, StoreKey.inline(pair).span, StoreKey.inline(number).span)
        }
    }
}

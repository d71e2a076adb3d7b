import HoldfastWire

// The small tables: counters, names, devices, conversations. Where two of them say the same, one mends the other.
extension Examination {
    mutating func readMeta() throws(StorageError) {
        var hasRows = false
        try snapshot.rows(.meta) { (key, value) throws(StorageError) in
            let text = String(decoding: key, as: UTF8.self)
            // The others are of the storage, which a new directory has, too.
            guard let row = StoreMeta(rawValue: text) else { return }
            hasRows = true
            if let number = Self.number(value) {
                meta[row] = number
            } else {
                find(.rowDamaged, "meta", row: text, "the counter is not a number", effect: "the gateway doesn't start")
            }
        }
        applied = Position(rawValue: meta[.appliedThrough] ?? 0)
        guard hasRows || unreadable.meta else { return try requireEmptyStore() }
        for row in StoreMeta.required where meta[row] == nil && !findings.contains(where: { $0.row == row.rawValue }) {
            find(.rowMissing, "meta", row: row.rawValue, "the counter is missing", effect: "the gateway would give numbers out again")
        }
        if meta[.appliedThrough] == nil { applied = try estimatedApplied() }
        guard let trimmed = meta[.trimmedThrough], trimmed > applied.rawValue else { return }
        find(
            .countWrong, "meta", row: "trimmedThrough", "trimmed through \(trimmed), but applied through \(applied.rawValue) only",
            effect: "records that are needed may have been deleted")
    }

    /// Before the first checkpoint the store is empty.
    private mutating func requireEmptyStore() throws(StorageError) {
        for table in StoreTable.allCases where table != .meta {
            var isEmpty = true
            try snapshot.scan(table, from: [UInt8]().span) { _, _ in
                isEmpty = false
                return false
            }
            guard isEmpty else {
                find(
                    .rowMissing, "meta", "all counters are missing",
                    effect: "the gateway would apply records twice and give numbers out again")
                return applied = try estimatedApplied()
            }
        }
    }

    /// The last position that a user's row names: what is applied twice after that changes nothing.
    private func estimatedApplied() throws(StorageError) -> Position {
        var last = Position.zero
        try snapshot.rows(.users) { (key, value) throws(StorageError) in
            guard let number = Self.number(key), let image = UserImage(decoding: value.span, number: number) else { return }
            last = max(last, image.row.inbox.last.position)
            for session in image.sessions { last = max(last, session.lastPosition) }
        }
        return last
    }

    /// Numbers are taken from every table that has them, so that what is lost in one isn't lost in all.
    mutating func collectUsers() throws(StorageError) {
        var numbers: [UInt64] = []
        func note(_ key: [UInt8]) {
            if let number = Self.number(Array(key.prefix(8))), Self.isUserNumber(number) { numbers.append(number) }
        }
        for table in [StoreTable.users, .userNames, .devices] {
            try snapshot.rows(table) { (key, _) throws(StorageError) in note(key) }
        }
        try snapshot.rows(.userByName) { (_, value) throws(StorageError) in note(value) }
        try snapshot.rows(.conversations) { (_, value) throws(StorageError) in
            note(value)
            note(Array(value.dropFirst(8)))
        }
        numbers.sort()
        users.reserveCapacity(numbers.count)
        for number in numbers where users.last != number { users.append(number) }
        lastUser = users.last ?? 0
    }

    mutating func examineNames() throws(StorageError) {
        try snapshot.rows(.userNames) { (key, name) throws(StorageError) in
            guard let number = Self.number(key), Self.isUserNumber(number), (1...255).contains(name.count) else {
                find(
                    .rowDamaged, "userNames", row: Self.hexadecimal(key), "not a user's number and name",
                    effect: "none, if the user has another")
                return plan.delete(.userNames, key)
            }
            let other = try snapshot.bytes(.userByName, name).flatMap(Self.number)
            guard other != number else { return }
            let text = String(decoding: name, as: UTF8.self)
            if let other, try snapshot.bytes(.userNames, StoreKey.number(other)) == name {
                find(
                    .rowWrong, "userNames", row: "\(number)", users: [text], "the name is also user \(other)'s",
                    effect: "messages for \(text) may be in either inbox")
                replaceName(of: number)
            } else {
                find(
                    .rowMissing, "userByName", row: text, users: [text], "the name leads to no user",
                    effect: "\(text) would get a new, empty inbox")
                plan.put(.userByName, name, StoreKey.number(number))
            }
        }
        try snapshot.rows(.userByName) { (name, value) throws(StorageError) in
            guard let number = Self.number(value), Self.isUserNumber(number) else {
                guard plan.deleteUnlessPut(.userByName, name) else { return }
                return find(
                    .rowDamaged, "userByName", row: String(decoding: name, as: UTF8.self), "not a user's number",
                    effect: "the gateway stops when the user comes")
            }
            let known = try snapshot.bytes(.userNames, StoreKey.number(number))
            guard known != name else { return }
            let text = String(decoding: name, as: UTF8.self)
            if known == nil, plan.names[number] == nil {
                find(
                    .rowMissing, "userNames", row: "\(number)", users: [text], "the user's number has no name",
                    effect: "others don't see who writes")
                plan.names[number] = name
                plan.put(.userNames, StoreKey.number(number), name)
            } else if plan.deleteUnlessPut(.userByName, name) {
                find(
                    .rowWrong, "userByName", row: text, users: [text], "it leads to user \(number), who has another name",
                    effect: "\(text) would get another one's messages")
            }
        }
    }

    /// Names that both tables have lost are in the journal as long as the first message to the user, or his first session's record, is.
    mutating func findNames() throws(StorageError) {
        var nameless: Set<UInt64> = []
        for user in users where try nameBytes(user) == nil { nameless.insert(user) }
        guard !nameless.isEmpty else { return }
        var found: [UInt64: [UInt8]] = [:]
        try snapshot.records(after: .zero) { _, bytes in
            switch Record.decode(bytes) {
            case .message(let message):
                for (user, name) in message.newUsers { found[user] = name }
            case .sessionBegun(let begun) where !begun.newUser.isEmpty: found[begun.session.userNumber] = begun.newUser
            case .audit(let audit) where audit.isNewUser: found[audit.user] = audit.name
            default: break
            }
            return true
        }
        for user in nameless.sorted() {
            guard let name = found[user] else { continue }
            let text = String(decoding: name, as: UTF8.self)
            find(
                .rowMissing, "userNames", row: "\(user)", users: [text], "the user has no name; the journal has it",
                effect: "\(text) would get a new, empty inbox")
            plan.names[user] = name
            plan.put(.userNames, StoreKey.number(user), name)
            plan.put(.userByName, name, StoreKey.number(user))
        }
    }

    /// The inbox is kept, under a name that a token can be made for.
    mutating func replaceName(of number: UInt64) {
        let name = Array("lost-user-\(number)-\(nameSuffix)".utf8)
        plan.names[number] = name
        plan.put(.userNames, StoreKey.number(number), name)
        plan.put(.userByName, name, StoreKey.number(number))
        let text = String(decoding: name, as: UTF8.self)
        plan.losses.append(
            Loss(
                kind: .name, position: nil, from: nil, to: [text], time: nil, count: 1,
                text: "the name of user \(number): the inbox is kept under the name \(text); the user begins anew, with an empty inbox"))
    }

    mutating func examineConversations() throws(StorageError) {
        try snapshot.rows(.conversations) { (key, value) throws(StorageError) in
            counts.conversations += 1
            guard let number = Self.number(key), number > 0, value.count == 16, let pair = UserPair(encoded: value) else {
                find(
                    .rowDamaged, "conversations", row: Self.hexadecimal(key), "not a number and two members",
                    effect: "the gateway stops when it is used")
                return plan.delete(.conversations, key)
            }
            lastConversation = max(lastConversation, number)
            guard try snapshot.bytes(.pairs, pair.encoded).flatMap(Self.number) != number else { return }
            find(
                .rowMissing, "pairs", row: "\(pair.low), \(pair.high)", users: [try name(pair.low), try name(pair.high)],
                "the members don't lead to their conversation \(number)", effect: "their next message would begin another one")
            plan.put(.pairs, pair.encoded, StoreKey.number(number))
        }
        try snapshot.rows(.pairs) { (key, value) throws(StorageError) in
            let number = Self.number(value)
            var known: [UInt8]?
            if let number { known = try snapshot.bytes(.conversations, StoreKey.number(number)) }
            guard key.count != 16 || known != key else { return }
            if key.count == 16, let number, number > 0, known == nil, let pair = UserPair(encoded: key), isKnown(pair.low),
                isKnown(pair.high)
            {
                find(
                    .rowMissing, "conversations", row: "\(number)", users: [try name(pair.low), try name(pair.high)],
                    "the conversation has no members", effect: "its messages don't say who writes")
                lastConversation = max(lastConversation, number)
                return plan.put(.conversations, StoreKey.number(number), key)
            }
            guard plan.deleteUnlessPut(.pairs, key) else { return }
            find(
                .rowDamaged, "pairs", row: Self.hexadecimal(key), "not the members of a conversation",
                effect: "the two would begin another one")
        }
    }

    mutating func examineDevices() throws(StorageError) {
        try snapshot.rows(.devices) { (key, value) throws(StorageError) in
            let user = Self.number(Array(key.prefix(8)))
            let session = Self.number(value).map(SessionID.init(rawValue:))
            if let user, let session, key.count > 8, session.userNumber == user, isKnown(user) {
                // The session itself may be forgotten, when it has ended long ago. A row that is lost gets the number of the last session.
                let row = try image(user)
                if row == nil, session.serial > 0 { return }
                if let row, session.serial > 0, session.serial <= row.row.sessionSerial { return }
            }
            let device = String(decoding: key.dropFirst(8), as: UTF8.self)
            var owner = "?"
            if let user { owner = try name(user) }
            find(
                .rowDamaged, "devices", row: device, users: [owner], "it leads to no session of its user",
                effect: "the device gets no answer to its login")
            plan.delete(.devices, key)
            plan.losses.append(
                Loss(
                    kind: .device, position: nil, from: nil, to: [owner], time: nil, count: 1,
                    text: "the session of \(owner)'s device \(device): it begins a new one"))
        }
    }

    /// Counters that give numbers out must be above all that were.
    mutating func examineCounters() {
        for (row, last) in [(StoreMeta.nextUser, lastUser), (.nextConversation, lastConversation)] {
            guard let next = meta[row], next <= last else { continue }
            find(
                .countWrong, "meta", row: row.rawValue, "the next number is \(next), but \(last) has been given out",
                effect: "a number would be given out again")
        }
        if applied >= nextPosition {
            find(
                .storeAhead, "meta", position: applied, row: "appliedThrough",
                "the store has applied position \(applied.rawValue), but the journal ends before \(nextPosition.rawValue)",
                effect: "the gateway doesn't start: journal and store are of different moments")
            plan.nextPosition = Position(rawValue: applied.rawValue + 1)
        }
    }

    mutating func settleCounters() {
        plan.meta[.nextUser] = max(meta[.nextUser] ?? 1, lastUser + 1)
        plan.meta[.nextConversation] = max(meta[.nextConversation] ?? 1, lastConversation + 1)
        plan.meta[.appliedThrough] = applied.rawValue
        plan.meta[.checkpoints] = meta[.checkpoints]
        plan.meta[.time] = meta[.time] ?? plan.meta[.time] ?? 0
        plan.meta[.age] = max(meta[.age] ?? 0, plan.meta[.age] ?? 0)
        plan.meta[.trimmedThrough] = 0
        plan.meta[.ledgerCount] = UInt64(counts.ledgerRows)
    }
}

extension StoreMeta {
    /// Each is in every store that has had a checkpoint.
    static let required: [StoreMeta] = [.appliedThrough, .nextUser, .nextConversation, .time, .age, .trimmedThrough]
}

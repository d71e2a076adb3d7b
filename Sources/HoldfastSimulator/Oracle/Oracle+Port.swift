import HoldfastCore
import HoldfastWire

// What a backend and an operator were told by the gateway's port.
extension Oracle {
    /// A new text, about to be pushed.
    func makePush(to users: [String], size: Int) -> Int {
        texts.append(SentText(sender: nil, from: SimulatedBackend.user, to: users, givenAt: world.time, size: size))
        return texts.count - 1
    }

    func pushed(_ number: Int, at position: Position, _ refusals: [RefusalCode?]) {
        world.note("text \(number) is pushed at \(position.rawValue), \(refusals.count { $0 != nil }) refused")
        world.coverage.count("pushed")
        if refusals.contains(where: { $0 != nil }) { world.coverage.count("pushed, some refused") }
        // What is on the disk is noted when it is there, with who was refused.
        guard texts[number].position == position else {
            return world.fail("text \(number) is called pushed at \(position.rawValue), and the disk doesn't have it there")
        }
        if texts[number].refusals != refusals {
            world.fail("text \(number) is pushed with other refusals than the record has: \(refusals)")
        }
        texts[number].fate = .stored
    }

    func pushRefused(_ number: Int, _ code: RefusalCode) {
        world.note("text \(number) isn't pushed: \(code)")
        world.coverage.count("push refused \(code)")
        if code != .storageFull { world.fail("text \(number) isn't pushed: \(code)") }
        if texts[number].position != nil { world.fail("text \(number) is called refused and is on the disk") }
        texts[number].fate = .refused
    }

    func answered(_ found: UserSessions?) {
        world.coverage.count("asked for sessions")
        for session in found?.sessions ?? [] {
            // What was answered is still so after a crash.
            if let before = answeredCursors[session.id], session.cursor < before {
                world.fail(
                    "the cursor of session \(session.id.rawValue) was said to be \(before.rawValue) and is \(session.cursor.rawValue)")
            }
            answeredCursors[session.id] = session.cursor
        }
    }

    func answered(_ found: UserInbox?, for user: String, at position: Position) {
        world.coverage.count("asked for an inbox")
        if let found, found.messages > 0 { world.coverage.count("asked for an inbox that holds something") }
        // What a repair made of the records isn't known here.
        guard let inboxes else { return }
        let said = found.map { InboxHistory.Waiting(messages: $0.messages, bytes: $0.bytes) }
        let expected = inboxes.waiting(for: user, at: position)
        guard said != expected else { return }
        func describe(_ waiting: InboxHistory.Waiting?) -> String {
            waiting.map { "\($0.messages) messages, \($0.bytes) bytes" } ?? "no such user"
        }
        world.fail("\(user): \(describe(said)) were said to wait at \(position.rawValue); by the records it is \(describe(expected))")
    }

    /// Whoever asks for less has it from now on, whether the answer comes or not.
    func asksFor(_ request: HoldRequest) {
        switch request {
        case .set(let name, let hold): if let floor = holdFloors[name] { holdFloors[name] = max(floor, hold.floor) }
        case .release(let name): holdFloors[name] = nil
        }
    }

    /// - Parameters:
    ///   - floor: of the hold at the position, above which nothing may go.
    ///   - next: the first position that isn't on the disk.
    func held(_ request: HoldRequest, floor: Position, at position: Position, next: Position) {
        switch request {
        case .set(let name, let asked):
            world.coverage.count("hold set")
            world.note("\(name) holds what is above \(floor.rawValue), asked for \(asked.floor.rawValue)")
            if floor < asked.floor, asked.floor < next { world.fail("\(name) has a floor below what was asked for") }
            // It may have given way after that, in a batch that was on the disk before the answer was told.
            let later = gaveWayTo[name].flatMap { $0.at > position ? $0.floor : nil }
            holdFloors[name] = max(floor, later ?? .zero)
        case .release(let name):
            world.coverage.count("hold released")
            holdFloors[name] = nil
        }
    }

    /// The gateway has said that a hold gave way.
    func gaveWay(_ notice: HoldNotice) {
        world.coverage.count("hold gave way: \(notice.cause)")
        world.note("\(notice.name) gave way, \(notice.cause): from \(notice.from.rawValue) to \(notice.to.rawValue)")
        if gaveWayTo[notice.name]?.floor ?? .zero < notice.to {
            world.fail("\(notice.name) is said to have given way, and no record says so")
        }
    }

    /// A record says that a hold gave way: the process may end before anybody hears of it.
    func recorded(_ record: HoldRecord, at position: Position) {
        guard record.cause != .set, record.cause != .released else { return }
        gaveWayTo[record.name] = (record.hold.floor, position)
        if let floor = holdFloors[record.name] { holdFloors[record.name] = max(floor, record.hold.floor) }
    }

    func checkDeletions(_ deletions: ContiguousArray<Position>) {
        guard let last = deletions.last else { return }
        for (name, floor) in holdFloors.sorted(by: { $0.key < $1.key }) where last > floor {
            world.fail("the record at \(last.rawValue) is deleted, and \(name) holds what is above \(floor.rawValue)")
        }
    }

    func answered(_ page: UserPage) {
        world.coverage.count("asked for users")
        let numbers = page.users.map(\.number)
        if numbers != Array(1..<UInt64(numbers.count + 1)), !hasDamage, restoredAt == nil {
            world.fail("a page of users has holes: \(numbers)")
        }
        if Set(page.users.map(\.name)).count != numbers.count { world.fail("a page of users has a name twice") }
    }
}

package import HoldfastCore
package import HoldfastWire
internal import Synchronization

/// A door of the core for requests without a connection, those of backends and operators. It gives out reply numbers and credits, and hands each
/// answer to who waits for it: the core waits for nobody.
package final class CorePort: Sendable {
    /// What may be under way: rows that requests name, and bytes of their names and bodies. What exceeds it waits in order.
    static let creditsMax = 8_192
    static let bytesMax = 8 << 20
    /// Requests that may wait for credits; one more is refused.
    static let waitingMax = 1_024

    private struct State {
        var lastNumber: UInt64 = 0
        var credits = CorePort.creditsMax
        var bytes = CorePort.bytesMax
        var waiting = Line<WaitingBatch>()
        var waiters: [UInt64: Waiter] = [:]
        /// Of pushes, and of uploads, that are under way.
        var keys: Set<RequestKey> = []
        var isStopped = false
    }

    /// Commands that reach the core together, as soon as there are credits for all of them.
    private struct WaitingBatch {
        var batch: CommandBatch
        private(set) var credits = 0
        private(set) var bytes = 0

        init(door: Int) { batch = CommandBatch(door: door) }

        mutating func append(_ make: (inout CommandBatch) -> Command) {
            let command = make(&batch)
            batch.commands.append(command)
            credits += command.credits
            bytes += command.byteCount
        }
    }

    /// One of the answers that are told together.
    private struct Waiter {
        let group: AnswerGroup
        let index: Int
    }

    private typealias Told = Result<[PortAnswer], PortError>

    /// Answers that are told together. It changes under the port's lock; the continuation is resumed outside of it.
    private final class AnswerGroup {
        let continuation: CheckedContinuation<Told, Never>
        private var answers: [PortAnswer?]
        private var missing: Int

        init(count: Int, _ continuation: CheckedContinuation<Told, Never>) {
            self.continuation = continuation
            answers = Array(repeating: nil, count: count)
            missing = count
        }

        /// All answers, if this is the last one.
        func take(_ answer: PortAnswer, at index: Int) -> [PortAnswer]? {
            precondition(answers[index] == nil, "a command is answered once")
            answers[index] = answer
            missing -= 1
            return missing == 0 ? answers.compactMap(\.self) : nil
        }
    }

    private let door: Int
    private let post: @Sendable (CoreMessage) -> Void
    private let state = Mutex(State())
    private let commits = CommitSignal()

    /// - Parameters:
    ///   - door: behind those of the event loops.
    ///   - post: hands the core a message.
    init(door: Int, post: @escaping @Sendable (CoreMessage) -> Void) {
        self.door = door
        self.post = post
    }

    /// Stores a message of an account's for some users as one record, and answers when it is synced. A request whose key is known is answered by
    /// what became of it then.
    ///
    /// - Parameter key: of this request alone; `fingerprint` tells another request with the same key.
    /// - Throws: `.underWay` while another call has the key.
    package func push(_ push: PushRequest, key: RequestKey, fingerprint: UInt64) async throws(PortError) -> PortAnswer {
        try begin(key)
        defer { end(key) }
        try push.check()
        return try await answer { reply, batch in
            Self.command(push, reply, key, fingerprint: fingerprint, line: 0, order: reply, &batch)
        }
    }

    /// Begins to store many messages under one key, in their order.
    /// - Throws: `.underWay` while another call has the key.
    package func beginUpload(_ key: RequestKey) throws(PortError) -> Upload {
        try begin(key)
        return Upload(key: key, id: state.withLock { takeNumber(&$0) })
    }

    /// A line of an upload.
    package struct UploadLine: Sendable {
        package var push: PushRequest
        /// From 1; one that isn't the next is refused with `lineExpected`.
        package var number: UInt32
        /// Of all lines up to this one.
        package var hash: UInt64

        package init(_ push: PushRequest, number: UInt32, hash: UInt64) {
            precondition(number > 0, "lines are counted from 1")
            self.push = push
            self.number = number
            self.hash = hash
        }
    }

    /// Stores lines of an upload that follow each other. Several calls may be under way, in their order.
    /// - Returns: an answer for each line, when all are there.
    package func push(_ lines: [UploadLine], of upload: Upload) async throws(PortError) -> [PortAnswer] {
        for line in lines { try line.push.check() }
        guard !lines.isEmpty else { return [] }
        return try await answers(count: lines.count) { index, reply, batch in
            let line = lines[index]
            return Self.command(line.push, reply, upload.key, fingerprint: line.hash, line: line.number, order: upload.id, &batch)
        }
    }

    /// Others may use the upload's key now.
    package func end(_ upload: Upload) { end(upload.key) }

    private func begin(_ key: RequestKey) throws(PortError) {
        guard state.withLock({ $0.keys.insert(key).inserted }) else { throw .underWay }
    }

    private func end(_ key: RequestKey) { _ = state.withLock { $0.keys.remove(key) } }

    /// - Parameters:
    ///   - line: of an upload, from 1; 0: it is a single message.
    ///   - order: what commands that follow each other have in common.
    private static func command(
        _ push: PushRequest, _ reply: ReplyID, _ key: RequestKey, fingerprint: UInt64, line: UInt32, order: ReplyID,
        _ batch: inout CommandBatch
    ) -> Command {
        .push(
            PushCommand(
                reply: reply, order: OrderKey(order), account: batch.append(push.account),
                recipients: batch.append(names: push.recipients), recipientCount: push.recipients.count, mustExist: push.mustExist,
                key: key, fingerprint: fingerprint, line: line, timeToLive: push.timeToLive, isTracked: push.isTracked, kind: push.kind,
                tag: batch.append(push.tag), body: batch.append(push.body)))
    }

    /// What became of the request, or of the upload, with this key.
    package func request(_ key: RequestKey) async throws(PortError) -> PortAnswer {
        try await answer { reply, _ in .ask(reply, .request(key)) }
    }

    /// What became of the message at a position.
    package func message(at position: Position) async throws(PortError) -> PortAnswer {
        try await answer { reply, _ in .ask(reply, .message(position)) }
    }

    /// All that is known of the user with this name; `.userLost` when only a repair can tell of him.
    package func user(_ user: [UInt8]) async throws(PortError) -> PortAnswer { try await ask(of: user) { .user(user: $0) } }

    /// Whether each of the users with these names can be reached.
    /// - Parameter names: 1 to 1,000.
    package func reachability(of names: [[UInt8]]) async throws(PortError) -> PortAnswer {
        guard (1...MessageRecord.recipientsMax).contains(names.count) else {
            throw .invalid("\(names.count) users are named; 1 to \(MessageRecord.recipientsMax) can be")
        }
        for name in names { try Self.check(name) }
        return try await answer { reply, batch in .ask(reply, .reachability(batch.append(names: names), count: names.count)) }
    }

    /// A page of connected sessions.
    /// - Parameters:
    ///   - user: only this one's, all of them.
    ///   - from: what the last page said is next; 0: the first page.
    ///   - limit: 1 to 1,000.
    package func connections(of user: [UInt8]? = nil, from: Int = 0, limit: Int = 100) async throws(PortError) -> PortAnswer {
        guard (1...Self.pageMax).contains(limit) else { throw .invalid("a page has 1 to \(Self.pageMax) connections, not \(limit)") }
        if let user { try Self.check(user) }
        return try await answer { reply, batch in .ask(reply, .connections(user: user.map { batch.append($0) }, from: from, limit: limit)) }
    }

    /// The sessions of the user with this name; `.userLost` when only a repair can tell of him.
    package func sessions(of user: [UInt8]) async throws(PortError) -> PortAnswer { try await ask(of: user) { .sessions(user: $0) } }

    /// How many messages wait for the user with this name, and how many bytes of bodies; `.userLost` as for the sessions.
    package func inbox(of user: [UInt8]) async throws(PortError) -> PortAnswer { try await ask(of: user) { .inbox(user: $0) } }

    private func ask(of user: [UInt8], _ question: (ByteRange) -> Question) async throws(PortError) -> PortAnswer {
        try Self.check(user)
        return try await answer { reply, batch in .ask(reply, question(batch.append(user))) }
    }

    /// A page of users, by their numbers.
    /// - Parameters:
    ///   - number: what the last page said is next; 0: the first page.
    ///   - prefix: only those whose names begin with it; at most 255 bytes.
    ///   - limit: 1 to 1,000.
    package func users(after number: UInt64 = 0, prefix: [UInt8] = [], limit: Int = 100) async throws(PortError) -> PortAnswer {
        guard (1...Self.pageMax).contains(limit) else { throw .invalid("a page has 1 to \(Self.pageMax) users, not \(limit)") }
        guard prefix.count <= 255 else { throw .invalid("the prefix has \(prefix.count) bytes; it can have 255") }
        return try await answer { reply, batch in .ask(reply, .users(after: number, prefix: batch.append(prefix), limit: limit)) }
    }

    /// Sets a hold on the journal, moves its floor, or lets go of it.
    package func hold(_ request: HoldRequest) async throws(PortError) -> PortAnswer {
        try Self.check(request.name.id)
        return try await answer { reply, batch in .hold(reply, batch.append(request)) }
    }

    /// A page of events of the feed, of what is synced.
    /// - Parameters:
    ///   - place: the events that follow it.
    ///   - filter: its texts have at most 255 bytes each.
    ///   - consumer: the name of who asks; empty: it isn't a consumer.
    ///   - limit: 1 to 1,000.
    package func events(
        after place: FeedPlace, _ filter: FeedFilter, consumer: [UInt8] = [], limit: Int = 100, wantsBodies: Bool = false
    ) async throws(PortError) -> PortAnswer {
        guard (1...Self.pageMax).contains(limit) else { throw .invalid("a page has 1 to \(Self.pageMax) events, not \(limit)") }
        for text in [filter.user, filter.tag, consumer] { try Self.checkText(text, "a user, a tag or a consumer") }
        return try await answer { reply, batch in
            .ask(
                reply, batch.appendEvents(after: place, filter, consumer: consumer, limit: limit, wantsBodies: wantsBodies))
        }
    }

    /// A consumer of the feed has everything up to a position that is for a user, as a device of his: what no other device waits for leaves the inbox.
    /// - Parameter position: zero begins with the device, whose session the inbox waits for from then on.
    package func consume(user: [UInt8], device: [UInt8], through position: Position) async throws(PortError) -> PortAnswer {
        try Self.check(user)
        try Self.check(device)
        return try await answer { reply, batch in
            .consume(reply, batch.appendConsumed(user: user, device: device, through: position))
        }
    }

    /// Waits until something behind the position is synced, for a time at most, or until the task is cancelled or the gateway drains.
    package func waitForEvents(behind position: Position, atMost duration: Duration) async {
        await commits.wait(behind: position, atMost: duration)
    }

    /// Nobody waits for events any more: who does is woken, and who comes doesn't wait.
    func endWaits() { commits.stop() }

    /// Everything up to the position is synced. Called by the core's thread.
    func committed(through position: Position) { commits.advance(to: position) }

    /// All consumers of the feed.
    package func consumers() async throws(PortError) -> PortAnswer { try await answer { reply, _ in .ask(reply, .consumers) } }

    /// Does something to a user's access or connections, and answers when that is synced. What finds nothing to do is in the audit log, too.
    ///
    /// - Parameters:
    ///   - user: the name. Empty for an act on a session alone: its number says whose it is. Somebody who isn't known yet can be blocked.
    ///   - requestID: at most 255 bytes.
    package func act(_ act: Act, on user: [UInt8], by actor: Actor, requestID: [UInt8]) async throws(PortError) -> PortAnswer {
        switch act {
        case .revokeSession, .disconnectSession: if !user.isEmpty { try Self.check(user) }
        case .revokeDevice(let device):
            try Self.check(user)
            try Self.check(device)
        case .block(_, let reason):
            try Self.check(user)
            try Self.checkText(reason, "a reason")
        case .revokeTokens, .unblock, .disconnect: try Self.check(user)
        }
        if case .token(let subject) = actor { try Self.checkText(subject, "a token's subject") }
        try Self.checkText(requestID, "a request id")
        return try await answer { reply, batch in .act(reply, batch.append(act, on: user, by: actor, requestID: requestID)) }
    }

    /// A page of the audit log, the oldest first.
    /// - Parameters:
    ///   - position: rows of later acts only.
    ///   - limit: 1 to 1,000.
    package func audit(after position: Position = .zero, limit: Int = 100) async throws(PortError) -> PortAnswer {
        guard (1...Self.pageMax).contains(limit) else { throw .invalid("a page has 1 to \(Self.pageMax) rows, not \(limit)") }
        return try await answer { reply, _ in .ask(reply, .audit(after: position, limit: limit)) }
    }

    private static func checkText(_ text: [UInt8], _ what: String) throws(PortError) {
        guard text.count <= 255 else { throw .invalid("\(what) has \(text.count) bytes; it can have 255") }
    }

    private static let pageMax = 1_000

    fileprivate static func check(_ name: [UInt8]) throws(PortError) {
        guard (1...255).contains(name.count), !name.contains(0) else {
            throw .invalid("a name has \(name.count) bytes; it can have 1 to 255, none of them 0")
        }
    }

    /// Many messages under one key.
    package struct Upload: Sendable {
        fileprivate let key: RequestKey
        /// Keeps their order.
        fileprivate let id: ReplyID
    }

    private func takeNumber(_ state: inout State) -> ReplyID {
        state.lastNumber += 1
        return ReplyID(door: door, number: state.lastNumber)
    }

    /// Has a command carried out.
    /// - Parameter make: puts what the command names into its batch.
    private func answer(_ make: (ReplyID, inout CommandBatch) -> Command) async throws(PortError) -> PortAnswer {
        try await answers(count: 1) { _, reply, batch in make(reply, &batch) }[0]
    }

    /// Has commands carried out, one after the other, and waits for all of their answers.
    /// - Parameter make: puts what a command names into its batch.
    private func answers(
        count: Int, _ make: (Int, ReplyID, inout CommandBatch) -> Command
    ) async throws(PortError) -> [PortAnswer] {
        let first = state.withLock { state in
            defer { state.lastNumber += UInt64(count) }
            return state.lastNumber + 1
        }
        var made: [WaitingBatch] = []
        for index in 0..<count {
            // Each batch is a part of the credits, so that others find some, too.
            if made.last.map({ $0.credits >= Self.creditsMax / 8 || $0.bytes >= Self.bytesMax / 8 }) ?? true {
                made.append(WaitingBatch(door: door))
            }
            made[made.count - 1].append { make(index, ReplyID(door: door, number: first + UInt64(index)), &$0) }
        }
        for batch in made { try Self.check(batch) }
        let batches = made
        let result: Told = await withCheckedContinuation { continuation in
            let failure: PortError? = state.withLock { state in
                if state.isStopped { return .stopped }
                guard state.waiting.count + batches.count <= Self.waitingMax else { return .overloaded }
                let group = AnswerGroup(count: count, continuation)
                for index in 0..<count { state.waiters[first + UInt64(index)] = Waiter(group: group, index: index) }
                for batch in batches { state.waiting.append(batch) }
                return nil
            }
            if let failure { continuation.resume(returning: .failure(failure)) }
            postWaiting()
        }
        return try result.get()
    }

    /// What would never have credits must not wait for them.
    private static func check(_ batch: WaitingBatch) throws(PortError) {
        assert(batch.credits <= creditsMax, "a request needs credits for its rows, which have a limit")
        guard batch.bytes <= bytesMax else { throw .invalid("a request has \(batch.bytes) bytes; it can have \(bytesMax)") }
    }

    /// Hands the core what has credits. Under the lock, so that requests keep their order.
    private func postWaiting() {
        state.withLock { state in
            while let next = state.waiting.first, next.credits <= state.credits, next.bytes <= state.bytes {
                state.waiting.removeFirst()
                state.credits -= next.credits
                state.bytes -= next.bytes
                post(.commands(next.batch, done: nil))
            }
        }
    }

    /// What the core has for the port.
    func take(_ effects: EffectBatch) {
        assert(effects.effects.isEmpty, "a port has no connections")
        let answered = state.withLock { state in
            state.credits += effects.creditsReturned
            state.bytes += effects.bytesReturned
            return effects.replies.compactMap { reply -> (AnswerGroup, [PortAnswer])? in
                guard let waiter = state.waiters.removeValue(forKey: reply.id.number) else { return nil }
                return waiter.group.take(reply.answer, at: waiter.index).map { (waiter.group, $0) }
            }
        }
        for (group, answers) in answered { group.continuation.resume(returning: .success(answers)) }
        postWaiting()
    }

    /// For metrics.
    var figures: PortFigures {
        state.withLock { state in
            PortFigures(
                creditsLeft: state.credits, bytesLeft: state.bytes, waiting: state.waiting.count, underWay: state.waiters.count)
        }
    }

    /// Requests without credits.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// The core is gone: nobody is answered any more.
    func stop() {
        commits.stop()
        let left = state.withLock { state in
            state.isStopped = true
            defer { state.waiters = [:] }
            // Of a group several may wait.
            return Dictionary(state.waiters.values.map { (ObjectIdentifier($0.group), $0.group) }) { first, _ in first }
        }
        for group in left.values { group.continuation.resume(returning: .failure(.stopped)) }
    }
}

extension PushRequest {
    fileprivate func check() throws(PortError) {
        for name in [account] + recipients { try CorePort.check(name) }
        guard (1...MessageRecord.recipientsMax).contains(recipients.count) else {
            throw .invalid("\(recipients.count) recipients are named; 1 to \(MessageRecord.recipientsMax) can be")
        }
        guard tag.count <= 255 else { throw .invalid("the tag has \(tag.count) bytes; it can have 255") }
    }
}

/// Why a request has no answer.
package enum PortError: Error, Equatable, Sendable {
    /// What is wrong with it: which field, and what it may be.
    case invalid(String)
    /// Another request with the same key is under way.
    case underWay
    /// Too many wait already; later it may be answered.
    case overloaded
    /// The gateway stops, or its disk has failed. What became of the request isn't known.
    case stopped
}

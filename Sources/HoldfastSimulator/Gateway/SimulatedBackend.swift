import HoldfastCore
import HoldfastTestSupport
import HoldfastWire

/// A service that pushes, and an operator who asks, by the gateway's port. It keeps nothing, and knows only what it was answered.
final class SimulatedBackend {
    /// The account's user, who has no phone.
    static let user = "shop"

    private enum Request {
        case push(text: Int)
        case line(text: Int, number: UInt32)
        case upload(number: Int)
        case question
        case message(text: Int)
        case user(String)
        case inbox(user: String)
        case reachability([String])
        case hold(HoldRequest)
        case events(after: FeedPlace)
        case consumers
        case consume(through: Position)
        case act(Act)
        case audit(limit: Int)
    }

    private unowned let run: GatewayRun
    private let oracle: Oracle
    let door: Int
    private var lastNumber: UInt64 = 0
    private var requests: [UInt64: Request] = [:]

    init(_ run: GatewayRun, door: Int, _ oracle: Oracle) {
        self.run = run
        self.door = door
        self.oracle = oracle
    }

    /// A message, or the repeat of one: the same request with the same key.
    func push(_ text: Int) {
        var batch = CommandBatch(door: door)
        // All of them keep their order.
        append(text, newReply(.push(text: text)), key: Self.key(ofText: text), fingerprint: UInt64(text), line: 0, order: 0, to: &batch)
        run.post(.commands(batch, done: nil))
    }

    /// Goes on with the upload: the gateway says how far it is, and gets the next lines then.
    func upload() {
        var batch = CommandBatch(door: door)
        batch.commands.append(.ask(newReply(.upload(number: oracle.upload.number)), .request(Self.key(ofUpload: oracle.upload.number))))
        run.post(.commands(batch, done: nil))
    }

    private func send(linesAfter count: UInt32) {
        guard Int(count) <= oracle.upload.texts.count else {
            return run.world.fail("an upload of \(oracle.upload.texts.count) lines is said to have \(count) stored")
        }
        var batch = CommandBatch(door: door)
        for (index, text) in oracle.upload.texts.enumerated().dropFirst(Int(count)) {
            let line = UInt32(index + 1)
            append(
                text, newReply(.line(text: text, number: line)), key: Self.key(ofUpload: oracle.upload.number), fingerprint: UInt64(line),
                line: line, order: 1, to: &batch)
        }
        if !batch.commands.isEmpty { run.post(.commands(batch, done: nil)) }
    }

    static func key(ofText number: Int) -> RequestKey { RequestKey(high: 1, low: UInt64(number)) }

    static func key(ofUpload number: Int) -> RequestKey { RequestKey(high: 2, low: UInt64(number)) }

    private func append(
        _ number: Int, _ reply: ReplyID, key: RequestKey, fingerprint: UInt64, line: UInt32, order: UInt64, to batch: inout CommandBatch
    ) {
        let text = oracle.texts[number]
        let account = batch.append(Array(Self.user.utf8))
        let recipients = batch.append(names: text.to.map { Array($0.utf8) })
        batch.commands.append(
            .push(
                PushCommand(
                    reply: reply, order: OrderKey(ReplyID(door: door, number: order)), account: account, recipients: recipients,
                    recipientCount: text.to.count, mustExist: text.mustExist, key: key, fingerprint: fingerprint, line: line,
                    timeToLive: text.timeToLive, isTracked: text.isTracked, kind: .text, tag: 0..<0,
                    body: batch.append(TextBody.bytes(number, size: text.size)))))
    }

    /// Asks for one user's sessions and what waits for him, for a page of all users, for one message, for whoever is connected.
    func ask(_ user: String, limit: Int, text: Int?) {
        var batch = CommandBatch(door: door)
        let name = batch.append(Array(user.utf8))
        batch.commands.append(.ask(newReply(.question), .sessions(user: name)))
        batch.commands.append(.ask(newReply(.inbox(user: user)), .inbox(user: name)))
        batch.commands.append(.ask(newReply(.user(user)), .user(user: name)))
        batch.commands.append(.ask(newReply(.question), .users(after: 0, prefix: 0..<0, limit: limit)))
        batch.commands.append(.ask(newReply(.question), .connections(user: nil, from: 0, limit: limit)))
        let names = run.world.profile.users
        batch.commands.append(
            .ask(newReply(.reachability(names)), .reachability(batch.append(names: names.map { Array($0.utf8) }), count: names.count)))
        if let text, let position = oracle.texts[text].position {
            batch.commands.append(.ask(newReply(.message(text: text)), .message(position)))
        }
        batch.commands.append(.ask(newReply(.audit(limit: limit)), .audit(after: .zero, limit: limit)))
        run.post(.commands(batch, done: nil))
    }

    /// Sets, moves or releases one of a few holds.
    func hold(_ request: HoldRequest) {
        oracle.asksFor(request)
        var batch = CommandBatch(door: door)
        batch.commands.append(.hold(newReply(.hold(request)), batch.append(request)))
        run.post(.commands(batch, done: nil))
    }

    /// What the feed's consumer reads.
    func readEvents(after place: FeedPlace, limit: Int) {
        var batch = CommandBatch(door: door)
        let question = batch.appendEvents(
            after: place, FeedFilter(), consumer: Array(SimulatedConsumer.name.utf8), limit: limit, wantsBodies: false)
        batch.commands.append(.ask(newReply(.events(after: place)), question))
        run.post(.commands(batch, done: nil))
    }

    func consume(_ user: String, device: String, through position: Position) {
        var batch = CommandBatch(door: door)
        batch.commands.append(
            .consume(
                newReply(.consume(through: position)),
                batch.appendConsumed(user: Array(user.utf8), device: Array(device.utf8), through: position)))
        run.post(.commands(batch, done: nil))
    }

    func askConsumers() {
        var batch = CommandBatch(door: door)
        batch.commands.append(.ask(newReply(.consumers), .consumers))
        run.post(.commands(batch, done: nil))
    }

    /// Does something to a user; to a session alone where no name is given.
    func act(_ act: Act, on user: String) {
        var batch = CommandBatch(door: door)
        let command = batch.append(act, on: Array(user.utf8), by: .token(Array("operator".utf8)), requestID: Array("\(lastNumber)".utf8))
        batch.commands.append(.act(newReply(.act(act)), command))
        run.post(.commands(batch, done: nil))
    }

    private func newReply(_ request: Request) -> ReplyID {
        lastNumber += 1
        requests[lastNumber] = request
        return ReplyID(door: door, number: lastNumber)
    }

    /// What the core has for the port.
    func take(_ effects: EffectBatch) {
        for reply in effects.replies {
            if let position = reply.answer.position, position >= run.storage.nextPosition {
                run.world.fail("an answer is of position \(position.rawValue), which isn't on the disk")
            }
            guard let request = requests.removeValue(forKey: reply.id.number) else {
                run.world.fail("request \(reply.id.number) of the port is answered twice")
                continue
            }
            switch (request, reply.answer) {
            case (.push(let text), .pushed(let pushed)): oracle.pushed(text, pushed)
            case (.push(let text), .refused(let refusal)): oracle.pushRefused(text, refusal)
            case (.line(let text, _), .pushed(let pushed)): oracle.pushed(text, pushed)
            case (.line(let text, let number), .refused(let refusal)): oracle.lineRefused(text, number, refusal)
            case (.upload(let number), .request(let kept, _)):
                oracle.answered(upload: kept, number: number)
                // Another one may have begun since.
                if number == oracle.upload.number { send(linesAfter: kept?.lines ?? 0) }
            case (.question, .sessions(let found, _)): oracle.answered(found)
            case (.inbox(let user), .inbox(let found, let position)): oracle.answered(found, for: user, at: position)
            case (.user(let user), .user(let found, let position)): oracle.answered(found, of: user, at: position)
            case (.question, .users(let page, _)): oracle.answered(page)
            case (.question, .connections(let page, _)): oracle.answered(page)
            case (.reachability(let users), .reachability(let found, let position)): oracle.answered(found, for: users, at: position)
            case (.message(let text), .message(let status, _)): oracle.answered(status, of: text)
            case (.act(let act), .acted(let result, let position)): oracle.acted(act, result, at: position)
            case (.act, .userLost): run.world.coverage.count("act on a lost user")
            case (.audit(let limit), .audit(let page, let position)): oracle.answered(page, limit: limit, at: position)
            case (.hold(let request), .held(let floor, let position)):
                oracle.held(request, floor: floor, at: position, next: run.storage.nextPosition)
                if request.name == SimulatedConsumer.holdName { run.consumer.held(request, run) }
            case (.hold, .placeAhead), (.hold, .noConsumer), (.events, .placeAhead): run.consumer.refused()
            case (.events(let place), .events(let page, _)): run.consumer.take(page, after: place)
            case (.consume(let position), .consumed): oracle.consumed(through: position)
            case (.consume, .noConsumer): run.world.coverage.count("feed: consumer isn't registered")
            case (.consume, .tooManyDevices): run.world.coverage.count("feed: no room for a device")
            case (.consume, .userLost): run.world.coverage.count("act on a lost user")
            case (.consumers, .consumers(let consumers, _)): run.consumer.isToldOf(consumers)
            default: run.world.fail("request \(reply.id.number) of the port has another one's answer: \(reply.answer)")
            }
        }
    }

    /// Whether every request has its answer.
    var isAnswered: Bool { requests.isEmpty }
}

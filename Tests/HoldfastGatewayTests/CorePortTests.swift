import HoldfastCore
import HoldfastWire
import Synchronization
import TestTraits
import Testing

@testable import HoldfastGateway

/// A core that takes what a port posts and answers when it is told to.
private final class SlowCore: Sendable {
    private let batches = Mutex<[CommandBatch]>([])

    func post(_ message: CoreMessage) {
        if case .commands(let batch, _) = message { batches.withLock { $0.append(batch) } }
    }

    var taken: [CommandBatch] { batches.withLock { $0 } }

    /// Waits, without a clock, until so many requests were posted.
    func waitForRequests(_ count: Int) async {
        while taken.count < count { await Task.yield() }
    }

    /// The reply number of the first command of those that were posted together.
    func replyNumber(_ index: Int) -> UInt64 { if case .push(let push) = taken[index].commands[0] { push.reply.number } else { 0 } }

    /// Answers the request at a place in the order of posting.
    /// - Parameter number: which of those that were posted together.
    func answer(_ index: Int, number: Int = 0, _ port: CorePort) {
        let command = taken[index].commands[number]
        guard case .push(let push) = command else { return }
        var effects = EffectBatch()
        effects.replies = [Reply(id: push.reply, answer: .pushed(Pushed(position: Position(rawValue: push.reply.number), refusals: [nil])))]
        effects.creditsReturned = command.credits
        effects.bytesReturned = command.byteCount
        port.take(effects)
    }
}

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct CorePortTests {
    private let core = SlowCore()
    private let port: CorePort
    private static let lastKey = Atomic<UInt64>(0)

    init() {
        let core = core
        port = CorePort(door: 2) { core.post($0) }
    }

    private func push(_ port: CorePort, recipients: Int = 1, bodyBytes: Int = 4) -> Task<Result<PortAnswer, PortError>, Never> {
        Task {
            let names = (0..<recipients).map { Array("u\($0)".utf8) }
            do throws(PortError) {
                return .success(
                    try await port.push(
                        PushRequest(
                            from: Array("shop".utf8), to: names, kind: .text, body: [UInt8](repeating: 7, count: bodyBytes)),
                        key: RequestKey(high: 0, low: Self.lastKey.add(1, ordering: .relaxed).newValue), fingerprint: 0))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test func `each request has its own answer, in whatever order they come`() async {
        var requests: [Task<Result<PortAnswer, PortError>, Never>] = []
        for index in 0..<3 {
            requests.append(push(port))
            await core.waitForRequests(index + 1)
        }
        for index in [2, 0, 1] { core.answer(index, port) }
        for (index, request) in requests.enumerated() {
            #expect(await request.value == .success(.pushed(Pushed(position: Position(rawValue: UInt64(index + 1)), refusals: [nil]))))
        }
    }

    @Test func `what has no credits waits in its order, and one that may not wait is refused`() async {
        // Eight of a thousand recipients take 8,008 of 8,192 credits.
        var requests: [Task<Result<PortAnswer, PortError>, Never>] = []
        for index in 0..<8 {
            requests.append(push(port, recipients: 1_000))
            await core.waitForRequests(index + 1)
        }
        let waiting = push(port, recipients: 1_000)
        while port.waitingCount < 1 { await Task.yield() }
        // It has room, but the one before it has none.
        var others = [push(port)]
        while port.waitingCount < 2 { await Task.yield() }
        #expect(core.taken.count == 8)
        for index in 2..<CorePort.waitingMax {
            others.append(push(port))
            while port.waitingCount < index + 1 { await Task.yield() }
        }
        #expect(await push(port).value == .failure(.overloaded))
        core.answer(0, port)
        await core.waitForRequests(9)
        #expect(core.taken[8].commands[0].credits == 1_001)
        core.answer(1, port)
        await core.waitForRequests(10)
        for index in 2..<8 { core.answer(index, port) }
        port.stop()
        _ = await waiting.value
        for request in others { _ = await request.value }
    }

    private func push(lines: Int, recipients: Int = 1, of upload: CorePort.Upload) -> Task<Result<[PortAnswer], PortError>, Never> {
        let names = (0..<recipients).map { Array("u\($0)".utf8) }
        let message = PushRequest(from: Array("shop".utf8), to: names, kind: .text, body: [7])
        let lines = (1...lines).map { CorePort.UploadLine(message, number: UInt32($0), hash: UInt64($0)) }
        return Task {
            do throws(PortError) { return .success(try await port.push(lines, of: upload)) } catch { return .failure(error) }
        }
    }

    @Test func `lines that come together go together, and are told together in their order`() async throws {
        let upload = try port.beginUpload(RequestKey(high: 9, low: 9))
        let pushed = push(lines: 3, of: upload)
        await core.waitForRequests(1)
        #expect(core.taken[0].commands.count == 3)
        for number in [2, 0, 1] { core.answer(0, number: number, port) }
        let first = core.replyNumber(0)
        #expect(
            try await pushed.value.get()
                == (0..<3).map { .pushed(Pushed(position: Position(rawValue: first + $0), refusals: [nil])) })
        #expect(port.figures.creditsLeft == CorePort.creditsMax && port.figures.bytesLeft == CorePort.bytesMax)
        // Lines for many take a part of the credits at a time.
        let many = push(lines: 16, recipients: 1_000, of: upload)
        await core.waitForRequests(5)
        #expect(core.taken[1...].map(\.commands.count) == [2, 2, 2, 2] && port.waitingCount == 4)
        port.stop()
        #expect(await many.value == .failure(.stopped))
        #expect(await push(lines: 1, of: upload).value == .failure(.stopped))
    }

    @Test func `who waits when the gateway stops, or comes later, is told so`() async {
        let early = push(port)
        await core.waitForRequests(1)
        port.stop()
        #expect(await early.value == .failure(.stopped))
        #expect(await push(port).value == .failure(.stopped))
        // An answer that comes all the same is nobody's.
        core.answer(0, port)
    }

    @Test(arguments: [0, 1_001]) func `how many users a request may name is checked here`(recipients: Int) async {
        guard case .failure(.invalid(let text)) = await push(port, recipients: recipients).value else { return #expect(Bool(false)) }
        #expect(text.contains("\(recipients) recipients") && text.contains("1000"))
        #expect(core.taken.isEmpty)
    }

    @Test func `names, tags, pages and bodies beyond their limits are refused with the limit`() async {
        let key = RequestKey(high: 0, low: 0)
        let long = [UInt8](repeating: 97, count: 256)
        await #expect(throws: PortError.self) {
            try await port.push(
                PushRequest(from: [], to: [[97]], kind: .text, body: []), key: key, fingerprint: 0)
        }
        await #expect(throws: PortError.self) {
            try await port.push(
                PushRequest(from: [97], to: [long], kind: .text, body: []), key: key, fingerprint: 0)
        }
        await #expect(throws: PortError.self) {
            try await port.push(
                PushRequest(from: [97], to: [[97, 0]], kind: .text, body: []), key: key, fingerprint: 0)
        }
        await #expect(throws: PortError.self) {
            try await port.push(
                PushRequest(from: [97], to: [[97]], kind: .text, body: [], tag: long), key: key, fingerprint: 0)
        }
        await #expect(throws: PortError.self) { try await port.inbox(of: long) }
        await #expect(throws: PortError.self) { try await port.users(limit: 0) }
        guard case .failure(.invalid(let text)) = await push(port, bodyBytes: CorePort.bytesMax).value else { return #expect(Bool(false)) }
        #expect(text.contains("\(CorePort.bytesMax)"))
        #expect(core.taken.isEmpty)
    }

    // MARK: A whole gateway

    @Test func `a push reaches a phone that is there, and questions are answered`() async throws {
        let gateway = try await TestGateway()
        let (bob, _) = try await gateway.connect("bob")
        let port = try #require(gateway.gateway.port)
        let push = PushRequest(
            from: Array("shop".utf8), to: ["bob", "cat"].map { Array($0.utf8) }, kind: .text, body: Array("sent".utf8),
            tag: Array("order".utf8))
        let answer = try await port.push(push, key: RequestKey(high: 1, low: 2), fingerprint: 3)
        guard case .pushed(let pushed) = answer, pushed.refusals == [nil, nil] else { throw Unexpected(nil) }
        let position = pushed.position
        #expect(try bob.receive(1).map(\.text) == ["sent"])
        guard case .sessions(let found?, let at) = try await port.sessions(of: Array("bob".utf8)) else { throw Unexpected(nil) }
        #expect(found.sessions.map(\.isConnected) == [true] && at >= position)
        guard case .users(let page, _) = try await port.users(limit: 2) else { throw Unexpected(nil) }
        #expect(page.users.map { String(decoding: $0.name, as: UTF8.self) } == ["bob", "shop"] && page.next != nil)
        try await gateway.restart()
        await #expect(throws: PortError.stopped) { try await port.users() }
        let (cat, _) = try await gateway.connect("cat")
        #expect(try cat.receive(1).map(\.text) == ["sent"])
        await gateway.stop()
    }

    @Test func `what waits for a user is counted until his phone has acknowledged it`() async throws {
        let gateway = try await TestGateway()
        let (bob, _) = try await gateway.connect("bob")
        var port = try #require(gateway.gateway.port)
        let answer = try await port.push(
            PushRequest(from: Array("shop".utf8), to: ["bob", "cat"].map { Array($0.utf8) }, kind: .text, body: Array("sent".utf8)),
            key: RequestKey(high: 1, low: 2), fingerprint: 3)
        guard case .pushed(let pushed) = answer else { throw Unexpected(nil) }
        let position = pushed.position
        for name in ["bob", "cat"] {
            guard case .inbox(let inbox?, let at) = try await port.inbox(of: Array(name.utf8)) else { throw Unexpected(nil) }
            #expect(inbox.messages == 1 && inbox.bytes == 4 && at >= position)
        }
        guard case .inbox(nil, _) = try await port.inbox(of: Array("dan".utf8)) else { throw Unexpected(nil) }
        #expect(try bob.receive(1).map(\.position) == [position])
        try bob.send { ClientFrameWriter.acknowledge(position, to: &$0) }
        // Behind the acknowledgement, on the same connection: when it is stored, that has been taken.
        try bob.sendTo("cat", "answer", 1)
        #expect(try bob.waitForSent(1))
        guard case .inbox(let inbox?, let at) = try await port.inbox(of: Array("bob".utf8)) else { throw Unexpected(nil) }
        #expect(inbox.messages == 0 && inbox.bytes == 0 && at > position)
        // From the disk.
        try await gateway.restart()
        port = try #require(gateway.gateway.port)
        for (name, messages, bytes) in [("bob", 0, 0), ("cat", 2, 10)] {
            guard case .inbox(let inbox?, _) = try await port.inbox(of: Array(name.utf8)) else { throw Unexpected(nil) }
            #expect(inbox.messages == messages && inbox.bytes == bytes)
        }
        await gateway.stop()
    }
}

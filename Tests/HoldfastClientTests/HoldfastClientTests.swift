import HoldfastWire
import Synchronization
import Testing

@testable import HoldfastClient

@Suite(.timeLimit(.minutes(10))) struct HoldfastClientTests {
    private let transport = MemoryTransport()

    private func configuration(_ change: (inout ClientConfiguration) -> Void = { _ in }) -> ClientConfiguration {
        var configuration = ClientConfiguration(
            endpoint: ClientEndpoint(host: "127.0.0.1", port: 7400), user: "alice", device: "phone")
        configuration.backoffBaseMilliseconds = 1
        configuration.backoffMaxMilliseconds = 20
        configuration.acknowledgementDelayMilliseconds = 1
        change(&configuration)
        return configuration
    }

    private func makeClient(
        storage: (any StateStorage)? = nil, _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) throws -> HoldfastClient {
        try HoldfastClient(configuration: configuration(change), transport: transport, stateStorage: storage) { "token" }
    }

    /// Takes this many elements.
    private func take(_ count: Int, from client: HoldfastClient) async -> [String] {
        var texts: [String] = []
        for await element in client.messages {
            if case .message(let message) = element {
                texts.append("\(message.from ?? "?"): \(String(decoding: message.body, as: UTF8.self))")
            }
            if texts.count == count { break }
        }
        return texts
    }

    @Test func `send returns when the message is stored`() async throws {
        let client = try makeClient()
        #expect(try await client.connect() == .begun)
        #expect(try await client.send(Array("one".utf8), to: .user("bob")).sequence == 1)
        #expect(try await client.send(Array("two".utf8), to: .user("bob")).sequence == 2)
        #expect(transport.state.withLock { $0.gateway.taken } == ["one", "two"])
        try await client.close()
    }

    @Test func `many sends at once keep their order and share syncs`() async throws {
        let storage = FaultyStorage()
        let client = try makeClient(storage: storage)
        try await client.connect()
        let before = storage.syncs
        let messages = (1...200).map { OutgoingMessage(body: Array("m\($0)".utf8), to: .user("bob")) }
        for (index, pending) in try await client.enqueue(contentsOf: messages).enumerated() {
            #expect(try await pending.receipt().sequence == UInt64(index) + 1)
        }
        #expect(transport.state.withLock { $0.gateway.taken } == (1...200).map { "m\($0)" })
        #expect(storage.syncs - before < 150, "five are in flight at a time")
        try await client.close()
    }

    @Test func `messages come in order and are acknowledged when the next one is asked for`() async throws {
        let client = try makeClient()
        try await client.connect()
        for index in 1...30 { transport.push("m\(index)", from: "bob") }
        #expect(await take(30, from: client) == (1...30).map { "bob: m\($0)" })
        let (cursor, positions) = transport.state.withLock { ($0.gateway.cursor, $0.gateway.stream.map(\.position)) }
        #expect(cursor >= positions[15], "more than the credit came, so acknowledgements went out")
        #expect(cursor < positions[29], "the last one taken is not dealt with")
        try await client.close()
    }

    @Test func `without acknowledgements the stream stops at the credit`() async throws {
        let client = try makeClient { $0.acknowledgesAutomatically = false }
        try await client.connect()
        for index in 1...30 { transport.push("m\(index)", from: "bob") }
        let credit = transport.state.withLock { $0.gateway.credit }
        #expect(await take(credit, from: client).count == credit)
        // An answer to this can't overtake a delivery.
        try await client.send([1], to: .user("bob"))
        let position = transport.state.withLock { $0.gateway.stream[credit - 1].position }
        #expect(transport.state.withLock { $0.gateway.cursor } == 100)
        await client.acknowledge(through: position)
        #expect(await take(credit, from: client).first == "bob: m\(credit + 1)")
        try await client.close()
    }

    // REQ-CODE-4
    @Test func `a broken connection is made again and nothing is lost or doubled`() async throws {
        let client = try makeClient()
        try await client.connect()
        for round in 1...5 {
            for index in 1...10 { transport.push("m\(round).\(index)", from: "bob") }
            transport.cut()
            try await client.send(Array("s\(round)".utf8), to: .user("bob"))
        }
        let texts = await take(50, from: client)
        #expect(texts == (1...5).flatMap { round in (1...10).map { "bob: m\(round).\($0)" } })
        #expect(transport.state.withLock { $0.gateway.taken } == (1...5).map { "s\($0)" })
        #expect(transport.state.withLock { $0.gateway.errors }.isEmpty)
        try await client.close()
    }

    @Test func `an answer that lies in the socket when its deadline comes counts`() async throws {
        transport.state.withLock { $0.isHeld = true }
        let client = try makeClient { $0.connectTimeoutMilliseconds = 50 }
        #expect(try await client.connect() == .begun)
        #expect(transport.state.withLock { $0.endpoints.count } == 1, "WELCOME came with the deadline, and no second attempt was made")
        transport.state.withLock { $0.isHeld = false }
        try await client.close()
    }

    @Test func `the outbox outlives the client`() async throws {
        let storage = FaultyStorage()
        transport.state.withLock { $0.isDown = true }
        let first = try makeClient(storage: storage)
        #expect(first.recovery == .fresh)
        _ = try await first.enqueue(Array("kept".utf8), to: .user("bob"), tag: SendTag(high: 1, low: 2))
        try await first.close()
        transport.state.withLock { $0.isDown = false }
        let second = try makeClient(storage: storage)
        #expect(second.recovery == .loaded)
        #expect(second.inputs == InputProgress(count: 1, lastTag: SendTag(high: 1, low: 2)))
        let pending = try #require(second.pendingSends.first)
        #expect(pending.tag == SendTag(high: 1, low: 2) && pending.inputNumber == 1)
        try await second.connect()
        #expect(try await pending.receipt().sequence == 1)
        #expect(second.pendingSends.isEmpty)
        try await second.close()
    }

    @Test func `the state of the connection is told, the present one first`() async throws {
        let client = try makeClient()
        var states = client.connectionStates.makeAsyncIterator()
        #expect(await states.next() == .disconnected)
        try await client.connect()
        #expect(await states.next() == .connecting)
        #expect(await states.next() == .connected)
        try await client.close()
        #expect(await states.next() == .disconnected)
        #expect(await states.next() == nil, "each change is told once")
    }

    @Test func `a gateway that doesn't want the client ends connect with the reason`() async throws {
        transport.state.withLock { $0.closesWith = .tokenInvalid }
        let client = try makeClient()
        await #expect {
            try await client.connect()
        } throws: {
            let error = $0 as? ClientError
            return error?.code == .stopped && error?.stopReason == .unauthorized(code: 20) && error?.message.contains("said why") == true
        }
        #expect(client.connectionState == .stopped(.unauthorized(code: 20)))
        transport.state.withLock { $0.closesWith = nil }
        #expect(try await client.connect() == .begun)
        try await client.close()
    }

    @Test func `after close the sequences end and calls fail`() async throws {
        let client = try makeClient()
        try await client.connect()
        try await client.close()
        #expect(await take(1, from: client) == [])
        await #expect(throws: SendError(.closed)) { try await client.send([1], to: .user("bob")) }
        await #expect(throws: ClientError.self) { try await client.connect() }
    }

    @Test func `a cancelled wait ends`() async throws {
        transport.state.withLock { $0.isDown = true }
        let client = try makeClient()
        let connecting = Task { try await client.connect() }
        let sending = Task { try await client.send([1], to: .user("bob")) }
        connecting.cancel()
        sending.cancel()
        await #expect(throws: ClientError.self) { try await connecting.value }
        await #expect(throws: SendError(.closed)) { try await sending.value }
        try await client.close()
    }

    @Test func `a full outbox makes the caller wait, and is emptied by the gateway`() async throws {
        let client = try makeClient { $0.outboxMessagesMax = 3 }
        let sending = Task {
            for index in 1...20 { _ = try await client.enqueue(Array("m\(index)".utf8), to: .user("bob")) }
        }
        try await client.connect()
        try await sending.value
        try await client.send(Array("last".utf8), to: .user("bob"))
        #expect(transport.state.withLock { $0.gateway.taken } == (1...20).map { "m\($0)" } + ["last"])
        try await client.close()
    }

    @Test func `when the state can't be written nothing is promised any more`() async throws {
        let storage = FaultyStorage()
        let client = try makeClient(storage: storage)
        try await client.connect()
        storage.failFromNow()
        await #expect(throws: SendError(.stateUnwritable, FaultyStorage.reason)) { try await client.send([1], to: .user("bob")) }
        #expect(client.connectionState == .stopped(.stateUnwritable(FaultyStorage.reason)))
        await #expect(throws: SendError(.stateUnwritable, FaultyStorage.reason), "the cause is told to whoever comes later, too") {
            try await client.send([2], to: .user("bob"))
        }
        await #expect { try await client.connect() } throws: {
            ($0 as? ClientError)?.code == .stateUnusable && ($0 as? ClientError)?.message == FaultyStorage.reason
        }
        #expect(transport.state.withLock { $0.gateway.taken }.isEmpty, "it was not sent either")
    }

    @Test func `damaged state is set aside and told`() async throws {
        let storage = FaultyStorage()
        storage.setFile("client.state", Array("garbage".utf8))
        let client = try makeClient(storage: storage)
        var notices = client.notices.makeAsyncIterator()
        guard case .damaged(let name, let reason) = client.recovery else {
            Issue.record("\(client.recovery)")
            return
        }
        #expect(await notices.next() == .stateDamaged(setAside: name, reason: reason))
        #expect(name == "client.state.damaged-1" && !reason.isEmpty)
        #expect(storage.file("client.state.damaged-1") == Array("garbage".utf8))
        try await client.close()
    }

    @Test func `a token that can't be had is asked for again`() async throws {
        let calls = Mutex(0)
        let client = try HoldfastClient(configuration: configuration(), transport: transport, stateStorage: nil) {
            let call = calls.withLock { calls -> Int in
                calls += 1
                return calls
            }
            if call < 3 { throw SendError(.unknown, "the issuer sleeps") }
            return "token\n"
        }
        try await client.connect()
        #expect(calls.withLock { $0 } == 3)
        var notices = client.notices.makeAsyncIterator()
        #expect(await notices.next() == .tokenUnavailable("unknown: the issuer sleeps"))
        try await client.close()
    }

    @Test func `a reader that is cancelled takes nothing with it, and the next one goes on`() async throws {
        let client = try makeClient { $0.acknowledgesAutomatically = false }
        try await client.connect()
        let first = Task { await take(1, from: client) }
        first.cancel()
        #expect(await first.value == [])
        for index in 1...3 { transport.push("m\(index)", from: "bob") }
        #expect(await take(2, from: client) == ["bob: m1", "bob: m2"])
        #expect(await take(1, from: client) == ["bob: m3"])
        try await client.close()
    }

    @Test func `a second reader, while the first still reads, stops the process and says why`() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let messages = IncomingMessages(source: OneReader("messages"), acknowledge: nil)
            let first = messages.makeAsyncIterator()
            let second = messages.makeAsyncIterator()
            withExtendedLifetime((first, second)) {}
        }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.contains("HoldfastClient.messages is being read already"))
    }

    @Test func `what nobody reads is bounded where it is to be`() async {
        let source = OneReader<Int>("numbers", elementsMax: 3)
        for number in 1...5 { source.yield(number) }
        source.finish()
        source.yield(6)
        let claim = OneReader.Claim(source)
        #expect(await [claim.next(), claim.next(), claim.next(), claim.next()] == [3, 4, 5, nil])
    }

    @Test func `a client without state begins, although a session of its device has ended`() async throws {
        transport.state.withLock { $0.gateway.outcomeWithoutState = .begunEnded }
        let client = try makeClient()
        #expect(try await client.connect() == .begun)
        try await client.close(.logout)
    }

    @Test func `names that the protocol can't carry are refused`() {
        #expect(throws: ClientError.self) { try makeClient { $0.user = "" } }
        #expect(throws: ClientError.self) { try makeClient { $0.device = String(repeating: "x", count: 65) } }
    }

    @Test func `an address is taken apart`() {
        let endpoint = ClientEndpoint(host: "a", port: 1, tls: ClientEndpoint.TLSOptions(serverName: "a"))
        #expect(endpoint.moved(to: "b:2").host == "b")
        #expect(endpoint.moved(to: "[::1]:7443").host == "::1")
        #expect(endpoint.moved(to: "[::1]:7443").port == 7443)
        #expect(endpoint.moved(to: "b:2").tls?.serverName == "a")
        for address in ["b", "b:x", ":5", ""] { #expect(endpoint.moved(to: address) == endpoint) }
    }
}

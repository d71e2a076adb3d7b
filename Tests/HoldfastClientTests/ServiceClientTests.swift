import Foundation
import HoldfastWire
import Synchronization
import Testing

@testable import HoldfastClient

/// A backend's client: a state in RAM, and many messages that wait for their answers.
@Suite(.timeLimit(.minutes(10))) struct ServiceClientTests {
    private let transport = MemoryTransport()
    private let gateway = ClientEndpoint(host: "127.0.0.1", port: 7400)

    private func makeClient(unansweredMax: Int) throws -> HoldfastClient {
        var configuration = ClientConfiguration.service("shop", instance: "worker-1", endpoint: gateway, unansweredMax: unansweredMax)
        configuration.backoffBaseMilliseconds = 1
        configuration.backoffMaxMilliseconds = 20
        return try HoldfastClient(configuration: configuration, transport: transport) { "token" }
    }

    @Test func `the example of README stores everything, in order`() async throws {
        let orders = (1...100).map { (customer: "customer\($0 % 7)", text: "order \($0) has left") }
        try await tell(orders, through: gateway, over: transport, token: { "token" })
        #expect(transport.state.withLock { $0.gateway.taken } == orders.map(\.text))
    }

    @Test func `the example of README is the one that is tested`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let test = try String(contentsOfFile: #filePath, encoding: .utf8)
        let example = try #require(readme.split(separator: "```swift\n").dropFirst().first?.split(separator: "```").first)
        #expect(test.hasSuffix("\n" + example))
    }

    @Test func `no more messages wait for an answer than the window has, over cuts of the connection`() async throws {
        let client = try makeClient(unansweredMax: 10)
        try await client.connect()
        let texts = (1...200).map { "m\($0)" }
        let waiting = try await withThrowingTaskGroup(of: Void.self) { answers in
            var waiting = 0
            for (index, text) in texts.enumerated() {
                let pending = try await client.enqueue(Array(text.utf8), to: .user("bob"))
                waiting = max(waiting, client.pendingSends.count)
                answers.addTask { _ = try await pending.receipt() }
                if index % 50 == 25 { transport.cut() }
            }
            try await answers.waitForAll()
            return waiting
        }
        #expect(transport.state.withLock { $0.gateway.taken } == texts)
        #expect(waiting <= 10)
        try await client.close()
    }

    @Test func `without an answer there is no room for more`() async throws {
        let client = try makeClient(unansweredMax: 3)
        // Nobody connects: nothing is answered.
        for text in ["one", "two", "three"] { _ = try await client.enqueue(Array(text.utf8), to: .user("bob")) }
        let fourth = Task { try await client.enqueue(Array("four".utf8), to: .user("bob")).receipt() }
        #expect(client.pendingSends.count == 3)
        try await client.connect()
        _ = try await fourth.value
        #expect(transport.state.withLock { $0.gateway.taken } == ["one", "two", "three", "four"])
        try await client.close()
    }

    @Test func `what had no answer ends with the client`() async throws {
        let first = try makeClient(unansweredMax: 3)
        let pending = try await first.enqueue(Array("one".utf8), to: .user("bob"))
        try await first.close()
        await #expect(throws: SendError.self) { try await pending.receipt() }
        let second = try makeClient(unansweredMax: 3)
        #expect(second.recovery == .fresh)
        #expect(second.pendingSends.isEmpty)
        try await second.connect()
        try await second.send(Array("two".utf8), to: .user("bob"))
        #expect(transport.state.withLock { $0.gateway.taken } == ["two"])
        try await second.close()
    }
}

/// Tells customers of their orders; returns when all of it is on the gateway's disk.
func tell(
    _ orders: [(customer: String, text: String)], through gateway: ClientEndpoint, over transport: any ClientTransport,
    token: @escaping @Sendable () async throws -> String
) async throws {
    let configuration = ClientConfiguration.service("shop", instance: "worker-1", endpoint: gateway, unansweredMax: 500)
    let client = try HoldfastClient(configuration: configuration, transport: transport, token: token)
    try await client.connect()
    try await withThrowingDiscardingTaskGroup { answers in
        for order in orders {
            // Waits while 500 have no answer.
            let pending = try await client.enqueue(Array(order.text.utf8), kind: .card, to: .user(order.customer))
            answers.addTask { _ = try await pending.receipt() }
        }
    }
    try await client.close()
}

import Foundation
import HoldfastCore
import HoldfastIO
import HoldfastTestSupport
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// What the gateway does when the disk fails under it, and what may never happen then.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct GatewayFailureTests {
    /// A gateway whose disk is a storage in memory.
    private struct Parts {
        let folder: TemporaryFolder
        let storage: MemoryStorage
        let stop: StopSignal
        let exitCode: Completion<Int32>
        let port: UInt16
        let issuer: TokenIssuer
    }

    private func start() async throws -> Parts {
        let folder = try TemporaryFolder()
        var configuration = Configuration()
        configuration.data = folder.path
        configuration.listen = ["127.0.0.1:0"]
        configuration.tlsListen = []
        configuration.drainSeconds = 0
        let storage = MemoryStorage()
        let stop = StopSignal()
        let identity = try await Identity(configuration, wallSeconds: SystemClock.wallMilliseconds() / 1000, .silent)
        let running = try RunningGateway(configuration, storage: storage, identity: identity, stop: stop, logger: .silent)
        let port = try #require(running.addresses.tcp.first?.port)
        let exitCode = Completion<Int32>()
        let supervisor = Supervisor(running)
        _ = try startThread(name: "supervisor") { exitCode.fulfil(supervisor.run()) }
        let secret = try #require(TokenSecret.read(TokenSecret.developmentKeyPath(data: folder.path)))
        return Parts(
            folder: folder, storage: storage, stop: stop, exitCode: exitCode, port: port, issuer: try await TokenIssuer(secret: secret))
    }

    private func connect(_ parts: Parts, _ user: String) async throws -> RawClient {
        let token = Array(try await parts.issuer.issue(user: user, now: UInt64(Date().timeIntervalSince1970), lifetimeSeconds: 60).utf8)
        let device = Array("phone".utf8)
        let client = try RawClient(port: parts.port)
        try client.send {
            ClientFrameWriter.hello(isSendOnly: false, token: token.span, device: device.span, user: [UInt8]().span, state: nil, to: &$0)
        }
        let frame = try client.next()
        guard case .welcome? = frame else { throw Unexpected(frame) }
        return client
    }

    @Test(arguments: [MemoryStorage.CommitFault.lost, .stored])
    func `a commit that fails is acknowledged to nobody and ends the gateway with its code`(_ fault: MemoryStorage.CommitFault) async throws
    {
        let parts = try await start()
        let alice = try await connect(parts, "alice")
        let bob = try await connect(parts, "bob")
        try alice.sendTo("bob", "stored", 1)
        #expect(try alice.waitForSent(1))
        #expect(try bob.receive(1).map(\.text) == ["stored"])
        parts.storage.failNextCommit(fault)
        try alice.sendTo("bob", "lost or not", 2)
        #expect(await parts.exitCode.value() == StorageError(.system, "").exitCode)
        #expect(try !alice.waitForSent(2))
        var isToldToComeBack = false
        while let frame = try bob.next() {
            if case .deliver = frame { Issue.record("delivered what isn't stored") }
            if case .closed(let closed) = frame { isToldToComeBack = closed.code == .goingAway }
        }
        #expect(isToldToComeBack)
        #expect(throws: (any Error).self) { try RawClient(port: parts.port) }
    }

    @Test func `on a disk that is nearly full messages are refused and deliveries go on`() async throws {
        let parts = try await start()
        let alice = try await connect(parts, "alice")
        try alice.sendTo("bob", "before", 1)
        #expect(try alice.waitForSent(1))
        parts.storage.setSpaceLow(true)
        // The core hears of it with its next tick; until then messages are still taken.
        var sequence: UInt64 = 2
        var refusal: RefusalCode?
        while refusal == nil {
            try alice.sendTo("bob", "more", sequence)
            var isAnswered = false
            while !isAnswered {
                let frame = try alice.next()
                switch frame {
                case .refused(let refused)?:
                    refusal = refused.code
                    isAnswered = true
                case .sent(let through, _)? where through.rawValue == UInt8(truncatingIfNeeded: sequence): isAnswered = true
                case nil: throw Unexpected(frame)
                default: break
                }
            }
            sequence += 1
        }
        #expect(refusal == .storageFull)
        let bob = try await connect(parts, "bob")
        #expect(try bob.receive(1).first?.text == "before")
        alice.disconnect()
        bob.disconnect()
        parts.stop.drain()
        #expect(await parts.exitCode.value() == 0)
    }
}

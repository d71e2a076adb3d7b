import Foundation
import Glibc
import HoldfastIO
import Testing

@testable import holdfast_load

/// The fleet that drives every server, against one that sends back what it gets.
@Suite(.timeLimit(.minutes(10))) struct PeerFleetTests {
    /// Sends everything back; a connection that begins with 2 is closed.
    private final class Mirror: EventLoopDelegate {
        let loop: EventLoop
        let port: UInt16
        private var thread: ThreadHandle?

        init() throws {
            loop = try EventLoop()
            port = try loop.listen(ListenerConfiguration(address: SocketAddress(ipv4: 0x7F00_0001, port: 0))).port
            loop.delegate = self
            thread = try loop.start()
        }

        func stop() {
            loop.stop()
            thread?.join()
        }

        func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
            if bytes[0] == 2 { loop.close(id, flush: false) } else { loop.send(id, bytes) }
            return bytes.count
        }

        func opened(_ id: ConnectionID, _ info: ConnectionInfo) {}
        func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {}
        func closed(_ id: ConnectionID, _ reason: DisconnectReason) {}
        func deadlineReached(_ id: ConnectionID) {}
        func woken() {}
        func ticked(_ now: UInt64) {}
        func iterationEnded() {}
    }

    /// Greets with 1 and is ready when that comes back. A message is 3, its id, its length, its body; it comes back to its sender.
    private final class MirrorMachine: PeerMachine {
        private var isRefused: Bool
        private var wasReady = false
        private var isReady = false

        /// - Parameter isRefused: the first connection is closed by the server.
        init(isRefused: Bool) { self.isRefused = isRefused }

        func opened(_ now: PeerNow, _ output: inout PeerOutput) {
            output.bytes.append(isRefused ? 2 : 1)
            isRefused = false
        }

        func received(_ bytes: Span<UInt8>, _ now: PeerNow, _ output: inout PeerOutput) -> Int {
            var next = 0
            if !isReady {
                isReady = true
                output.events.append(.ready(resumed: wasReady))
                wasReady = true
                next = 1
            }
            while next + 3 <= bytes.count, next + 3 + Int(bytes[next + 2]) <= bytes.count {
                let end = next + 3 + Int(bytes[next + 2])
                output.deliver(bytes.extracting(next + 3..<end))
                output.events.append(.acknowledged(UInt64(bytes[next + 1])))
                next = end
            }
            return next
        }

        func closed(_ now: PeerNow, _ output: inout PeerOutput) {
            isReady = false
            output.events.append(.open(afterMilliseconds: 1))
        }

        func publish(_ id: UInt64, to name: String, _ body: [UInt8], _ now: PeerNow, _ output: inout PeerOutput) {
            output.bytes += [3, UInt8(id), UInt8(body.count)] + body
        }
    }

    private struct MirrorClients: PeerClients {
        var refuses = false
        func name(_ index: Int) -> String { "\(index)" }
        func machine(_ index: Int, _ role: PeerRole) -> any PeerMachine { MirrorMachine(isRefused: refuses) }
    }

    private func withDriver(
        _ clients: MirrorClients, _ count: Int, life: PeerLife? = nil, _ body: (PeerDriver) async throws -> Void
    ) async throws {
        let mirror = try Mirror()
        defer { mirror.stop() }
        let driver = try PeerDriver(PeerTarget(port: mirror.port), connections: count, life: life, title: "test", progress: ProgressLine())
        defer { driver.stop() }
        try await driver.add(clients, 0..<count, .phone)
        try await body(driver)
    }

    @Test func `phones come, vanish and come back`() async throws {
        try await withDriver(MirrorClients(), 50) { driver in
            try await driver.connect(0..<50, inFlightMax: 3)
            try await driver.perform { $0.drop(0..<20) }
            #expect(try await driver.perform { $0.counters.ready } == 30)
            try await driver.connect(0..<20, inFlightMax: 0)
            let counters = try await driver.perform { $0.counters }
            #expect(counters.ready == 50)
            #expect(counters.begun == 50)
            #expect(counters.resumed == 20)
            #expect(counters.disconnects == 0)
        }
    }

    @Test func `visitors leave when they are ready`() async throws {
        try await withDriver(MirrorClients(), 30) { driver in
            try await driver.visit(0..<30, inFlightMax: 4)
            let counters = try await driver.perform { $0.counters }
            #expect(counters.begun == 30)
            #expect(counters.ready == 0)
        }
    }

    @Test func `a lost connection is made again`() async throws {
        try await withDriver(MirrorClients(refuses: true), 10) { driver in
            try await driver.connect(0..<10)
            let counters = try await driver.perform { $0.counters }
            #expect(counters.ready == 10)
            #expect(counters.disconnects == 10)
        }
    }

    @Test func `messages are sent within the window, checked and counted`() async throws {
        try await withDriver(MirrorClients(), 4) { driver in
            try await driver.connect(0..<4)
            try await driver.perform { fleet in
                let traffic = PeerTraffic(window: 5, bodyBytes: 100)
                for index in 0..<4 { traffic.add(sender: index, receiver: index, name: "\(index)") }
                fleet.traffic = traffic
                fleet.send(upTo: 50)
            }
            try await driver.reach(200, "acknowledged") { $0.traffic?.totals.acknowledged ?? 0 }
            let totals = try await driver.perform { $0.traffic?.verified() ?? .init() }
            #expect(totals.sent == 200)
            #expect(totals.delivered == 200)
            #expect(totals.lost + totals.duplicated + totals.reordered + totals.corrupted == 0)
        }
    }

    @Test func `a server that has ended fails the run, with how it ended and what it said last`() async throws {
        let log = NSTemporaryDirectory() + "/peer-life-\(UUID().uuidString).log"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let child = try ChildProcess("/bin/sh", ["-c", "echo far too early; echo no room left; exit 3"], output: .file(log))
        let life = PeerLife(name: "mirrord", child: child, logs: [log, log + ".none"])
        // Its connections work: only its exit status tells.
        try await withDriver(MirrorClients(), 1, life: life) { driver in
            let error = await #expect(throws: LoadError.self) {
                try await driver.reach(1, "a message") { $0.traffic?.totals.delivered ?? 0 }
            }
            #expect(error?.description == "mirrord has ended with exit status 3. It said last:\nfar too early\nno room left")
        }
    }

    @Test func `a server that was killed says by which signal`() throws {
        let child = try ChildProcess("/bin/sh", ["-c", "read line"])
        let life = PeerLife(name: "mirrord", child: child, logs: [])
        #expect(life.ending == nil)
        child.end(SIGKILL)
        #expect(life.ending == "mirrord has ended by signal 9. It said nothing.")
    }

    @Test func `a wait that nothing comes of ends with the reason`() async throws {
        try await withDriver(MirrorClients(), 1) { driver in
            await #expect(throws: LoadError.self) {
                try await driver.reach(1, "connected", secondsMax: 0) { $0.counters.ready }
            }
        }
    }
}

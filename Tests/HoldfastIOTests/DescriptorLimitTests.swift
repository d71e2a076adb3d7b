import CLinux
import Glibc
import Testing

@testable import HoldfastIO

/// At the limit of descriptors. Each runs in a process of its own, since the limit is the process's.
@Suite struct DescriptorLimitTests {
    @Test func `without descriptors peers are told, nothing spins, and who is connected is served`() async {
        await #expect(processExitsWith: .success) {
            let refusal = Array("full".utf8)
            let server = try LoopHarness { $0.refusalBytes = refusal }
            server.onReceived = echo
            let address = try server.listen()
            let peers = try LimitedPeers(400)
            try server.start()
            let (served, refused) = try peers.connect(to: address, refusal: refusal)
            #expect(served.count > 200 && served.count < 256)
            #expect(refused == 400 - served.count)
            // With the reserve back in place there is nothing to do: iterations come from the ticks only.
            #expect(try server.waitForTicks(5) < 30)
            #expect(try server.perform { Int($0.statistics.refusedCount) } == refused)
            // One leaves, another may come.
            served[0].endWriting()
            #expect(try server.waitForClosed() == .peerClosed)
            let late = try peers.makeOne()
            try late.connect(to: address)
            try late.write([7])
            #expect(late.read(1) == [7])
            server.stop()
        }
    }

    @Test func `the longest silent connection makes room`() async {
        await #expect(processExitsWith: .success) {
            let server = try LoopHarness { $0.reclaimSilenceMilliseconds = 64 }
            server.onReceived = echo
            let address = try server.listen()
            let peers = try LimitedPeers(20)
            try server.start()
            let (served, _) = try peers.connect(to: address, refusal: [])
            #expect(served.count == 20)
            // Long enough for each to be closed, but one has been silent for longest.
            _ = try server.waitForTicks(3)
            for peer in served where peer !== served[3] {
                try peer.write([1])
                #expect(peer.read(1) == [1])
            }
            _ = try server.waitForTicks(3)
            // From here on no number is free.
            let free = dup(0)
            close(free)
            clinux_set_descriptor_limit(UInt64(free))
            let late = try peers.makeOne()
            try late.connect(to: address)
            try late.write([7])
            #expect(late.read(1) == [7])
            #expect(served[3].isEnded())
            #expect(try server.waitForClosed() == .reclaimed)
            #expect(try server.perform { $0.statistics.reclaimedCount } == 1)
            #expect(try server.perform { $0.connectionCount } == 20)
            server.stop()
        }
    }

    @Test func `without even the reserve the loop waits instead of spinning, and goes on when it can`() async {
        await #expect(processExitsWith: .success) {
            let server = try LoopHarness { $0.reclaimSilenceMilliseconds = 64 }
            server.onReceived = echo
            let address = try server.listen()
            let peers = try LimitedPeers(20)
            try server.start()
            let (served, _) = try peers.connect(to: address, refusal: [])
            _ = try server.waitForTicks(3)
            let peer = try peers.makeOne()
            // Below every descriptor in use: nothing can be opened, also after the reserve was closed.
            clinux_set_descriptor_limit(3)
            try peer.connect(to: address)
            try peer.write([5])
            #expect(try server.waitForTicks(5) < 30)
            // Closing silent ones doesn't help here, so it mustn't go on: one a try, and a try a tick.
            #expect(try server.perform { $0.statistics.reclaimedCount } < 15)
            clinux_set_descriptor_limit(256)
            #expect(peer.read(1) == [5])
            withExtendedLifetime(served) {}
            server.stop()
        }
    }

    @Test func `a loop's own limit of connections refuses as well`() throws {
        let refusal: [UInt8] = [1, 2, 3]
        let server = try LoopHarness {
            $0.connectionCountMax = 2
            $0.refusalBytes = refusal
        }
        server.onReceived = echo
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let first = try (0..<2).map { _ in try RawSocket(to: address) }
        try server.waitForOpened(1)
        let third = try RawSocket(to: address)
        #expect(third.read(10) == refusal)
        #expect(try server.perform { $0.statistics.refusedCount } == 1)
        withExtendedLifetime(first) {}
    }
}

/// Client sockets beyond the limit that they then set, 256, so that they don't count against the server in the same process.
struct LimitedPeers {
    private var sockets: [RawSocket] = []
    private let spare: [RawSocket]

    init(_ count: Int) throws {
        let all = try (0..<count + 2).map { _ in try RawSocket(above: 300) }
        sockets = Array(all.dropLast(2))
        spare = Array(all.suffix(2))
        try #require(clinux_set_descriptor_limit(256) == 0)
    }

    /// One more socket; they are few.
    func makeOne() throws -> RawSocket { try #require(spare.first) }

    /// Connects all: those that are answered, and the number of those that were refused (in the words given, if any).
    func connect(to address: SocketAddress, refusal: [UInt8]) throws -> (served: [RawSocket], refused: Int) {
        var served: [RawSocket] = []
        var refused = 0
        for socket in sockets {
            try socket.connect(to: address)
            try? socket.write([1])
            let first = socket.read(1)
            if first == [1] {
                served.append(socket)
            } else {
                refused += 1
                #expect(first + socket.read(refusal.count) == refusal)
            }
        }
        return (served, refused)
    }
}

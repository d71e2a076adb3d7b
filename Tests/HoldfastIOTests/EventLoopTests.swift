import Glibc
import HoldfastTestSupport
import Synchronization
import Testing

@testable import HoldfastIO

/// Connections over plaintext: both directions, ends, deadlines.
@Suite struct EventLoopTests {
    @Test(arguments: ["127.0.0.1", "::1"])
    func `bytes are echoed between two loops`(_ host: String) throws {
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen(host)
        try server.start()
        defer { server.stop() }
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        let id = try client.perform { try $0.connect(to: address, userData: 77) }
        try client.waitForOpened()
        let text = Array("hello".utf8)
        try client.perform { $0.send(id, text.span) }
        #expect(try client.waitForBytes(5) == text)
        let info = try #require(client.info(of: id))
        #expect(info.isOutgoing && !info.isTLS && info.userData == 77 && info.listener == -1 && info.peer == address)
        let accepted = try server.waitForOpened()
        let acceptedInfo = try #require(server.info(of: accepted))
        #expect(!acceptedInfo.isOutgoing && acceptedInfo.listener == 0 && acceptedInfo.peer.isLoopback)
        #expect(acceptedInfo.peer.isIPv4 == (host == "127.0.0.1"))
        try client.perform { $0.close(id, flush: true) }
        #expect(try server.waitForClosed() == .peerClosed)
        #expect(try client.waitForClosed() == .requested)
        #expect(try client.perform { $0.connectionCount } == 0)
        #expect(try server.perform { $0.connectionCount } == 0)
    }

    @Test func `a listener on all IPv6 addresses takes IPv4, and reports it as such`() throws {
        let server = try LoopHarness()
        let bound = try server.listen("::")
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: SocketAddress(ipv4: 0x7F00_0001, port: bound.port))
        let id = try server.waitForOpened()
        #expect(server.info(of: id)?.peer.isIPv4 == true)
        #expect(server.info(of: id)?.peer.host == "127.0.0.1")
        withExtendedLifetime(socket) {}
    }

    @Test func `of two who take a port at once, one gets it`() throws {
        for _ in 0..<30 {
            let free = try LoopHarness()
            let address = try free.listen()
            free.loop.stopListening()
            let taken = Atomic(0)
            let refused = Atomic(0)
            let threads = try (0..<2).map { _ in
                let loop = try LoopHarness()
                return try startThread(name: "listen") {
                    do throws(IOError) {
                        _ = try loop.loop.listen(ListenerConfiguration(address: address))
                        taken.add(1, ordering: .relaxed)
                        // Kept until both have tried.
                        while taken.load(ordering: .relaxed) + refused.load(ordering: .relaxed) < 2 {}
                    } catch {
                        if error.code == EADDRINUSE { refused.add(1, ordering: .relaxed) }
                    }
                }
            }
            for thread in threads { thread.join() }
            #expect(taken.load(ordering: .relaxed) == 1)
            #expect(refused.load(ordering: .relaxed) == 1)
        }
    }

    @Test func `an address that the machine doesn't have is an error, unless it may be free`() throws {
        let harness = try LoopHarness()
        for text in ["192.0.2.1:0", "[2001:db8::1]:0"] {
            let address = try SocketAddress(parsing: text)
            let error = #expect(throws: IOError.self) { try harness.loop.listen(ListenerConfiguration(address: address)) }
            #expect(error?.code == EADDRNOTAVAIL)
            #expect(try harness.loop.listen(ListenerConfiguration(address: address, isFree: true)).host == address.host)
        }
    }

    @Test func `two loops listen on one port`() throws {
        let first = try LoopHarness()
        let second = try LoopHarness()
        let bound = try first.listen()
        #expect(try second.loop.listen(ListenerConfiguration(address: bound, joins: true)) == bound)
        for harness in [first, second] { try harness.start() }
        defer { for harness in [first, second] { harness.stop() } }
        // The kernel spreads by a hash of the addresses: 64 connections on one side only would be a broken listener.
        let sockets = try (0..<64).map { _ in try RawSocket(to: bound) }
        try first.waitForOpened()
        try second.waitForOpened()
        withExtendedLifetime(sockets) {}
    }

    @Test func `a source address is used`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        _ = try client.perform { try $0.connect(to: address, from: SocketAddress(ipv4: 0x7F00_0007, port: 0)) }
        let id = try server.waitForOpened()
        #expect(server.info(of: id)?.peer.host == "127.0.0.7")
    }

    @Test func `nobody listening is a refused connect, and reported later, not from inside connect`() throws {
        let parked = try LoopHarness()
        let address = try parked.listen()
        parked.loop.stopListening()
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        let id = try client.perform { loop in
            let id = try loop.connect(to: address)
            #expect(client.recorded.allSatisfy { if case .failed = $0 { false } else { true } })
            return id
        }
        #expect(try client.waitForFailure() == .refused)
        #expect(try client.perform { $0.isOpen(id) } == false)
        #expect(try client.perform { $0.connectionCount } == 0)
    }

    @Test func `a connect that gets no answer ends at its deadline`() throws {
        let client = try LoopHarness { $0.connectTimeoutMilliseconds = 100 }
        try client.start()
        defer { client.stop() }
        // A listener whose queue is full and who never accepts: the kernel drops what comes.
        let deaf = try EventLoop(EventLoopConfiguration())
        let address = try deaf.listen(ListenerConfiguration(address: SocketAddress(ipv4: 0x7F00_0001, port: 0), backlog: 0))
        for _ in 0..<4 { _ = try client.perform { try $0.connect(to: address) } }
        #expect(try client.waitForFailure() == .timedOut)
    }

    @Test func `a cancelled connect is reported as such`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        let client = try LoopHarness()
        try client.start()
        defer { client.stop() }
        try client.perform { loop in
            let id = try loop.connect(to: address)
            loop.close(id, flush: false)
        }
        #expect(try client.waitForFailure() == .cancelled)
    }

    @Test func `what isn't consumed comes again in front of what follows`() throws {
        let server = try LoopHarness()
        // Frames of four bytes, never less.
        server.onReceived = { _, _, bytes in bytes.count / 4 * 4 }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let all = (0..<64).map { UInt8($0) }
        var random = SeededRandom(seed: 7)
        var sent = 0
        while sent < all.count {
            let count = min(all.count - sent, Int.random(in: 1...6, using: &random))
            try socket.write(Array(all[sent..<sent + count]))
            sent += count
            // Each piece is a read of its own: the next is sent when this one was seen.
            _ = try server.waitForBytes(sent / 4 * 4)
        }
        #expect(try server.waitForBytes(64) == all)
    }

    @Test func `leaving too much unconsumed closes`() throws {
        let server = try LoopHarness { $0.keptBytesMax = 100 }
        server.onReceived = { _, _, _ in 0 }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write([UInt8](repeating: 1, count: 100))
        try server.wait { events in events.contains { if case .received = $0 { true } else { false } } ? true : nil }
        try socket.write([1])
        #expect(try server.waitForClosed() == .keptBytesExceeded)
        #expect(socket.isEnded())
    }

    @Test func `pausing keeps what was read, in order, and resuming shows it first`() throws {
        let server = try LoopHarness { $0.keptBytesMax = 10 }
        // Takes 5 bytes of a read and pauses.
        server.onReceived = { loop, id, bytes in
            loop.pauseReading(id)
            return min(5, bytes.count)
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let id = try server.waitForOpened()
        let all = (0..<100).map { UInt8($0) }
        try socket.write(Array(all[..<50]))
        // More than keptBytesMax stays behind: while it is paused that is allowed.
        #expect(try server.waitForBytes(5) == Array(all[..<5]))
        try socket.write(Array(all[50...]))
        for count in stride(from: 10, through: 100, by: 5) {
            try server.perform { $0.resumeReading(id) }
            #expect(try server.waitForBytes(count) == Array(all[..<count]))
        }
        #expect(try server.perform { $0.isOpen(id) })
    }

    @Test func `a peer that only ended its side still gets what was sent to it`() throws {
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write([1, 2, 3])
        socket.endWriting()
        #expect(socket.read(10) == [1, 2, 3])
        #expect(try server.waitForClosed() == .peerClosed)
    }

    @Test func `a reset is reported`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        var socket: RawSocket? = try RawSocket(to: address)
        try server.waitForOpened()
        socket?.resetOnClose()
        socket = nil
        #expect(try server.waitForClosed() == .reset)
    }

    @Test(arguments: [60_000, 6 << 20])
    func `closing with flush sends everything first, though the peer keeps sending`(_ size: Int) throws {
        let server = try LoopHarness { $0.unsentBytesMax = 32 << 20 }
        server.onReceived = { loop, id, bytes in
            let output = [UInt8](repeating: 9, count: size)
            let late: [UInt8] = [1, 2, 3]
            loop.send(id, output.span)
            loop.close(id, flush: true)
            loop.send(id, late.span)
            return bytes.count
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address, receiveBuffer: 4096)
        try socket.write([UInt8](repeating: 1, count: 10))
        try server.wait { events in events.contains { if case .received = $0 { true } else { false } } ? true : nil }
        // Nothing is read here yet, and more is sent: a server that just closed would answer with a reset, and lose what is on its way.
        try socket.write([UInt8](repeating: 1, count: 1000))
        _ = try server.waitForTicks(2)
        #expect(socket.read(size + 1).count == size)
        socket.endWriting()
        #expect(try server.waitForClosed() == .requested)
    }

    @Test func `closing with flush ends at its deadline when the peer does nothing`() throws {
        let server = try LoopHarness { $0.flushTimeoutMilliseconds = 100 }
        server.onOpened = { loop, id in loop.close(id, flush: true) }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        #expect(try server.waitForClosed() == .requested)
        #expect(socket.isEnded())
    }

    @Test func `closing with reset resets`() throws {
        let server = try LoopHarness()
        server.onReceived = { loop, id, bytes in
            loop.close(id, flush: false, reset: true)
            return bytes.count
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let client = try LoopHarness()
        client.onOpened = { loop, id in loop.send(id, [1].span) }
        try client.start()
        defer { client.stop() }
        _ = try client.perform { try $0.connect(to: address) }
        #expect(try client.waitForClosed() == .reset)
    }

    @Test func `what is sent in one iteration arrives whole and in order, whatever its size`() throws {
        let server = try LoopHarness { $0.unsentBytesMax = 64 << 20 }
        let sizes = [1, 100, 70_000, 3, 300_000, 65_536, 5, 1_000_000, 262_144]
        server.onReceived = { loop, id, bytes in
            for (index, size) in sizes.enumerated() { loop.send(id, [UInt8](repeating: UInt8(index), count: size).span) }
            return bytes.count
        }
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try socket.write([0])
        let expected = sizes.enumerated().flatMap { [UInt8](repeating: UInt8($0.offset), count: $0.element) }
        #expect(socket.read(expected.count) == expected)
    }

    @Test func `a deadline comes once, moves when set again, and 0 cancels it`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let sockets = try (0..<3).map { _ in try RawSocket(to: address) }
        let ids = try (0..<3).map { try server.waitForOpened($0) }
        try server.perform { loop in
            // Earlier than before, cancelled, and only moved: all three were in the wheel already.
            for id in ids { loop.setDeadline(id, afterMilliseconds: 1000) }
            loop.setDeadline(ids[0], afterMilliseconds: 50)
            loop.setDeadline(ids[1], afterMilliseconds: 0)
            loop.setDeadline(ids[2], afterMilliseconds: 1200)
        }
        try server.wait { $0.contains(.deadline(ids[2])) ? true : nil }
        let deadlines = server.recorded.filter { if case .deadline = $0 { true } else { false } }
        #expect(deadlines == [.deadline(ids[0]), .deadline(ids[2])])
        withExtendedLifetime(sockets) {}
    }

    @Test func `an id kept too long reaches nobody`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        var first: RawSocket? = try RawSocket(to: address)
        let stale = try server.waitForOpened()
        first = nil
        _ = try server.waitForClosed(stale)
        let second = try RawSocket(to: address)
        let fresh = try server.waitForOpened(1)
        #expect(fresh.slot == stale.slot && first == nil)
        try server.perform { loop in
            loop.send(stale, [1].span)
            loop.setDeadline(stale, afterMilliseconds: 1)
            loop.pauseReading(stale)
            loop.close(stale, flush: false)
            #expect(!loop.isOpen(stale) && loop.isOpen(fresh))
            loop.send(fresh, [2].span)
        }
        #expect(second.read(1) == [2])
        _ = try server.waitForTicks(2)
        #expect(!server.recorded.contains(.deadline(fresh)))
    }

    @Test func `wakes before the loop looks are one call, and none is lost`() throws {
        let harness = try LoopHarness()
        for _ in 0..<10 { harness.loop.wake() }
        try harness.start()
        defer { harness.stop() }
        try harness.wait { $0.contains(.woken) ? true : nil }
        _ = try harness.waitForTicks(1)
        #expect(harness.recorded.filter { $0 == .woken }.count == 1)
        harness.loop.wake()
        try harness.wait { events in events.filter { $0 == .woken }.count == 2 ? true : nil }
    }

    @Test func `stopping closes what is open and says so`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        let socket = try RawSocket(to: address)
        let id = try server.waitForOpened()
        server.stop()
        #expect(server.recorded.last == .closed(id, .loopStopped))
        #expect(socket.isEnded())
    }

    @Test func `after stopListening what is connected goes on`() throws {
        let server = try LoopHarness()
        server.onReceived = echo
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        try server.waitForOpened()
        try server.perform { $0.stopListening() }
        let late = try RawSocket()
        #expect(throws: (any Error).self) { try late.connect(to: address) }
        try socket.write([5])
        #expect(socket.read(1) == [5])
    }

    @Test func `an idle loop sleeps`() throws {
        let server = try LoopHarness()
        let address = try server.listen()
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(to: address)
        let id = try server.waitForOpened()
        try server.perform { $0.setDeadline(id, afterMilliseconds: 60_000) }
        #expect(try server.waitForTicks(5) < 30)
        withExtendedLifetime(socket) {}
    }
}

import Testing

@testable import HoldfastIO

/// A peer that doesn't read is bounded in bytes and in time.
@Suite struct SlowConsumerTests {
    private func start(_ change: (inout EventLoopConfiguration) -> Void) throws -> (LoopHarness, RawSocket, ConnectionID) {
        let server = try LoopHarness(change)
        let address = try server.listen()
        try server.start()
        let socket = try RawSocket(to: address, receiveBuffer: 4096)
        return (server, socket, try server.waitForOpened())
    }

    @Test func `bounded in bytes`() throws {
        let (server, socket, id) = try start { $0.unsentBytesMax = 100_000 }
        defer { server.stop() }
        let piece = [UInt8](repeating: 1, count: 10_000)
        var unsentMost = 0
        // The kernel takes some megabytes of its own before anything is left.
        for _ in 0..<5000 {
            let unsent = try server.perform { loop in
                loop.send(id, piece.span)
                return loop.isOpen(id) ? loop.unsentCount(id) : nil
            }
            guard let unsent else { break }
            unsentMost = max(unsentMost, unsent)
        }
        #expect(try server.waitForClosed() == .slowConsumer)
        #expect(unsentMost > 50_000 && unsentMost <= 100_000)
        #expect(try server.perform { $0.statistics.slowConsumerCount } == 1)
        withExtendedLifetime(socket) {}
    }

    @Test func `bounded in time`() throws {
        let (server, socket, id) = try start {
            $0.unsentBytesMax = 64 << 20
            $0.stallTimeoutMilliseconds = 100
        }
        defer { server.stop() }
        let bytes = [UInt8](repeating: 1, count: 32 << 20)
        try server.perform { $0.send(id, bytes.span) }
        #expect(try server.waitForClosed() == .slowConsumer)
        withExtendedLifetime(socket) {}
    }

    @Test func `one that goes on reading isn't closed, and gets everything`() throws {
        let (server, socket, id) = try start {
            $0.unsentBytesMax = 64 << 20
            $0.stallTimeoutMilliseconds = 20_000
        }
        defer { server.stop() }
        let size = 8 << 20
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 1000) }
        try server.perform { $0.send(id, bytes.span) }
        #expect(try server.perform { $0.unsentCount(id) } > 0)
        // More is sent while some waits.
        let last: [UInt8] = [1, 2, 3]
        try server.perform { $0.send(id, last.span) }
        let all = socket.read(size + 3)
        #expect(all.count == size + 3)
        #expect(Array(all.suffix(3)) == last)
        #expect(all.prefix(size).indices.allSatisfy { all[$0] == UInt8(truncatingIfNeeded: $0 / 1000) })
        _ = try server.waitForTicks(2)
        #expect(try server.perform { $0.unsentCount(id) } == 0)
        #expect(try server.perform { $0.isOpen(id) })
    }
}

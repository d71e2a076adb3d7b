import Glibc
import Testing

@testable import holdfast_load

/// How the load tester knows that a gateway has closed all its connections: on sockets of this process.
@Suite struct OpenSocketsTests {
    /// Tests beside this one open sockets too.
    private func keep(_ own: [Int32], in sockets: inout OpenSockets) {
        sockets.entries.removeAll { entry in !own.contains { entry.path.hasSuffix("/fd/\($0)") } }
    }

    private func pair() throws -> [Int32] {
        var pair: [Int32] = [0, 0]
        try #require(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        return pair
    }

    @Test func `all are closed when the last one is`() throws {
        let before = try #require(OpenSockets(pid: getpid()))
        let own = try pair() + pair()
        var sockets = try #require(OpenSockets(pid: getpid(), except: before))
        keep(own, in: &sockets)
        #expect(sockets.entries.count == 4)
        for descriptor in own.dropLast() {
            close(descriptor)
            let areClosed = sockets.areClosed()
            #expect(!areClosed)
        }
        close(own[3])
        let areClosed = sockets.areClosed()
        #expect(areClosed)
        #expect(sockets.entries.count == 0)
    }

    @Test func `a new socket with the number of an old one is another`() throws {
        let before = try #require(OpenSockets(pid: getpid()))
        let own = try pair()
        var sockets = try #require(OpenSockets(pid: getpid(), except: before))
        keep(own, in: &sockets)
        let others = try pair()
        for (old, new) in zip(own, others) { try #require(dup2(new, old) == old) }
        let areClosed = sockets.areClosed()
        #expect(areClosed)
        for descriptor in own + others { close(descriptor) }
    }

    @Test func `a process that isn't there has none to list`() { #expect(OpenSockets(pid: -1) == nil) }
}

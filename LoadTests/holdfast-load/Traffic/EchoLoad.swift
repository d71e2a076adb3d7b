import HoldfastIO
import Synchronization

/// The floor's `pp` from this program's event loop: empty messages that come back, some of them on their way at any time.
final class EchoLoad: EventLoopDelegate, @unchecked Sendable {
    private let loop: EventLoop
    private let messages: [UInt8]
    private var thread: ThreadHandle?
    private let total = Atomic<Int>(0)

    // Type 3 is sent back; a length of 0.
    private static let message: [UInt8] = [3, 0]

    /// Connects and begins.
    init(address: SocketAddress, clients: Int, outstanding: Int) throws {
        loop = try EventLoop()
        messages = (0..<outstanding).flatMap { _ in Self.message }
        loop.delegate = self
        for _ in 0..<clients { _ = try loop.connect(to: address) }
        thread = try loop.start()
    }

    /// Messages that came back.
    var count: Int { total.load(ordering: .relaxed) }

    /// Ends all connections.
    func stop() {
        loop.stop()
        thread?.join()
    }

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let messages = self.messages
        loop.send(id, messages.span)
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let whole = bytes.count / Self.message.count * Self.message.count
        total.add(whole / Self.message.count, ordering: .relaxed)
        loop.send(id, bytes.extracting(0..<whole))
        return whole
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {}
    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {}
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}

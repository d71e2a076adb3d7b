import HoldfastIO
import Synchronization

/// A real ClientHello: a TLS connection to a listener of this program's own, which reads it as plain bytes.
final class ClientHelloCapture: EventLoopDelegate, @unchecked Sendable {
    private let loop: EventLoop
    private let bytes = Mutex<[UInt8]>([])

    private init() throws {
        var configuration = EventLoopConfiguration()
        configuration.connectionCountMax = 16
        loop = try EventLoop(configuration)
        loop.delegate = self
    }

    /// Connects to itself and tells what came.
    static func capture() async throws -> [UInt8] {
        let capture = try ClientHelloCapture()
        let address = try capture.loop.listen(ListenerConfiguration(address: SocketAddress(ipv4: 0x7F00_0001, port: 0)))
        let context = try TLSClientContext(trust: .system, alpn: ["holdfast/1"], keepsSessions: false)
        _ = try capture.loop.connect(to: address, tls: TLSClientOptions(context: context, serverName: "127.0.0.1"))
        let thread = try capture.loop.start()
        defer {
            capture.loop.stop()
            thread.join()
        }
        for _ in 0..<100 {
            let bytes = capture.bytes.withLock { $0 }
            if !bytes.isEmpty { return bytes }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw LoadError("a TLS client of this program said nothing")
    }

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {}

    func received(_ id: ConnectionID, _ span: Span<UInt8>) -> Int {
        // Less than a segment: it comes in one piece.
        bytes.withLock { bytes in if bytes.isEmpty { bytes = span.indices.map { span[$0] } } }
        return span.count
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {}
    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {}
    func deadlineReached(_ id: ConnectionID) {}
    func woken() {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}
}

import HoldfastClient
import HoldfastIO
import Synchronization

/// An event loop on its thread, and what it is asked for from others.
final class LoopThread: Sendable {
    private let loop: EventLoop
    private let delegate: LoopDelegate
    private let contexts = Mutex<[String?: TLSClientContext]>([:])
    private let numbers = Atomic<UInt64>(0)
    /// Names the protocol within TLS, so that a port can be shared.
    private static let protocolName = "holdfast/1"

    init() throws(IOError) {
        var configuration = EventLoopConfiguration()
        configuration.name = "holdfast-client"
        // More than a client sends without an answer; the gateway may be slow to read.
        configuration.unsentBytesMax = 16 << 20
        configuration.stallTimeoutMilliseconds = 30_000
        // Shorter than the client's own deadline, so that a further address has its turn.
        configuration.connectTimeoutMilliseconds = 5_000
        loop = try EventLoop(configuration)
        delegate = LoopDelegate(loop)
        loop.delegate = delegate
        let delegate = delegate
        _ = try startThread(name: configuration.name) { [loop] in
            // The loop holds its delegate weakly.
            withExtendedLifetime(delegate) { loop.run() }
        }
    }

    func makeNumber() -> UInt64 {
        // Relaxed: only that no two are equal matters.
        numbers.wrappingAdd(1, ordering: .relaxed).newValue
    }

    deinit { loop.stop() }

    func post(_ command: LoopDelegate.Command) {
        delegate.add(command)
        loop.wake()
    }

    func open(
        _ number: UInt64, _ endpoint: ClientEndpoint, _ isClosed: ClosedFlag, _ handler: @escaping @Sendable (TransportEvent) -> Void
    ) {
        let host = endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host
        let address = "\(host):\(endpoint.port)"
        do throws(IOError) {
            let tls = try endpoint.tls.map { (options) throws(IOError) in
                TLSClientOptions(context: try context(options.trustFile), serverName: options.serverName)
            }
            // Looking a name up waits for the network: not on the loop, and not on the caller's thread.
            _ = try startThread(name: "holdfast-lookup") { [weak self] in
                do throws(AddressError) {
                    let addresses = try SocketAddress.resolve(address)
                    self?.post(.open(number, LoopDelegate.Target(addresses: addresses, tls: tls, isClosed: isClosed, handler: handler)))
                } catch {
                    self?.post(.fail(handler, .unreachable(error.description)))
                }
            }
        } catch {
            post(.fail(handler, .unreachable(error.description)))
        }
    }

    private func context(_ trustFile: String?) throws(IOError) -> TLSClientContext {
        if let context = contexts.withLock({ $0[trustFile] }) { return context }
        let context = try TLSClientContext(trust: trustFile.map { .file($0) } ?? .system, alpn: [Self.protocolName])
        contexts.withLock { $0[trustFile] = context }
        return context
    }
}

public import HoldfastClient
internal import HoldfastIO
internal import Synchronization

/// Connections over TCP and TLS on Linux: one event loop on a thread of its own, for any number of clients.
public final class LoopTransport: ClientTransport {
    private let loop: LoopThread

    /// Starts the thread; it ends with the last user of the transport.
    /// - Throws: `LoopTransportError` if there is no descriptor or no thread.
    public init() throws(LoopTransportError) {
        do throws(IOError) {
            loop = try LoopThread()
        } catch {
            throw LoopTransportError(message: error.description)
        }
    }

    /// Begins to open a connection: looks the name up, then tries its addresses one after the other.
    public func open(
        _ endpoint: ClientEndpoint, handler: @escaping @Sendable (TransportEvent) -> Void
    ) -> any ClientTransportConnection {
        let connection = LoopConnection(number: loop.makeNumber(), loop: loop)
        loop.open(connection.number, endpoint, connection.isClosed, handler)
        return connection
    }

    /// Calls `body` on the loop's thread, after it has read what lay in the sockets.
    public func afterEvents(_ body: @escaping @Sendable () -> Void) { loop.post(.afterEvents(body)) }

    /// Returns when the connections that were closed have sent what was written to them, or had the time for it: to be called before the
    /// process ends.
    public func settle() async {
        await withCheckedContinuation { continuation in loop.post(.settle { continuation.resume() }) }
    }
}

/// The transport can't work.
public struct LoopTransportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What the system said.
    public var message: String
    /// What the system said.
    public var description: String { message }
}

/// One connection; keeps the loop alive.
final class LoopConnection: ClientTransportConnection {
    let number: UInt64
    /// Told apart from the commands: it counts while the name is still being looked up.
    let isClosed = ClosedFlag()
    private let loop: LoopThread

    init(number: UInt64, loop: LoopThread) {
        self.number = number
        self.loop = loop
    }

    deinit { close() }

    func write(_ bytes: [UInt8]) { loop.post(.write(number, bytes)) }

    func close() {
        if isClosed.set() { loop.post(.close(number)) }
    }
}

/// Whether a connection was closed by its owner.
final class ClosedFlag: Sendable {
    private let flag = Atomic(false)

    /// True for the first call.
    func set() -> Bool { !flag.exchange(true, ordering: .acquiringAndReleasing) }
    var isSet: Bool { flag.load(ordering: .acquiring) }
}

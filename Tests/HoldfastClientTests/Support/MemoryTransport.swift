import Dispatch
import HoldfastTestSupport
import HoldfastWire
import Synchronization

@testable import HoldfastClient

/// Connections to a model gateway in the same process.
final class MemoryTransport: ClientTransport {
    struct State {
        var gateway = ModelGateway(refusalPercent: 0)
        var random = SeededRandom(seed: 9)
        var handler: (@Sendable (TransportEvent) -> Void)?
        /// Counts connections; events of an older one are not told.
        var connection = 0
        var endpoints: [ClientEndpoint] = []
        /// The gateway can't be reached.
        var isDown = false
        /// The gateway answers the first frame with this.
        var closesWith: CloseCode?
        /// What comes lies in the socket until somebody asks for it, as while the process stands still.
        var isHeld = false
        fileprivate var held: [[UInt8]] = []
    }

    let state = Mutex(State())
    private let queue = DispatchQueue(label: "model gateway")

    func open(_ endpoint: ClientEndpoint, handler: @escaping @Sendable (TransportEvent) -> Void) -> any ClientTransportConnection {
        let number = state.withLock { state in
            state.connection += 1
            state.endpoints.append(endpoint)
            state.gateway.connect()
            state.handler = handler
            return state.connection
        }
        queue.async { [self] in
            handler(state.withLock { $0.isDown } ? .closed(.unreachable("down")) : .opened)
        }
        return MemoryConnection(number: number, transport: self)
    }

    /// Puts a message into the user's stream.
    func push(_ text: String, from peer: String) {
        queue.async { [self] in
            state.withLock { $0.gateway.push(text, from: peer, &$0.random) }
            deliver()
        }
    }

    /// The connection breaks.
    func cut() {
        queue.async { [self] in
            let handler = state.withLock { state in
                state.connection += 1
                return state.handler
            }
            handler?(.closed(.broken("cut")))
        }
    }

    func afterEvents(_ body: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            let (held, handler) = state.withLock { state in
                defer { state.held = [] }
                return (state.held, state.handler)
            }
            for bytes in held { handler?(.received(bytes)) }
            body()
        }
    }

    private func tell(_ bytes: [UInt8], _ handler: (@Sendable (TransportEvent) -> Void)?) {
        let isHeld = state.withLock { state in
            if state.isHeld { state.held.append(bytes) }
            return state.isHeld
        }
        if !isHeld { handler?(.received(bytes)) }
    }

    fileprivate func write(_ bytes: [UInt8], on number: Int) {
        queue.async { [self] in
            let (out, handler, goesOn) = state.withLock { state -> ([UInt8], (@Sendable (TransportEvent) -> Void)?, Bool) in
                guard state.connection == number else { return ([], nil, true) }
                var out: [UInt8] = []
                if let code = state.closesWith {
                    let text = Array("said why".utf8)
                    ServerFrameWriter.closed(code, retryAfterMilliseconds: 0, text: text.span, to: &out)
                    return (out, state.handler, true)
                }
                let goesOn = state.gateway.receive(bytes, &state.random, to: &out)
                return (out, state.handler, goesOn)
            }
            if !out.isEmpty { tell(out, handler) }
            if !goesOn { handler?(.closed(.closedByPeer)) }
            deliver()
        }
    }

    private func deliver() {
        let (out, handler) = state.withLock { state -> ([UInt8], (@Sendable (TransportEvent) -> Void)?) in
            var all: [UInt8] = []
            while true {
                var out: [UInt8] = []
                state.gateway.deliver(&state.random, to: &out)
                if out.isEmpty { return (all, state.handler) }
                all += out
            }
        }
        if !out.isEmpty { tell(out, handler) }
    }
}

private final class MemoryConnection: ClientTransportConnection {
    private let number: Int
    private let transport: MemoryTransport

    init(number: Int, transport: MemoryTransport) {
        self.number = number
        self.transport = transport
    }

    func write(_ bytes: [UInt8]) { transport.write(bytes, on: number) }

    func close() {
        transport.state.withLock { state in
            if state.connection == number { state.connection += 1 }
        }
    }
}

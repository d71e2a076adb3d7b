import HoldfastClient
import HoldfastIO
import Synchronization

/// What happens on the loop's thread.
final class LoopDelegate: EventLoopDelegate, Sendable {
    /// What other threads ask for.
    enum Command: Sendable {
        case open(UInt64, Target)
        case write(UInt64, [UInt8])
        case close(UInt64)
        case fail(@Sendable (TransportEvent) -> Void, TransportFailure)
        case settle(@Sendable () -> Void)
        case afterEvents(@Sendable () -> Void)
    }

    /// A connection, on its way or up.
    struct Target: Sendable {
        /// Those not tried yet.
        var addresses: [SocketAddress]
        var tls: TLSClientOptions?
        let isClosed: ClosedFlag
        var handler: @Sendable (TransportEvent) -> Void
        var id: ConnectionID?
        var lastFailure = TransportFailure.unreachable("no address")

        init(
            addresses: [SocketAddress], tls: TLSClientOptions?, isClosed: ClosedFlag,
            handler: @escaping @Sendable (TransportEvent) -> Void
        ) {
            self.isClosed = isClosed
            self.addresses = addresses
            self.tls = tls
            self.handler = handler
        }
    }

    /// Touched on the loop's thread only; the lock is free.
    private struct State {
        var targets: [UInt64: Target] = [:]
        var numbers: [ConnectionID: UInt64] = [:]
        /// Closed by their owners; what was written to them is still going out.
        var closing: Set<ConnectionID> = []
        /// To be called when there are none.
        var settled: [@Sendable () -> Void] = []
        /// To be called in the next turn of the loop.
        var nextTurn: [@Sendable () -> Void] = []
    }

    private let commands = Mutex<[Command]>([])
    private let state = Mutex(State())
    // The loop outlives its own calls, and holds this one weakly.
    private let loop: EventLoop

    init(_ loop: EventLoop) { self.loop = loop }

    func add(_ command: Command) { commands.withLock { $0.append(command) } }

    func woken() {
        let commands = commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
        // Called after the sockets of a turn were read; what came when the turn had begun already is read in the next one.
        let due = state.withLock { state in
            defer { state.nextTurn = [] }
            return state.nextTurn
        }
        for body in due { body() }
        for command in commands { carryOut(command) }
    }

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let handler = state.withLock { state -> (@Sendable (TransportEvent) -> Void)? in
            guard state.targets[info.userData] != nil else { return nil }
            state.targets[info.userData]?.id = id
            state.numbers[id] = info.userData
            return state.targets[info.userData]?.handler
        }
        if let handler { handler(.opened) } else { loop.close(id, flush: false) }
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        let text = "\(info.peer): \(error)"
        var failure = TransportFailure.unreachable(text)
        if case .tls = error { failure = .untrusted(text) }
        state.withLock { $0.targets[info.userData]?.lastFailure = failure }
        ended(id)
        tryNext(info.userData)
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let handler = state.withLock { state in state.numbers[id].flatMap { state.targets[$0]?.handler } }
        if let handler { handler(.received(unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) })) }
        return bytes.count
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        ended(id)
        let handler = state.withLock { state in
            state.numbers.removeValue(forKey: id).flatMap { state.targets.removeValue(forKey: $0)?.handler }
        }
        handler?(.closed(reason == .peerClosed ? .closedByPeer : .broken("\(reason)")))
    }

    func deadlineReached(_ id: ConnectionID) {}
    func ticked(_ now: UInt64) {}
    func iterationEnded() {}

    private func carryOut(_ command: Command) {
        switch command {
        case .open(let number, let target):
            // It may have been closed while the name was looked up.
            guard !target.isClosed.isSet else { return }
            state.withLock { $0.targets[number] = target }
            tryNext(number)
        case .write(let number, let bytes): write(number, bytes)
        case .close(let number): close(number)
        case .fail(let handler, let failure): handler(.closed(failure))
        case .afterEvents(let body):
            state.withLock { $0.nextTurn.append(body) }
            loop.wake()
        case .settle(let handler):
            let isSettled = state.withLock { state in
                if !state.closing.isEmpty { state.settled.append(handler) }
                return state.closing.isEmpty
            }
            if isSettled { handler() }
        }
    }

    private func write(_ number: UInt64, _ bytes: [UInt8]) {
        if let id = state.withLock({ $0.targets[number]?.id }) { loop.send(id, bytes.span) }
    }

    private func close(_ number: UInt64) {
        let id = state.withLock { state -> ConnectionID? in
            guard let target = state.targets.removeValue(forKey: number) else { return nil }
            guard let id = target.id else { return nil }
            state.numbers[id] = nil
            state.closing.insert(id)
            return id
        }
        if let id { loop.close(id, flush: true) }
    }

    /// Nothing of the connection is left.
    private func ended(_ id: ConnectionID) {
        let settled = state.withLock { state -> [@Sendable () -> Void] in
            guard state.closing.remove(id) != nil, state.closing.isEmpty else { return [] }
            defer { state.settled = [] }
            return state.settled
        }
        for settled in settled { settled() }
    }

    /// Connects to the next address; when there is none, the connection has failed.
    private func tryNext(_ number: UInt64) {
        while true {
            let next = state.withLock { state -> (SocketAddress?, Target)? in
                guard var target = state.targets[number] else { return nil }
                guard !target.addresses.isEmpty else {
                    state.targets[number] = nil
                    return (nil, target)
                }
                let address = target.addresses.removeFirst()
                target.id = nil
                state.targets[number] = target
                return (address, target)
            }
            guard let (address, target) = next else { return }
            guard let address else { return target.handler(.closed(target.lastFailure)) }
            do throws(IOError) {
                let id = try loop.connect(to: address, tls: target.tls, userData: number)
                state.withLock { $0.targets[number]?.id = id }
                return
            } catch {
                state.withLock { $0.targets[number]?.lastFailure = .unreachable("\(address): \(error)") }
            }
        }
    }
}

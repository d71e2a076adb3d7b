import Foundation
import Testing

@testable import HoldfastIO

/// What a loop told its delegate.
enum LoopEvent: Equatable {
    case opened(ConnectionID, isOutgoing: Bool)
    case failed(ConnectError)
    case received(ConnectionID, [UInt8])
    case closed(ConnectionID, DisconnectReason)
    case deadline(ConnectionID)
    case woken
    case refused(String, ProxyRefusal)
    case costly(ConnectionID)
}

/// A loop on its own thread that records what it is told, and that a test can wait on and run code on.
///
/// Everything shared is behind `condition`; what runs on the loop's thread only is marked so.
final class LoopHarness: EventLoopDelegate, @unchecked Sendable {
    let loop: EventLoop
    private let condition = NSCondition()
    private var events: [LoopEvent] = []
    private var infos: [ConnectionID: ConnectionInfo] = [:]
    private var work: [(EventLoop) -> Void] = []
    private var iterations = 0
    private var ticks = 0
    private var thread: ThreadHandle?
    /// What `received` does, on the loop's thread: by default it takes everything. Set before the loop starts.
    var onReceived: (EventLoop, ConnectionID, [UInt8]) -> Int = { _, _, bytes in bytes.count }
    /// What `overheadExceeded` does besides.
    var onCostly: (EventLoop, ConnectionID) -> Void = { _, _ in }
    /// What `opened` does besides, on the loop's thread.
    var onOpened: (EventLoop, ConnectionID) -> Void = { _, _ in }

    init(_ change: (inout EventLoopConfiguration) -> Void = { _ in }) throws {
        var configuration = EventLoopConfiguration()
        configuration.connectionCountMax = 4096
        change(&configuration)
        loop = try EventLoop(configuration)
        loop.delegate = self
    }

    /// Starts the thread; `stop` must follow.
    func start() throws { thread = try loop.start() }

    /// Stops the loop and waits for its thread.
    func stop() {
        loop.stop()
        thread?.join()
        thread = nil
    }

    /// Listens on a free loopback port.
    func listen(
        _ host: String = "127.0.0.1", tls: TLSServerContext? = nil, proxyFrom: [AddressRange] = [], timeout: UInt32 = 10_000
    ) throws -> SocketAddress {
        let address = try SocketAddress(parsing: host.contains(":") ? "[\(host)]:0" : "\(host):0")
        return try loop.listen(
            ListenerConfiguration(address: address, tls: tls, proxyProtocolFrom: proxyFrom, handshakeTimeoutMilliseconds: timeout))
    }

    /// Runs code on the loop's thread, and doesn't wait for it.
    func post(_ body: @escaping (EventLoop) -> Void) {
        condition.withLock { work.append(body) }
        loop.wake()
    }

    /// Runs code on the loop's thread, and waits for it.
    func perform<Result>(_ body: @escaping (EventLoop) throws -> Result) throws -> Result {
        var result: Swift.Result<Result, any Error>?
        condition.lock()
        work.append { loop in
            let value = Swift.Result { try body(loop) }
            self.condition.withLock {
                result = value
                self.condition.broadcast()
            }
        }
        condition.unlock()
        loop.wake()
        return try #require(waitFor { result }).get()
    }

    /// Waits until `find` finds something in what happened so far.
    @discardableResult
    func wait<Result>(_ comment: Comment? = nil, for find: ([LoopEvent]) -> Result?) throws -> Result {
        try #require(waitFor { find(events) }, comment)
    }

    /// Waits for the id of the n-th connection that was opened.
    @discardableResult
    func waitForOpened(_ index: Int = 0) throws -> ConnectionID {
        try wait("opened \(index)") { events in
            let ids = events.compactMap { if case .opened(let id, _) = $0 { id } else { nil } }
            return ids.count > index ? ids[index] : nil
        }
    }

    /// Waits for the end of a connection, the first one if none is named.
    func waitForClosed(_ id: ConnectionID? = nil) throws -> DisconnectReason {
        try wait("closed") { events in
            for case .closed(let closed, let reason) in events where id == nil || closed == id { return reason }
            return nil
        }
    }

    /// Waits until this many bytes were consumed or shown in all.
    func waitForBytes(_ count: Int, of id: ConnectionID? = nil) throws -> [UInt8] {
        try wait("\(count) bytes") { events in
            var all: [UInt8] = []
            for case .received(let from, let bytes) in events where id == nil || from == id { all += bytes }
            return all.count >= count ? all : nil
        }
    }

    /// Waits for an outgoing connection's failure.
    func waitForFailure(_ index: Int = 0) throws -> ConnectError {
        try wait("connectFailed \(index)") { events in
            let errors = events.compactMap { if case .failed(let error) = $0 { error } else { nil } }
            return errors.count > index ? errors[index] : nil
        }
    }

    /// Waits for `ticked` to be called this many times more, and says how many iterations that took.
    func waitForTicks(_ count: Int) throws -> Int {
        let (fromTicks, fromIterations) = condition.withLock { (ticks, iterations) }
        return try #require(waitFor { ticks >= fromTicks + count ? iterations - fromIterations : nil })
    }

    func info(of id: ConnectionID) -> ConnectionInfo? { condition.withLock { infos[id] } }
    var recorded: [LoopEvent] { condition.withLock { events } }

    // The bound is for tests that fail: none waits so long when it works.
    private func waitFor<Result>(_ find: () -> Result?) -> Result? {
        let deadline = Date(timeIntervalSinceNow: 30)
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let found = find() { return found }
            if !condition.wait(until: deadline) { return find() }
        }
    }

    private func record(_ event: LoopEvent) {
        condition.withLock {
            events.append(event)
            condition.broadcast()
        }
    }

    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        condition.withLock { infos[id] = info }
        record(.opened(id, isOutgoing: info.isOutgoing))
        onOpened(loop, id)
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) { record(.failed(error)) }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let shown = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
        let consumed = onReceived(loop, id, shown)
        record(.received(id, Array(shown.prefix(consumed))))
        return consumed
    }

    func refused(_ peer: SocketAddress, _ refusal: ProxyRefusal) { record(.refused(peer.host, refusal)) }
    func overheadExceeded(_ id: ConnectionID) {
        record(.costly(id))
        onCostly(loop, id)
    }
    func closed(_ id: ConnectionID, _ reason: DisconnectReason) { record(.closed(id, reason)) }
    func deadlineReached(_ id: ConnectionID) { record(.deadline(id)) }

    func woken() {
        let work = condition.withLock {
            defer { self.work = [] }
            return self.work
        }
        for item in work { item(loop) }
        record(.woken)
    }

    func ticked(_ now: UInt64) {
        condition.withLock {
            ticks += 1
            condition.broadcast()
        }
    }

    func iterationEnded() { condition.withLock { iterations += 1 } }
}

/// Answers every byte with itself.
func echo(_ loop: EventLoop, _ id: ConnectionID, _ bytes: [UInt8]) -> Int {
    loop.send(id, bytes.span)
    return bytes.count
}

package final class EventLoop: @unchecked Sendable {
    package weak var delegate: (any EventLoopDelegate)?
    package init(_ configuration: EventLoopConfiguration) throws(IOError) {}
    package func listen(_ listener: ListenerConfiguration) throws(IOError) -> SocketAddress { fatalError() }
    package func stopListening() { fatalError() }
    package func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, tls: TLSClientOptions? = nil, userData: UInt64 = 0
    ) throws(IOError) -> ConnectionID { fatalError() }
    package func send(_ id: ConnectionID, _ bytes: Span<UInt8>) { fatalError() }
    package func unsentCount(_ id: ConnectionID) -> Int { fatalError() }
    package func isOpen(_ id: ConnectionID) -> Bool { fatalError() }
    package func close(_ id: ConnectionID, flush: Bool, reset: Bool = false) { fatalError() }
    package func setDeadline(_ id: ConnectionID, afterMilliseconds: UInt32) { fatalError() }
    package func pauseReading(_ id: ConnectionID) { fatalError() }
    package func resumeReading(_ id: ConnectionID) { fatalError() }
    package var now: UInt64 { fatalError() }
    package var connectionCount: Int { fatalError() }
    package var statistics: EventLoopStatistics { fatalError() }
    package func run() { fatalError() }
    package func start() throws(IOError) -> ThreadHandle { fatalError() }
    package nonisolated func wake() { fatalError() }
    package nonisolated func stop() { fatalError() }
}

internal import CLinux
internal import Glibc
internal import Synchronization

/// Connections, timers and TLS on one thread, over epoll (level-triggered).
///
/// Confined to the thread that calls `run`, but for `wake` and `stop`; before `run` it may be set up on another. It is Sendable
/// only so that it can be handed to its thread and woken from others: a debug build traps where the rule is broken.
@safe package final class EventLoop: @unchecked Sendable {
    /// Who is told of events. Set before `run`, which keeps it alive.
    package unowned var delegate: (any EventLoopDelegate)?
    let configuration: EventLoopConfiguration
    // See LoopState for why it lies behind a pointer.
    let state: UnsafeMutablePointer<LoopState>
    // Touched when a connection is accepted, not by its traffic.
    var listeners: [Listener] = []
    // TLS handshakes of accepted connections, by peer; only addresses with some. Touched like the listeners.
    var handshakes: [AddressKey: Int] = [:]
    private let isWakePending = Atomic<Bool>(false)
    private let isStopping = Atomic<Bool>(false)
    private static let eventCountMax = 256

    /// What the top byte of an event's data says that it belongs to.
    enum EventSource {
        static let connection: UInt64 = 0
        static let listener: UInt64 = 1
        static let wake: UInt64 = 2
        static let shift: UInt64 = 56
    }

    /// Takes descriptors and address space.
    package init(_ configuration: EventLoopConfiguration = EventLoopConfiguration()) throws(IOError) {
        // Nothing is assigned before this: once all properties are, an initializer that throws runs `deinit`, on a state that would not be there.
        let made = try LoopState(configuration)
        self.configuration = configuration
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: made)
        // By edges (epoll(7)): each write to the eventfd is one, so that its counter never has to be read.
        let events = EPOLLIN.rawValue | EPOLLET.rawValue
        try watch(unsafe state.pointee.wakeDescriptor, events, data: EventSource.wake << EventSource.shift, add: true)
    }

    deinit {
        closeListeners()
        destroyAll(nil)
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    /// Monotonic milliseconds, read once per iteration.
    package var now: UInt64 { unsafe state.pointee.now }

    /// Connections there are, up or not.
    package var connectionCount: Int { unsafe state.pointee.slab.count }

    /// What was counted so far.
    package var statistics: EventLoopStatistics {
        var statistics = unsafe state.pointee.statistics
        statistics.iterationCount = unsafe state.pointee.iteration
        statistics.waitingHandshakeCount = handshakesWaiting
        return statistics
    }

    /// Makes the loop call `woken` soon. From any thread; further calls before that add nothing.
    package nonisolated func wake() {
        // Acquire-release: what was done before wake is seen by woken, also when an earlier wake is still on its way.
        guard !isWakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        signalWakeDescriptor()
    }

    /// Makes `run` return soon. From any thread. Connections that are there are closed with `.loopStopped`.
    package nonisolated func stop() {
        isStopping.store(true, ordering: .releasing)
        signalWakeDescriptor()
    }

    /// Gives the system the memory of the read and write buffers, which grow to what the busiest moment needed.
    package func giveMemoryBack() {
        assertOnLoop()
        unsafe state.pointee.givesMemoryBack = true
    }

    /// Runs the loop on a thread of its own, named as configured.
    package func start() throws(IOError) -> ThreadHandle {
        try startThread(name: configuration.name) { self.run() }
    }

    /// Runs until `stop`. Once in a loop's life.
    package func run() {
        guard let delegate else { preconditionFailure("a loop needs a delegate before it runs") }
        precondition(unsafe state.pointee.thread == 0, "a loop runs once")
        unsafe state.pointee.thread = pthread_self()
        let events = UnsafeMutablePointer<epoll_event>.allocate(capacity: Self.eventCountMax)
        defer { unsafe events.deallocate() }
        while !isStopping.load(ordering: .acquiring) {
            let count = unsafe epoll_wait(state.pointee.epoll, events, Int32(Self.eventCountMax), nextTimeout())
            unsafe state.pointee.advanceClock()
            unsafe state.pointee.iteration &+= 1
            unsafe state.pointee.handshakeSteps = 0
            // Before the events: kept bytes come in front of new ones.
            if unsafe state.pointee.firstResumed != ConnectionSlab.none { showKeptBytes(delegate) }
            if unsafe !state.pointee.handshakeQueue.isEmpty { goOnWithHandshakes(delegate) }
            var isWoken = false
            for index in 0..<max(0, Int(count)) { unsafe handle(events[index], &isWoken, delegate) }
            // After the sockets: what other threads answer about a connection comes after what the connection said, its end included. The flag
            // is cleared before the call: a wake from now on makes another one.
            if isWoken, isWakePending.exchange(false, ordering: .acquiringAndReleasing) { delegate.woken() }
            runTimers(delegate)
            delegate.iterationEnded()
            finishIteration(delegate)
            if unsafe state.pointee.givesMemoryBack { unsafe state.pointee.giveMemoryBack() }
        }
        closeListeners()
        destroyAll(delegate)
    }

    /// Traps in a debug build when a running loop is used from another thread.
    @inline(__always)
    func assertOnLoop() {
        assert(
            unsafe state.pointee.thread == 0 || pthread_equal(state.pointee.thread, pthread_self()) != 0,
            "a loop is used by its own thread only")
    }

    @inline(__always)
    private func handle(_ event: epoll_event, _ isWoken: inout Bool, _ delegate: any EventLoopDelegate) {
        let data = unsafe event.data.u64
        switch data >> EventSource.shift {
        case EventSource.connection:
            guard let connection = unsafe state.pointee.slab.find(ConnectionID(rawValue: data)) else { return }
            unsafe ready(UInt32(truncatingIfNeeded: data), connection, event.events, delegate)
        case EventSource.listener:
            accept(from: Int(UInt32(truncatingIfNeeded: data)), delegate)
        default:
            isWoken = true
        }
    }

    private func nextTimeout() -> Int32 {
        if unsafe state.pointee.firstResumed != ConnectionSlab.none || !state.pointee.handshakeQueue.isEmpty { return 0 }
        let now = unsafe state.pointee.now
        let untilTicked = unsafe state.pointee.nextTicked > now ? state.pointee.nextTicked - now : 0
        // Four ticks of the wheel are longer than the 100 ms between two calls of ticked.
        let ticks = unsafe state.pointee.wheel.ticksUntilNext(limit: 4)
        let due = unsafe state.pointee.origin + UInt64(state.pointee.wheel.current + ticks) * TimerWheel.tickMilliseconds
        return Int32(min(untilTicked, due > now ? due - now : 0))
    }

    private nonisolated func signalWakeDescriptor() {
        var one: UInt64 = 1
        // The counter is full after 2^64 - 2 of them.
        unsafe write(state.pointee.wakeDescriptor, &one, 8)
    }

    /// Tells epoll what to report of a descriptor.
    func watch(_ descriptor: Int32, _ events: UInt32, data: UInt64, add: Bool) throws(IOError) {
        var event = unsafe epoll_event(events: events, data: epoll_data_t(u64: data))
        let operation = add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        if unsafe epoll_ctl(state.pointee.epoll, operation, descriptor, &event) != 0 { throw IOError("watch a descriptor", errno: errno) }
    }
}

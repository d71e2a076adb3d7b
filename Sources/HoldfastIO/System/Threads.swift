internal import CLinux
internal import Dispatch
internal import Glibc
internal import HoldfastSystem
internal import Synchronization

/// A thread that was started.
package final class ThreadHandle: Sendable {
    private let thread: pthread_t
    private let isJoined = Atomic(false)

    fileprivate init(_ thread: pthread_t) { self.thread = thread }

    // A thread that nobody waits for would keep its stack for good after its end.
    deinit { if !isJoined.load(ordering: .relaxed) { pthread_detach(thread) } }

    /// Waits until the thread's body returns. Call it once for each thread.
    package func join() {
        isJoined.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }

    /// The same, but not longer than until a time. A thread that the disk keeps can't be ended; the process can.
    /// - Parameter end: of the monotonic clock, in milliseconds.
    /// - Returns: false when the thread still runs. It is nobody's any more then.
    package func join(until end: UInt64) -> Bool {
        guard clinux_join_until(thread, end) == 0 else { return false }
        isJoined.store(true, ordering: .relaxed)
        return true
    }
}

/// Runs `body` on a thread of its own.
/// - Parameter name: what tools show; 15 bytes at most are kept.
package func startThread(name: String, _ body: @escaping @Sendable () -> Void) throws(IOError) -> ThreadHandle {
    let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var thread = pthread_t()
    let status = unsafe pthread_create(&thread, nil, runThread, start.toOpaque())
    guard status == 0 else {
        unsafe start.release()
        throw ThreadLimit.error("start thread \(name)", status)
    }
    return ThreadHandle(thread)
}

/// How many threads the system lets this process start.
package enum ThreadLimit {
    /// Finds out whether `count` further threads can be started, by starting them: what is told otherwise, by limits and control groups, is of many
    /// places, and what happens without them is of many kinds, down to waiting for ever.
    package static func require(_ count: Int) throws(IOError) {
        var threads: [ThreadHandle] = []
        let release = DispatchSemaphore(value: 0)
        defer {
            for _ in threads { release.signal() }
            for thread in threads { thread.join() }
        }
        while threads.count < count {
            do {
                threads.append(try startThread(name: "probe") { release.wait() })
            } catch {
                throw Self.error("start \(count) threads", error.code)
            }
        }
    }

    fileprivate static func error(_ operation: String, _ code: Int32) -> IOError {
        guard code == EAGAIN else { return IOError(operation, errno: code) }
        var causes: [String] = []
        if let count = SystemLimit.threads.value {
            causes.append("the user's limit of processes and threads, \(count), raised with ulimit -u")
        }
        causes.append("the control group's pids.max")
        if let bytes = SystemLimit.addressSpaceBytes.value {
            causes.append("the limit of address space, \(bytes) bytes, raised with ulimit -v")
        }
        var error = IOError(operation, errno: code)
        error.reason = "the system gives no more; what limits them: \(causes.joined(separator: "; "))"
        return error
    }
}

private final class ThreadStart: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument = unsafe argument else { return nil }
    let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    unsafe start.name.withCString { unsafe clinux_set_thread_name($0) }
    start.body()
    return nil
}

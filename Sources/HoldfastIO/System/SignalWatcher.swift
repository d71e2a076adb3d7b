internal import CLinux
internal import Glibc
internal import Synchronization

/// The signals that a server reacts to.
package enum Signal: Int32, CaseIterable, Sendable {
    /// SIGHUP: read what can be read again, like certificates.
    case hangUp = 1
    /// SIGINT: the terminal's interrupt.
    case interrupt = 2
    /// SIGTERM: end in order.
    case terminate = 15
}

/// Turns signals into calls on a thread of its own, where everything may be done that a signal handler must not.
///
/// One at a time in a process. Works however the other threads mask signals.
package final class SignalWatcher: Sendable {
    private let signals: [Signal]
    private let writeEnd: Int32
    private let thread: ThreadHandle
    private let isStopped = Atomic<Bool>(false)

    /// Starts to watch. `handler` is called for each signal, in order; equal ones that come at once may be one call.
    package init(_ signals: [Signal], _ handler: @escaping @Sendable (Signal) -> Void) throws(IOError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw IOError("create a pipe for signals", errno: errno) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // The handler must never wait, so a full pipe drops: the reader has enough to do then.
        _ = fcntl(writeEnd, F_SETFL, O_NONBLOCK)
        do {
            thread = try startThread(name: "signals") { Self.readSignals(readEnd, handler) }
        } catch {
            close(readEnd)
            close(writeEnd)
            throw error
        }
        self.signals = signals
        self.writeEnd = writeEnd
        for signal in signals where clinux_signal_to_descriptor(signal.rawValue, writeEnd) != 0 {
            let code = errno
            stop()
            throw IOError("watch signal \(signal.rawValue)", errno: code)
        }
    }

    /// Ends watching, restores what the signals do by default, and waits for the handler if it is at work. Not from the handler.
    package func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        for signal in signals { clinux_signal_default(signal.rawValue) }
        close(writeEnd)
        thread.join()
    }

    deinit { stop() }

    private static func readSignals(_ descriptor: Int32, _ handler: (Signal) -> Void) {
        defer { close(descriptor) }
        while true {
            var number: UInt8 = 0
            let count = unsafe read(descriptor, &number, 1)
            if count == 1 {
                if let signal = Signal(rawValue: Int32(number)) { handler(signal) }
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }
}

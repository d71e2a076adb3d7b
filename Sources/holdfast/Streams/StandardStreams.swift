internal import Foundation
internal import Synchronization

/// Standard output and standard error, unbuffered: what was written is out.
enum StandardStreams {
    /// Opens something in place of closed standard descriptors, which would else be given to sockets and files that then got what is meant for
    /// people. A closed input is an empty one. Writing to a closed output fails: what counts, such as messages, must not vanish as if it were written.
    static func occupyClosed() {
        for (descriptor, mode) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDWR)]
        where fcntl(descriptor, F_GETFD) == -1 {
            _ = unsafe open("/dev/null", mode)
        }
    }

    /// Fails where standard output can't take anything: to be asked before something is done whose result has to be written there.
    static func checkOutput() throws(CommandFailure) {
        let flags = fcntl(STDOUT_FILENO, F_GETFL)
        guard flags >= 0, flags & O_ACCMODE != O_RDONLY else {
            throw CommandFailure("Standard output is closed. Let it go to a file, a pipe or a terminal.", exitCode: CommandFailure.file)
        }
    }

    /// Writes bytes to standard output. A reader that has gone ends the command without a word, as other tools do.
    static func output(_ bytes: [UInt8]) throws(CommandFailure) {
        do throws(FileFailure) {
            try writeAll(bytes, to: STDOUT_FILENO)
        } catch {
            if error.code == EPIPE { throw CommandFailure("") }
            throw CommandFailure("Standard output can't be written: \(error.reason).", exitCode: CommandFailure.file)
        }
    }

    /// Writes a line to standard output.
    static func output(line: String) throws(CommandFailure) { try output(Array((line + "\n").utf8)) }

    /// Writes a line to standard error. That nobody listens there is no failure. What it tells may be a peer's words, or a file's name: no
    /// part of it reaches the terminal as anything but text.
    static func error(_ line: String) {
        shownProgress.withLock { shown in
            // The state that is shown makes way, and comes back below.
            let (before, after) = shown.isEmpty ? ("", "") : ("\r\u{1B}[K", shown)
            try? writeAll(Array((before + VisibleText.ofLines(line) + "\n" + after).utf8), to: STDERR_FILENO)
        }
    }

    /// Shows a state that the next one overwrites; an empty one removes it. One that is wider than the terminal would leave rows behind.
    static func progress(_ text: String) {
        shownProgress.withLock { shown in
            shown = DisplayWidth.prefix(VisibleText.of(text), columns: Terminal.columns(of: STDERR_FILENO) - 1)
            try? writeAll(Array("\r\u{1B}[K\(shown)".utf8), to: STDERR_FILENO)
        }
    }

    /// The state that stands in the last row of the terminal.
    private static let shownProgress = Mutex("")

    /// Whether a person looks at it.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Whether it is a terminal that can take back what it shows.
    static func canOverwrite(_ descriptor: Int32) -> Bool { isTerminal(descriptor) && !Terminal.isDumb }
}

/// What the system said of a file.
struct FileFailure: Error, Equatable {
    /// The number of the error.
    var code: Int32
    /// In words.
    var reason: String { unsafe String(cString: strerror(code)) }

    /// The system's last error.
    init() { code = errno }
}

/// Writes all of `bytes`.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(FileFailure) {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written) }
        if count < 0 {
            if errno == EINTR { continue }
            if errno == EAGAIN {
                // Whoever shares the descriptor has made it non-blocking: wait for room.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
                continue
            }
            throw FileFailure()
        }
        written += count
    }
}

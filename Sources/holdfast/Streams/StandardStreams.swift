internal import Foundation

/// Standard output and standard error, unbuffered: what was written is out.
enum StandardStreams {
    /// Writes bytes to standard output. A reader that has gone ends the command without a word, as other tools do.
    static func output(_ bytes: [UInt8]) throws(CommandFailure) {
        do throws(FileFailure) {
            try writeAll(bytes, to: STDOUT_FILENO)
        } catch {
            if error.code == EPIPE { throw CommandFailure("") }
            throw CommandFailure("standard output can't be written: \(error.reason)")
        }
    }

    /// Writes a line to standard output.
    static func output(line: String) throws(CommandFailure) { try output(Array((line + "\n").utf8)) }

    /// Writes a line to standard error. That nobody listens there is no failure. What it tells may be a peer's words, or a file's name: no
    /// part of it reaches the terminal as anything but text.
    static func error(_ line: String) { try? writeAll(Array((VisibleText.ofLines(line) + "\n").utf8), to: STDERR_FILENO) }

    /// Shows a state that the next one overwrites; an empty one removes it.
    static func progress(_ text: String) { try? writeAll(Array("\r\u{1B}[K\(text)".utf8), to: STDERR_FILENO) }

    /// Whether a person looks at it.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }
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

import Foundation
import Glibc
import HoldfastIO
import Synchronization

/// A program that this one has started, and stops.
final class ChildProcess: Sendable {
    /// Where what a child writes goes.
    enum Stream: Sendable {
        case pipe
        case file(String)
        case nowhere
    }

    private enum Ending {
        case running
        case ended(Int32)
    }

    let pid: pid_t
    private let name: String
    private let input: Int32
    private let output: Int32
    // Whom signals go to: the child, or its process group.
    private let group: pid_t
    private let ending = Mutex(Ending.running)
    private let buffer = Mutex<[UInt8]>([])

    // Of those that run: stopped when this program is told to stop.
    private static let running = Mutex<Set<pid_t>>([])

    /// Starts a program.
    /// - Parameters:
    ///   - input: the file that it reads; nil: a pipe.
    ///   - environment: what it gets beside this program's.
    ///   - isGroup: it is the head of a process group of its own, and what is sent to it goes to the whole group.
    init(
        _ path: String, _ arguments: [String], input inputFile: String? = nil, output: Stream = .pipe, errors: Stream = .nowhere,
        environment: [String: String] = [:], isGroup: Bool = false
    ) throws {
        name = path
        let stdin = try Self.makePipe()
        let stdout = try Self.makePipe()
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        if let inputFile {
            unsafe posix_spawn_file_actions_addopen(&actions, 0, inputFile, O_RDONLY, 0)
        } else {
            unsafe posix_spawn_file_actions_adddup2(&actions, stdin.read, 0)
        }
        for (stream, descriptor) in [(output, Int32(1)), (errors, Int32(2))] {
            switch stream {
            case .pipe: unsafe posix_spawn_file_actions_adddup2(&actions, stdout.write, descriptor)
            case .file(let path): unsafe posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            case .nowhere: unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
            }
        }
        var pid: pid_t = 0
        var pointers = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        let inherited = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var variables = unsafe inherited.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe variables.forEach { unsafe free($0) } }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        // The thread that starts it may block signals, and the child would never hear of an interrupt.
        var noSignals = sigset_t()
        unsafe sigemptyset(&noSignals)
        unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | (isGroup ? POSIX_SPAWN_SETPGROUP : 0)))
        let status = unsafe posix_spawn(&pid, path, &actions, &attributes, &pointers, &variables)
        close(stdin.read)
        close(stdout.write)
        self.pid = pid
        group = isGroup ? -pid : pid
        input = stdin.write
        self.output = stdout.read
        guard status == 0 else { throw LoadError("\(path) can't be started: \(unsafe String(cString: strerror(status)))") }
        Self.running.withLock { [group] in _ = $0.insert(group) }
    }

    deinit {
        end(SIGKILL)
        close(input)
        close(output)
    }

    /// Writes a line to the child's standard input.
    func writeLine(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = unsafe write(input, bytes, bytes.count)
    }

    /// The next line of the child's output; throws if it ends before.
    func readLine() throws -> String {
        try buffer.withLock { buffer in
            while true {
                if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = String(decoding: buffer[..<end], as: UTF8.self)
                    buffer.removeSubrange(...end)
                    return line
                }
                var chunk = [UInt8](repeating: 0, count: 4096)
                let count = unsafe read(output, &chunk, chunk.count)
                guard count > 0 else {
                    throw LoadError("\(name) has ended: its output stops after '\(String(decoding: buffer, as: UTF8.self))'")
                }
                buffer.append(contentsOf: chunk[..<count])
            }
        }
    }

    /// Reads what the child writes to its end, and waits until it is gone.
    /// - Returns: what it wrote, and its exit status; nil when a signal ended it.
    func finish() -> (text: String, status: Int32?) {
        var text = ""
        while let line = try? readLine() { text += line + "\n" }
        text += buffer.withLock { String(decoding: $0, as: UTF8.self) }
        end(0)
        return (text, exitStatus.flatMap { $0 >= 0 ? $0 : nil })
    }

    /// Sends a signal, none if it is 0, and waits until the child is gone.
    func end(_ signal: Int32) {
        ending.withLock { ending in
            // One that couldn't be started has no number, and 0 would mean ourselves.
            guard case .running = ending, pid > 0 else { return }
            kill(group, signal)
            wait(0, &ending)
        }
    }

    /// How it has ended, if it has: its exit code, or the signal's number below zero.
    var exitStatus: Int32? {
        ending.withLock { ending in
            if case .running = ending { wait(WNOHANG, &ending) }
            guard case .ended(let status) = ending else { return nil }
            return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
        }
    }

    private func wait(_ options: Int32, _ ending: inout Ending) {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = unsafe waitpid(pid, &status, options) } while result < 0 && errno == EINTR
        guard result != 0 else { return }
        ending = .ended(status)
        Self.running.withLock { _ = $0.remove(group) }
    }

    /// Stops all children and removes their folder when this program is interrupted. The result has to be kept.
    /// - Parameters:
    ///   - finishes: told of a signal; true when the run will end soon by itself.
    ///   - cleanUp: what else has to be undone.
    static func stopOnInterrupt(
        removing directory: String, unless finishes: @escaping @Sendable () -> Bool = { false },
        cleanUp: @escaping @Sendable () -> Void = {}
    ) throws -> SignalWatcher {
        try SignalWatcher([.interrupt, .terminate]) { signal in
            if finishes() { return }
            for pid in running.withLock({ $0 }) { kill(pid, SIGKILL) }
            cleanUp()
            try? FileManager.default.removeItem(atPath: directory)
            _exit(128 + signal.rawValue)
        }
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw LoadError("a pipe can't be made: \(unsafe String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}

import Foundation
import Synchronization

/// The real binary, run as a process of its own. Ended by its number at the latest when the value goes away.
final class Command: Sendable {
    /// What a command that has ended leaves behind.
    struct Result: Sendable {
        /// Negative: the signal that ended it.
        var status: Int32
        var output: String
        var error: String
    }

    private let process: Mutex<Process>
    private let number: pid_t
    private let outputPath: String
    private let errorPath: String
    private let ended: AsyncStream<Int32>
    private let firstOutput: AsyncStream<String>

    /// Starts `holdfast` with these arguments.
    /// - Parameters:
    ///   - directory: where its output goes, and where it runs.
    ///   - input: a file for standard input; nil: nothing.
    ///   - shell: a line of the shell that runs it as `"$@"`, with other descriptors or bytes than Foundation hands on.
    init(_ arguments: [String], in directory: TemporaryDirectory, input: String? = nil, shell: String? = nil) throws {
        let serial = UInt64.random(in: 0...UInt64.max)
        outputPath = directory.path("output-\(serial)")
        errorPath = directory.path("error-\(serial)")
        for path in [outputPath, errorPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        let process = Process()
        process.executableURL = shell == nil ? Self.binary : URL(fileURLWithPath: "/bin/sh")
        process.arguments = shell.map { ["-c", $0, "sh", Self.binary.path] + arguments } ?? arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory.path)
        process.standardInput = try input.map { try FileHandle(forReadingFrom: URL(fileURLWithPath: $0)) } ?? FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
        let pipe = Pipe()
        process.standardOutput = pipe
        let (ended, endedContinuation) = AsyncStream.makeStream(of: Int32.self)
        let (lines, linesContinuation) = AsyncStream.makeStream(of: String.self)
        self.ended = ended
        firstOutput = lines
        let copy = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
        let copied = DispatchSemaphore(value: 0)
        process.terminationHandler = { process in
            // All of the output is in its file once the end is told.
            copied.wait()
            let status = process.terminationReason == .uncaughtSignal ? -process.terminationStatus : process.terminationStatus
            endedContinuation.yield(status)
            endedContinuation.finish()
        }
        try process.run()
        number = process.processIdentifier
        self.process = Mutex(process)
        let reader = pipe.fileHandleForReading
        Thread.detachNewThread {
            var head = Data()
            var isHead = true
            while case let data = reader.availableData, !data.isEmpty {
                try? copy.write(contentsOf: data)
                if isHead {
                    head.append(data)
                    guard let end = head.firstIndex(of: UInt8(ascii: "\n")) else { continue }
                    linesContinuation.yield(String(decoding: head[..<end], as: UTF8.self))
                    isHead = false
                }
            }
            linesContinuation.finish()
            copied.signal()
        }
    }

    deinit { kill(number, SIGKILL) }

    /// The binary that was built with these tests: it lies beside their bundle.
    static var binary: URL {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("holdfast")
    }

    /// Runs `holdfast` to its end.
    static func run(
        _ arguments: [String], in directory: TemporaryDirectory, input: String? = nil, shell: String? = nil
    ) async throws -> Result {
        try await Command(arguments, in: directory, input: input, shell: shell).result()
    }

    /// The first line of its output; nil if it ends without one.
    func firstLine() async -> String? { await firstOutput.first { _ in true } }

    var isRunning: Bool { process.withLock { $0.isRunning } }

    /// Sends it a signal.
    func signal(_ signal: Int32) { kill(number, signal) }

    /// Waits for its end.
    func result() async throws -> Result {
        let status = await ended.first { _ in true } ?? 0
        func text(_ path: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
        }
        return Result(status: status, output: try text(outputPath), error: try text(errorPath))
    }
}

/// A gateway of its own, on ports that the system chose; they stay the same when it is started again.
actor GatewayProcess {
    let directory: TemporaryDirectory
    private let extra: [String]
    private var command: Command?
    private(set) var address = "127.0.0.1:0"
    private(set) var tlsAddress = "127.0.0.1:0"

    /// Starts a gateway with a new data directory.
    init(in directory: TemporaryDirectory, extra: [String] = []) async throws {
        self.directory = directory
        self.extra = extra
        try await start()
    }

    /// Options of clients on the same machine.
    var options: [String] { ["--server", address, "--data", directory.path("data")] }

    /// Starts it again, and waits until it serves.
    func start() async throws {
        let command = try Command(
            ["serve", "--data", directory.path("data"), "--listen", address, "--tls-listen", tlsAddress, "--control-listen", "127.0.0.1:0"]
                + extra, in: directory)
        self.command = command
        guard let line = await command.firstLine(), let ready = line.wholeMatch(of: /ready tcp=(\S+) tls=(\S+) control=\S+/) else {
            throw NotReady(error: try await command.result().error)
        }
        address = String(ready.1)
        tlsAddress = String(ready.2)
    }

    /// What a gateway said instead of serving.
    struct NotReady: Error {
        var error: String
    }

    /// Ends it with a signal and waits for its end.
    @discardableResult func stop(_ signal: Int32) async throws -> Command.Result? {
        guard let command else { return nil }
        self.command = nil
        command.signal(signal)
        return try await command.result()
    }
}

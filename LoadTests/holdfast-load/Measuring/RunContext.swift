import Foundation

/// What a reader has to know of a run besides its figures: when, how, on which machine, against which server.
struct RunContext: Codable, Sendable {
    /// ISO 8601, UTC.
    var startedAt: String
    /// The command that repeats it; the program's name without its folder.
    var command: String
    /// Of the working copy that this program was built in, or `unknown`.
    var commit: String
    var machine: Machine
    /// What the load was put on; nil: nothing but this machine.
    var server: Server?

    /// The machine that both sides ran on.
    struct Machine: Codable, Sendable {
        var kernel: String
        var processor: String
        var cores: Int
        var memoryBytes: Int
        /// Descriptors that a process may have.
        var descriptors: Int
    }

    /// A gateway, or a peer that it is compared with.
    struct Server: Codable, Sendable {
        /// `holdfast`, `mosquitto`, `nats-server`, `ejabberd`, `rabbitmq`, `floor`.
        var name: String
        var version: String
        /// The settings that matter for a comparison, in a few words: "as delivered", "saving on every change".
        var settings: String
    }

    /// That of a run which begins now.
    static func now(server: Server? = nil) -> RunContext {
        let words = [(CommandLine.arguments[0] as NSString).lastPathComponent] + CommandLine.arguments.dropFirst()
        return RunContext(
            startedAt: Date.now.formatted(.iso8601), command: words.joined(separator: " "), commit: ResultsFile.commit,
            machine: Machine.this, server: server)
    }
}

extension RunContext.Machine {
    /// This one.
    static let this = RunContext.Machine(
        kernel: firstLine("/proc/sys/kernel/osrelease"), processor: processor, cores: ProcessInfo.processInfo.activeProcessorCount,
        memoryBytes: Int(ProcessInfo.processInfo.physicalMemory), descriptors: descriptors)

    private static var processor: String {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }

    private static var descriptors: Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return Int(clamping: limit.rlim_max)
    }

    private static func firstLine(_ path: String) -> String {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? "unknown"
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

import Foundation
import Glibc

/// `perf record` beside a gateway, and the flame graph of what it saw.
final class Profiler {
    private let perf: String
    private let recorder: ChildProcess
    private let data: String
    private let log: String
    private let file: String

    static let perSecond = 199

    /// Begins. Throws what is missing, with what mends it.
    /// - Parameters:
    ///   - pid: whom to watch.
    ///   - file: the SVG file that is made at the end.
    ///   - directory: for what perf writes, which is some megabytes a minute.
    init(pid: Int32, file: String, directory: String) throws {
        perf = try Self.find()
        self.file = file
        data = directory + "/perf.data"
        log = directory + "/perf.log"
        recorder = try ChildProcess(
            perf, ["record", "-F", "\(Self.perSecond)", "-g", "-p", "\(pid)", "-o", data], output: .nowhere, errors: .file(log))
        // It writes its file's head when it has begun.
        let deadline = ContinuousClock.now + .seconds(10)
        while (try? FileManager.default.attributesOfItem(atPath: data)[.size] as? Int).map({ $0 > 0 }) != true {
            guard recorder.exitStatus == nil, ContinuousClock.now < deadline else { throw failure("perf record didn't begin") }
            usleep(10_000)
        }
    }

    /// Where perf is. Throws if it isn't installed, or the system doesn't let this user watch a process, before anything is started.
    @discardableResult
    static func find() throws -> String {
        guard let perf = Tool.find("perf") ?? Tool.findInPath("perf") else {
            throw LoadError("--profile needs perf: apt-get install linux-perf (Debian), or linux-tools-generic (Ubuntu)")
        }
        let setting = "/proc/sys/kernel/perf_event_paranoid"
        let text = (try? String(contentsOfFile: setting, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        try check(paranoid: text.flatMap { Int($0) }, isRoot: geteuid() == 0)
        return perf
    }

    /// Throws if a user may not watch a process of his own. From 2 on, what the kernel does for it isn't seen; Debian's 3 forbids all.
    static func check(paranoid: Int?, isRoot: Bool) throws {
        guard let paranoid, paranoid > 2, !isRoot else { return }
        throw LoadError(
            "--profile: kernel.perf_event_paranoid is \(paranoid), and the most that lets a user watch a process is 2: "
                + "sudo sysctl kernel.perf_event_paranoid=1, or run this as root")
    }

    /// Ends it and writes the flame graph.
    /// - Returns: a line about it.
    func finish(title: String) throws -> String {
        // It finishes its file, and is given the time for it.
        kill(recorder.pid, SIGINT)
        let deadline = ContinuousClock.now + .seconds(60)
        while recorder.exitStatus == nil {
            guard ContinuousClock.now < deadline else {
                recorder.end(SIGKILL)
                throw failure("perf record didn't end")
            }
            usleep(10_000)
        }
        let script = data + ".txt"
        // Names of inlined functions would take minutes.
        let printer = try ChildProcess(
            perf, ["script", "--no-inline", "-F", "comm,pid,tid,time,event,ip,sym,dso", "-i", data], output: .file(script),
            errors: .file(log))
        printer.end(0)
        guard printer.exitStatus == 0, let text = FileManager.default.contents(atPath: script), !text.isEmpty else {
            throw failure("perf has recorded nothing")
        }
        let graph = try FlameGraph(script: text, name: "the recording", title: title, perSecond: Self.perSecond)
        try graph.write(to: file)
        return "profile: \(file), \(graph.sampleCount) samples"
    }

    private func failure(_ what: String) -> LoadError {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return LoadError("--profile: \(what); it said: \(text.suffix(600).trimmingCharacters(in: .whitespacesAndNewlines))")
    }
}

/// From the text of `perf script` to a file.
struct FlameGraph {
    let sampleCount: Int
    private let svg: String

    /// - Parameters:
    ///   - name: that of the text, for errors.
    ///   - perSecond: samples a second of a busy thread; nil: unknown.
    init(script: Data, name: String, title: String, perSecond: Int? = nil) throws {
        let profile = try PerfProfile(script: script, name: name)
        sampleCount = profile.samples.count
        let tree = FlameTree(profile, names: SymbolNames.readable(profile.frames.map(\.symbol)))
        let rate = perSecond.map { ", \($0) a second of CPU time" } ?? ""
        svg = FlameDrawing(title: title, subtitle: "\(sampleCount) samples\(rate)", tree: tree).svg
    }

    func write(to file: String) throws {
        do {
            try svg.write(toFile: file, atomically: true, encoding: .utf8)
        } catch {
            throw LoadError("\(file) can't be written: \(error.localizedDescription)")
        }
    }
}

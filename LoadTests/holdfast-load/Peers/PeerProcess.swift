import Foundation
import Glibc
import HoldfastIO

/// A peer's program: found, started in a process group of its own, waited for, ended with all its processes.
final class PeerProcess: Sendable {
    /// Where a program is. Throws the command that installs it.
    /// - Parameter paths: tried before the usual folders.
    static func find(_ name: String, paths: [String] = [], install: String) throws -> String {
        if let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) ?? Tool.find(name) { return path }
        throw LoadError("\(name) isn't installed: \(install)")
    }

    /// How it lives, and what it says.
    let life: PeerLife
    private var child: ChildProcess { life.child }

    /// The process that was started.
    var pid: Int32 { child.pid }

    /// Starts it.
    /// - Parameters:
    ///   - log: gets what it writes to standard output and standard error.
    ///   - ownLog: the one that it writes by itself, if it does.
    init(
        _ name: String, _ path: String, _ arguments: [String], environment: [String: String] = [:], log: String, ownLog: String? = nil
    ) throws {
        let child = try ChildProcess(
            path, arguments, output: .file(log), errors: .file(log), environment: environment, isGroup: true)
        life = PeerLife(name: name, child: child, logs: [log] + (ownLog.map { [$0] } ?? []))
    }

    /// Waits until a port answers.
    func waitForPort(_ port: UInt16, seconds: Double = 60) async throws {
        let deadline = Fleet.nanoseconds + UInt64(seconds * 1e9)
        while !FreePort.answers(port) {
            if let ending = life.ending { throw LoadError("it didn't start: \(ending)") }
            guard Fleet.nanoseconds < deadline else {
                throw LoadError("\(life.name) didn't start: port \(port) doesn't answer after \(Int(seconds)) s. \(life.lastLines)")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Ends all its processes at once, also those that have left its group, and waits for the first.
    func kill() {
        let others = PeerMeter(roots: [child.pid]).pids.dropFirst()
        child.end(SIGKILL)
        for pid in others { _ = Glibc.kill(pid, SIGKILL) }
    }
}

/// A certificate for 127.0.0.1 and its key, as files.
struct PeerCertificate {
    let certificate: String
    let key: String

    /// Makes both in a folder, readable for a peer that runs as a user of its own.
    init(directory: String) throws {
        certificate = directory + "/cert.pem"
        key = directory + "/key.pem"
        let pair = try makeSelfSignedCertificate(names: ["127.0.0.1"], days: 30)
        try pair.certificatePEM.write(toFile: certificate, atomically: true, encoding: .utf8)
        try pair.keyPEM.write(toFile: key, atomically: true, encoding: .utf8)
    }
}

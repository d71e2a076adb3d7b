import Foundation
import Glibc
import HoldfastIO

/// A peer's program: found, started in a process group of its own, waited for, ended with all its processes.
final class PeerProcess {
    /// Where a program is. Throws the command that installs it.
    /// - Parameter paths: tried before the usual folders.
    static func find(_ name: String, paths: [String] = [], install: String) throws -> String {
        if let path = paths.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) ?? Tool.find(name) { return path }
        throw LoadError("\(name) isn't installed: \(install)")
    }

    private let child: ChildProcess
    private let log: String

    /// The process that was started.
    var pid: Int32 { child.pid }

    /// Starts it; what it says goes to `log`.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:], log: String) throws {
        self.log = log
        child = try ChildProcess(
            path, arguments, output: .file(log), errors: .file(log), environment: environment, isGroup: true)
    }

    /// Waits until a port answers.
    func waitForPort(_ port: UInt16, seconds: Double = 60) async throws {
        let deadline = Fleet.nanoseconds + UInt64(seconds * 1e9)
        while !FreePort.answers(port) {
            if let status = child.exitStatus { throw LoadError("it has ended (\(status)): \(logTail)") }
            guard Fleet.nanoseconds < deadline else { throw LoadError("port \(port) doesn't answer after \(Int(seconds)) s: \(logTail)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// How it has ended, if it has.
    var exitStatus: Int32? { child.exitStatus }

    /// The end of what it said.
    var logTail: String { String(((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").suffix(600)) }

    /// Ends all its processes at once, also those that have left its group, and waits for the first.
    func kill() {
        let others = PeerMeter(roots: [child.pid]).pids.dropFirst()
        child.end(SIGKILL)
        for pid in others { _ = Glibc.kill(pid, SIGKILL) }
    }
}

/// Ports of loopback.
enum FreePort {
    /// Ports that nobody listens on now; different ones.
    static func take(_ count: Int) throws -> [UInt16] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            descriptors.append(descriptor)
            var address = loopback(port: 0)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                    unsafe bind(descriptor, raw, length) == 0 ? getsockname(descriptor, raw, &length) : -1
                }
            }
            guard status == 0 else { throw LoadError("no free port: \(unsafe String(cString: strerror(errno)))") }
            return UInt16(bigEndian: address.sin_port)
        }
    }

    /// Whether somebody listens on a port of 127.0.0.1.
    static func answers(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe connect(descriptor, raw, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
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

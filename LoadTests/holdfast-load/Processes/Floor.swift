import Foundation
import Glibc
import HoldfastIO

/// The floor: a bare server in C and its generator, from LoadTests/floor. What the machine itself costs.
final class Floor {
    private let server: ChildProcess
    private let generator: ChildProcess
    private let address: SocketAddress
    private var openCount = 0

    /// Builds it if need be, and starts it.
    /// - Parameter tls: the directory with the certificate and the key (cert.pem, key.pem) that it speaks TLS with; nil: plaintext.
    init(sources: String?, tls: String? = nil) throws {
        let directory = try sources ?? Workshop.find("LoadTests/floor", holding: "c-server.c", option: "--floor")
        try Self.build(directory)
        let port = try FreePort.take(1)[0]
        address = SocketAddress(ipv4: 0x7F00_0001, port: port)
        let certificate = tls.map { ["tls", $0 + "/cert.pem", $0 + "/key.pem"] } ?? []
        server = try ChildProcess(directory + "/c-server", [String(port), "2"] + certificate, output: .nowhere, errors: .pipe)
        guard try server.readLine() == "ready" else { throw LoadError("the floor's server didn't start") }
        generator = try ChildProcess(directory + "/loadgen", [String(port)] + (tls == nil ? [] : ["tls"]))
    }

    /// The server's CPU time for a message without payload, with the floor's own generator, in microseconds.
    func microsecondsPerMessage(clients: Int, outstanding: Int, seconds: Int) throws -> Double {
        try microsecondsPerMessage("pp \(clients) \(outstanding) \(seconds) 0", clients: clients)
    }

    /// The same for messages of `bytes` bytes that come at a rate, to one connection after the other.
    func microsecondsPerMessage(clients: Int, perSecond: Int, bytes: Int, seconds: Int) throws -> Double {
        try microsecondsPerMessage("rate \(clients) \(perSecond) \(seconds) \(bytes)", clients: clients)
    }

    private func microsecondsPerMessage(_ text: String, clients: Int) throws -> Double {
        if openCount < clients {
            _ = try command("open \(clients) 64")
            openCount = clients
        }
        let meter = ProcessMeter(pid: server.pid)
        let before = meter.cpuSeconds ?? 0
        let answer = try command(text)
        let used = (meter.cpuSeconds ?? 0) - before
        guard let count = answer.split(separator: " ").first(where: { $0.hasPrefix("msgs=") }).flatMap({ Double($0.dropFirst(5)) }),
            count > 0
        else { throw LoadError("the floor's generator said '\(answer)'") }
        return used / count * 1e6
    }

    /// The same with the generator that drives the gateway: its share in the difference.
    func microsecondsPerMessageOwnGenerator(clients: Int, outstanding: Int, seconds: Double) async throws -> Double {
        let load = try EchoLoad(address: address, clients: clients, outstanding: outstanding)
        defer { load.stop() }
        try await Task.sleep(for: .milliseconds(500))
        let meter = ProcessMeter(pid: server.pid)
        let (before, count) = (meter.cpuSeconds ?? 0, load.count)
        try await Task.sleep(for: .seconds(seconds))
        let messages = load.count - count
        guard messages > 0 else { throw LoadError("the floor's server doesn't answer") }
        return ((meter.cpuSeconds ?? 0) - before) / Double(messages) * 1e6
    }

    /// The server's CPU time for a connect, a ping and the end of the connection by a reset, in microseconds.
    func microsecondsPerConnect(_ count: Int) throws -> Double { try microseconds("churn \(count) 64 0", count) }

    /// The server's CPU time for a connect, a TLS handshake and the end of the connection by a reset, in microseconds.
    func microsecondsPerHandshake(_ count: Int, resumes: Bool) throws -> Double {
        if openCount == 0 {
            // Its first connection gets the session that the others resume.
            _ = try command("open 1 1")
            openCount = 1
        }
        return try microseconds("shake \(count) 64 \(resumes ? 1 : 0)", count)
    }

    private func microseconds(_ text: String, _ count: Int) throws -> Double {
        let meter = ProcessMeter(pid: server.pid)
        let before = meter.cpuSeconds ?? 0
        let answer = try command(text)
        guard answer.hasPrefix("churn n=\(count) ") else { throw LoadError("the floor's generator said '\(answer)'") }
        return ((meter.cpuSeconds ?? 0) - before) / Double(count) * 1e6
    }

    private func command(_ text: String) throws -> String {
        generator.writeLine(text)
        return try generator.readLine()
    }

    private static func build(_ directory: String) throws {
        let make = try ChildProcess("/usr/bin/make", ["-s", "-C", directory], errors: .pipe)
        let (text, status) = make.finish()
        guard status == 0 else {
            throw LoadError(
                "make -C \(directory) failed: \(text)It needs make, gcc and OpenSSL's headers (apt-get install make gcc libssl-dev)")
        }
    }
}

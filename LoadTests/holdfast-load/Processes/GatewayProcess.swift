import Foundation
import HoldfastIO

/// A `holdfast serve` of this run's own, with a data directory of its own.
final class GatewayProcess {
    private(set) var child: ChildProcess
    private(set) var address: SocketAddress
    private(set) var tlsAddress: SocketAddress
    /// Of the control API; nil in a network namespace, which may have no loopback.
    private(set) var controlAddress: SocketAddress?
    let data: String
    private let workshop: Workshop
    private let configuration: String?
    private let namespace: String?

    /// Starts it and waits until it is ready.
    /// - Parameters:
    ///   - configuration: the text of a configuration file; nil: all defaults.
    ///   - data: its data directory; nil: a new one in the workshop, by that name.
    ///   - host: where it listens, on free ports.
    ///   - namespace: the network namespace that it runs in; nil: this program's.
    init(
        _ workshop: Workshop, name: String, configuration: String? = nil, data: String? = nil, host: String = "127.0.0.1",
        namespace: String? = nil
    ) throws {
        self.workshop = workshop
        self.namespace = namespace
        self.data = data ?? "\(workshop.directory)/\(name)"
        if let configuration {
            self.configuration = self.data + ".yaml"
            try configuration.write(toFile: self.data + ".yaml", atomically: true, encoding: .utf8)
        } else {
            self.configuration = nil
        }
        (child, address, tlsAddress, controlAddress) = try Self.start(
            workshop, self.data, self.configuration, listen: host + ":0", tlsListen: host + ":0", namespace)
    }

    /// Ends it as a power cut would, as far as the process goes.
    func kill() { child.end(SIGKILL) }

    /// Starts it again on the same ports and data.
    func restart() throws {
        (child, address, tlsAddress, controlAddress) = try Self.start(
            workshop, data, configuration, listen: address.description, tlsListen: tlsAddress.description, namespace)
    }

    /// How it has ended, if it has, and what it said last: its log goes with its data.
    var ending: String? {
        guard let status = child.exitStatus else { return nil }
        let text = (try? String(contentsOfFile: data + ".log", encoding: .utf8)) ?? ""
        return "the gateway has ended \(status < 0 ? "by signal \(-status)" : "with \(status)"); it said last: \(text.suffix(500))"
    }

    /// Ends it and removes its data.
    func remove() {
        child.end(SIGKILL)
        try? FileManager.default.removeItem(atPath: data)
        try? FileManager.default.removeItem(atPath: data + ".log")
    }

    /// It as a target.
    func target(tls: Bool = false, keepsSessions: Bool = false) throws -> Target {
        try Target(
            address: tls ? tlsAddress : address, tls: tls ? "127.0.0.1" : nil, data: data, pid: child.pid, keepsSessions: keepsSessions)
    }

    private static func start(
        _ workshop: Workshop, _ data: String, _ configuration: String?, listen: String, tlsListen: String, _ namespace: String?
    ) throws -> (ChildProcess, SocketAddress, SocketAddress, SocketAddress?) {
        let control = namespace == nil ? "127.0.0.1:0" : ""
        var arguments = ["serve", "--data", data, "--listen", listen, "--tls-listen", tlsListen, "--control-listen", control]
        if let configuration { arguments += ["--config", configuration] }
        let log = data + ".log"
        // `ip netns exec` becomes the program: the child's pid is the gateway's.
        let inside = namespace.map { [Tool.find("ip") ?? "ip", "netns", "exec", $0] } ?? []
        let words = inside + [workshop.gateway] + arguments
        let child = try ChildProcess(words[0], Array(words.dropFirst()), errors: .file(log))
        let line: String
        do {
            line = try child.readLine()
        } catch {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw LoadError("the gateway didn't start: \(text.suffix(500))")
        }
        func address(_ prefix: String) throws -> SocketAddress? {
            let word = line.split(separator: " ").first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
            // "-": it doesn't listen there.
            return try word.flatMap { $0 == "-" ? nil : try SocketAddress(parsing: String($0)) }
        }
        guard let tcp = try address("tcp="), let tls = try address("tls=") else {
            throw LoadError("the gateway said '\(line)' instead of 'ready tcp=... tls=... control=...'")
        }
        return (child, tcp, tls, try address("control="))
    }
}

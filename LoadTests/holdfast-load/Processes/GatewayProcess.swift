import Foundation
import HoldfastIO

/// A `holdfast serve` of this run's own, with a data directory of its own.
final class GatewayProcess {
    private(set) var child: ChildProcess
    private(set) var address: SocketAddress
    private(set) var tlsAddress: SocketAddress
    let data: String
    private let workshop: Workshop
    private let configuration: String?

    /// Starts it and waits until it is ready.
    /// - Parameter configuration: the text of a configuration file; nil: all defaults.
    init(_ workshop: Workshop, name: String, configuration: String? = nil) throws {
        self.workshop = workshop
        data = "\(workshop.directory)/\(name)"
        if let configuration {
            self.configuration = data + ".yaml"
            try configuration.write(toFile: data + ".yaml", atomically: true, encoding: .utf8)
        } else {
            self.configuration = nil
        }
        (child, address, tlsAddress) = try Self.start(
            workshop, data, self.configuration, listen: "127.0.0.1:0", tlsListen: "127.0.0.1:0")
    }

    /// Ends it as a power cut would, as far as the process goes.
    func kill() { child.end(SIGKILL) }

    /// Starts it again on the same ports and data.
    func restart() throws {
        (child, address, tlsAddress) = try Self.start(
            workshop, data, configuration, listen: address.description, tlsListen: tlsAddress.description)
    }

    /// Ends it and removes its data.
    func remove() {
        child.end(SIGKILL)
        try? FileManager.default.removeItem(atPath: data)
    }

    /// It as a target.
    func target(tls: Bool = false) throws -> Target {
        try Target(address: tls ? tlsAddress : address, tls: tls ? "127.0.0.1" : nil, data: data, pid: child.pid)
    }

    private static func start(
        _ workshop: Workshop, _ data: String, _ configuration: String?, listen: String, tlsListen: String
    ) throws -> (ChildProcess, SocketAddress, SocketAddress) {
        var arguments = ["serve", "--data", data, "--listen", listen, "--tls-listen", tlsListen]
        if let configuration { arguments += ["--config", configuration] }
        let log = data + ".log"
        let child = try ChildProcess(workshop.gateway, arguments, errors: .file(log))
        let line: String
        do {
            line = try child.readLine()
        } catch {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw LoadError("the gateway didn't start: \(text.suffix(500))")
        }
        var addresses: [SocketAddress] = []
        for prefix in ["tcp=", "tls="] {
            guard let word = line.split(separator: " ").first(where: { $0.hasPrefix(prefix) }) else {
                throw LoadError("the gateway said '\(line)' instead of 'ready tcp=... tls=...'")
            }
            addresses.append(try SocketAddress(parsing: String(word.dropFirst(prefix.count))))
        }
        return (child, addresses[0], addresses[1])
    }
}

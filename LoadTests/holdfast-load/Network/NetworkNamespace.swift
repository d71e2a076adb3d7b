import CLinux
import Foundation
import Synchronization

/// A network namespace of this run: a network stack of its own, removed with the object, or when the program is interrupted.
final class NetworkNamespace: Sendable {
    /// As `ip netns` shows it.
    let name: String
    private static let existing = Mutex<Set<String>>([])
    private static let prefix = "holdfast-"
    private static let folder = "/run/netns"

    /// - Parameter role: tells the namespaces of one run apart.
    init(role: String) throws {
        name = "\(Self.prefix)\(getpid())-\(role)"
        try Tool.run("ip", ["netns", "add", name])
        Self.existing.withLock { [name] in _ = $0.insert(name) }
        try Tool.run("ip", ["-n", name, "link", "set", "lo", "up"])
    }

    deinit { Self.remove(name) }

    /// The calling thread's sockets are in this namespace from now on.
    func enter() throws {
        let path = "\(Self.folder)/\(name)"
        guard unsafe path.withCString({ unsafe clinux_enter_network_namespace($0) }) == 0 else {
            throw LoadError("\(path) can't be entered: \(unsafe String(cString: strerror(errno)))")
        }
    }

    /// `ip` in this namespace.
    func ip(_ words: String) throws { try Tool.run("ip", ["-n", name] + words.split(separator: " ").map(String.init)) }

    /// Any program in this namespace.
    @discardableResult
    func run(_ arguments: [String]) throws -> String { try Tool.run("ip", ["netns", "exec", name] + arguments) }

    /// `nft` in this namespace.
    func nft(_ words: String) throws { try run(["nft"] + words.split(separator: " ").map(String.init)) }

    /// Sets a value under /proc/sys/net/ipv4.
    func set(_ key: String, _ value: String) throws { try run(["sh", "-c", "echo \(value) > /proc/sys/net/ipv4/\(key)"]) }

    /// Established TCP connections of a local port.
    func connections(port: UInt16) throws -> Int {
        let text = try run(["cat", "/proc/net/tcp"])
        let suffix = String(format: ":%04X", port)
        return text.split(separator: "\n").count { line in
            let fields = line.split(separator: " ")
            return fields.count > 3 && fields[1].hasSuffix(suffix) && fields[3] == "01"
        }
    }

    /// Removes all that there are: for the end by a signal.
    static func removeAll() {
        for name in existing.withLock({ $0 }) { remove(name) }
    }

    /// Removes what runs have left that were killed.
    static func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where name.hasPrefix(prefix) {
            guard let pid = name.dropFirst(prefix.count).split(separator: "-").first.flatMap({ Int32($0) }) else { continue }
            // A process that has ended has no program, also before its parent has asked for its status.
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
            if let program, program.contains("holdfast-load") { continue }
            _ = try? Tool.run("ip", ["netns", "del", name])
        }
    }

    private static func remove(_ name: String) {
        guard existing.withLock({ $0.remove(name) }) != nil else { return }
        _ = try? Tool.run("ip", ["netns", "del", name])
    }
}

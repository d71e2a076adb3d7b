import Foundation
import HoldfastIO

/// The gateway that a run is against.
struct Target: Sendable {
    /// Where it listens.
    var address: SocketAddress
    /// Nil: plaintext.
    var tls: TLSClientOptions?
    /// Connects resume the TLS session of those before them.
    var keepsSessions = false
    /// Whose certificate it has, with TLS.
    var trust: String?
    /// Its data directory.
    var data: String
    /// Its process on this machine, if known: whose memory and CPU time are read.
    var pid: Int32?
    /// Who may log in.
    var tokens: TokenOrigin

    /// Addresses to connect from, taken in turn.
    var sources: [SocketAddress] { Self.sources(to: address) }

    /// Addresses to connect to `address` from. A pair of addresses has some 28,000 ports, and loopback has many addresses: several are
    /// used, so that ports of connections that have just ended don't matter.
    static func sources(to address: SocketAddress) -> [SocketAddress] {
        guard address.isIPv4, address.isLoopback else { return [] }
        return (0..<sourceCount).map { SocketAddress(ipv4: firstSource + $0, port: 0) }
    }

    /// What a scenario's name ends with: the transport.
    var suffix: String { tls == nil ? "" : keepsSessions ? "-tls-resumed" : "-tls" }

    /// What a report says of it.
    var description: RunContext.Server {
        var settings = "as delivered"
        var version = "unknown"
        if let pid {
            let words =
                (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8))?.split(separator: "\0").map(String.init) ?? []
            if let index = words.firstIndex(of: "--config"), index + 1 < words.count,
                let text = try? String(contentsOfFile: words[index + 1], encoding: .utf8)
            {
                settings = text.split(separator: "\n").joined(separator: ", ")
            }
            // One that was built with this program is of the same commit.
            let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
            if program == Workshop.ownDirectory + "/holdfast" { version = ResultsFile.version }
            if version == "unknown", let program { version = Self.version(of: program) }
        }
        return RunContext.Server(name: "holdfast", version: version, settings: settings)
    }

    /// What a gateway's program says of itself.
    private static func version(of program: String) -> String {
        guard let child = try? ChildProcess(program, ["--version"], output: .pipe, errors: .nowhere) else { return "unknown" }
        return child.finish().text.split(whereSeparator: \.isWhitespace).last.map(String.init) ?? "unknown"
    }

    private static let firstSource: UInt32 = 0x7F00_0002
    private static let sourceCount: UInt32 = 16
}

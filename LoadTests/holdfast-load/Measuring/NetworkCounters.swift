import Foundation

/// Counters of the system's TCP that tell of connects that had to be repeated.
enum NetworkCounters {
    /// Connects that a full listen queue threw away, since the system's start.
    static var listenDrops: Int {
        (try? String(contentsOfFile: "/proc/net/netstat", encoding: .utf8)).map(listenDrops) ?? 0
    }

    /// The same out of a text of /proc/net/netstat, of another network namespace for instance.
    static func listenDrops(_ text: String) -> Int {
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let column = lines[0].firstIndex(of: "ListenDrops"), column < lines[1].count else { return 0 }
        return Int(lines[1][column]) ?? 0
    }

    /// Memory that the system holds for TCP sockets, of all programs.
    static var tcpBytes: Int {
        guard let text = try? String(contentsOfFile: "/proc/net/sockstat", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("TCP:") })
        else { return 0 }
        let words = line.split(separator: " ")
        guard let index = words.firstIndex(of: "mem"), index + 1 < words.count else { return 0 }
        return (Int(words[index + 1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}

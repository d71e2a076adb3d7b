import Foundation

/// Counters of the system's TCP that tell of connects that had to be repeated.
enum NetworkCounters {
    /// Connects that a full listen queue threw away, since the system's start.
    static var listenDrops: Int {
        guard let text = try? String(contentsOfFile: "/proc/net/netstat", encoding: .utf8) else { return 0 }
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("TcpExt:") }.map { $0.split(separator: " ") }
        guard lines.count == 2, let column = lines[0].firstIndex(of: "ListenDrops"), column < lines[1].count else { return 0 }
        return Int(lines[1][column]) ?? 0
    }
}

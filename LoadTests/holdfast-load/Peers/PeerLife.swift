import Foundation

/// Whether a server's first process lives, and its logs. Asked from any thread.
struct PeerLife: Sendable {
    let name: String
    let child: ChildProcess
    let logs: [String]

    /// How it has ended, and what it said last; nil while it lives.
    var ending: String? {
        child.exitStatus.map { status in
            "\(name) has ended \(status < 0 ? "by signal \(-status)" : "with exit status \(status)"). \(lastLines)"
        }
    }

    /// The end of its logs.
    var lastLines: String {
        let tails = logs.compactMap { path -> String? in
            // A log may be large, and may have bytes that are no text.
            guard let file = FileHandle(forReadingAtPath: path), let size = try? file.seekToEnd() else { return nil }
            defer { try? file.close() }
            try? file.seek(toOffset: size > Self.tailBytes ? size - Self.tailBytes : 0)
            let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
            let lines = text.split(separator: "\n").suffix(Self.tailLines)
            return lines.isEmpty ? nil : lines.joined(separator: "\n")
        }
        return tails.isEmpty ? "It said nothing." : "It said last:\n" + tails.joined(separator: "\n")
    }

    private static let tailBytes: UInt64 = 4_096
    private static let tailLines = 8
}

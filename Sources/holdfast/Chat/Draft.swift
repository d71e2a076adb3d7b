internal import Foundation
internal import HoldfastStorage

/// What was being written when a chat ended, kept in the directory of `--state`.
struct Draft {
    private let path: String

    /// The draft of a state directory.
    init(state: String) { path = state + "/draft" }

    /// What an earlier run has left; empty when there is nothing.
    func read() -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Keeps a text; an empty one removes what was kept.
    func write(_ text: String) throws {
        if text.isEmpty {
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            return
        }
        // Nobody else may read it, from its first moment on.
        try DurableFile.write(Array(text.utf8), to: path, mode: 0o600)
    }
}

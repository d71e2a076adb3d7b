internal import Glibc

/// The text files by which the system tells of itself.
enum SystemFile {
    /// Far more than such a file holds: the list of mounts is the longest.
    private static let bytesMax = 4 << 20

    /// The whole text without its last line break; nil when it can't be read or is empty.
    static func text(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 8192)
        while bytes.count < bytesMax {
            let count = unsafe Glibc.read(descriptor, &part, part.count)
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += part[..<count]
        }
        guard !bytes.isEmpty else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}

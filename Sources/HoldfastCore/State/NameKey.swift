/// A name that tables are searched for: its bytes are hashed once, however many tables it passes through.
package struct NameKey: Hashable, Sendable {
    package let bytes: [UInt8]
    private let bytesHash: Int

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var hasher = Hasher()
        // In one piece: an array hashes its elements one by one.
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        bytesHash = hasher.finalize()
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytesHash) }

    package static func == (left: Self, right: Self) -> Bool { left.bytesHash == right.bytesHash && left.bytes == right.bytes }
}

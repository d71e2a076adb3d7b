/// A name that tables are searched for: its bytes are hashed once, however many tables it passes through.
package struct NameKey: Hashable, Sendable {
    package let bytes: [UInt8]
    /// Under the key of the core that it is for: names of two cores are never compared.
    let bytesHash: UInt64

    package init(_ bytes: [UInt8], _ hash: KeyedHash) {
        self.bytes = bytes
        bytesHash = hash.hash(bytes.span)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytesHash) }

    package static func == (left: Self, right: Self) -> Bool { left.bytesHash == right.bytesHash && left.bytes == right.bytes }
}

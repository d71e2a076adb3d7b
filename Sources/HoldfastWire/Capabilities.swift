/// What a side can do beyond what every peer of version 1 can (SPEC 3.10): one bit each, of which none has a meaning yet. A side uses only
/// what both have announced (REQ-CAP-3).
package struct Capabilities: OptionSet, Hashable, Sendable {
    /// As it is on the wire.
    package let rawValue: UInt64
    /// Unknown bits are kept: they say nothing to this build.
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Those that this build announces itself.
    package static let own: Capabilities = []

    /// The extension of `HELLO` and `WELCOME` that holds them.
    static let tag: UInt64 = 6

    /// How long the extension is; nothing is written where there is nothing to say.
    var extensionBytes: Int { isEmpty ? 0 : 2 + FieldWriter.varintBytes(rawValue) }
}

extension OutputSpan<UInt8> {
    /// The extension, unless it is empty.
    @_lifetime(self: copy self) mutating func append(_ capabilities: Capabilities) {
        guard !capabilities.isEmpty else { return }
        append(varint: Capabilities.tag)
        append(varint: UInt64(FieldWriter.varintBytes(capabilities.rawValue)))
        append(varint: capabilities.rawValue)
    }
}

extension FieldReader {
    /// The extensions of a frame that may announce capabilities; no announcement means none (REQ-CAP-1).
    mutating func capabilities(_ bytes: Span<UInt8>) throws(CloseCode) -> Capabilities {
        var announced: Capabilities?
        while let (tag, value) = try nextExtension(bytes) {
            if tag != Capabilities.tag { continue }
            var field = FieldReader(value)
            let bits = try field.varint(bytes)
            try field.finish()
            if announced != nil { throw .malformedFrame }
            announced = Capabilities(rawValue: bits)
        }
        return announced ?? []
    }
}

internal import HoldfastWire

/// Whom a session may write to: some names, and all names with some beginnings. A token brings it (claim `to`, REQ-AUTH-8).
package struct RecipientLimit: Hashable, Sendable {
    /// Names and beginnings of names, together.
    package static let entriesMax = 64
    /// Of `encoded`.
    package static let bytesMax = 2048

    /// What a command, a record and a row hold of it. For each entry: 0 for a name or 1 for a beginning of names, the count of its bytes in one
    /// byte, its bytes. Nothing: nobody may be written to.
    package let encoded: [UInt8]

    /// - Parameter names: each a name, or the beginning of names with a `*` behind it. A `*` elsewhere is an ordinary character.
    /// - Returns: nil when there are too many or too long ones, or one that can't be a name or the beginning of one: a limit that isn't
    ///   understood must not become a wider one.
    package init?(_ names: [String]) {
        guard names.count <= Self.entriesMax else { return nil }
        var encoded: [UInt8] = []
        for name in names {
            let isBeginning = name.utf8.last == UInt8(ascii: "*")
            // By bytes: what stands before the star may be one character with it to Swift, and must not go with it.
            let text = isBeginning ? String(decoding: name.utf8.dropLast(), as: UTF8.self) : name
            guard WireLimits.isName(text, bytesMax: WireLimits.userBytesMax) || (isBeginning && text.isEmpty) else { return nil }
            encoded.append(isBeginning ? 1 : 0)
            encoded.append(text: Array(text.utf8))
            guard encoded.count <= Self.bytesMax else { return nil }
        }
        self.encoded = encoded
    }

    /// What `encoded` says; nil when that is in no such form.
    package init?(encoded: some Collection<UInt8>) {
        self.encoded = Array(encoded)
        var count = 0
        var isWhole = self.encoded.count <= Self.bytesMax
        eachEntry { entry in
            count += 1
            isWhole = isWhole && entry.end <= self.encoded.count && entry.kind <= 1
            return isWhole
        }
        guard isWhole, count <= Self.entriesMax else { return nil }
    }

    /// Nobody may be written to.
    package static let nobody = RecipientLimit()

    private init() { encoded = [] }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(bigEndian: UInt16(encoded.count))
        bytes.append(contentsOf: encoded)
    }

    @_lifetime(reader: copy reader)
    init?(decoding reader: inout ByteReader) {
        guard let count = reader.integer(UInt16.self), let bytes = reader.bytes(Int(count)) else { return nil }
        self.init(encoded: bytes)
    }

    /// Whether the user with this name may be written to. Compares bytes, as all names are.
    package func allows(_ name: [UInt8]) -> Bool {
        var isAllowed = false
        eachEntry { entry in
            let isBeginning = entry.kind == 1
            let text = encoded[entry.start..<entry.end]
            isAllowed = isBeginning ? name.starts(with: text) : name.elementsEqual(text)
            return !isAllowed
        }
        return isAllowed
    }

    /// Whether the user with this name may be written to.
    package func allows(_ name: String) -> Bool { allows(Array(name.utf8)) }

    /// The names and beginnings of names, as a token says them.
    package var names: [String] {
        var names: [String] = []
        eachEntry { entry in
            names.append(String(decoding: encoded[entry.start..<entry.end], as: UTF8.self) + (entry.kind == 1 ? "*" : ""))
            return true
        }
        return names
    }

    /// Calls `body` with each entry until it returns false. The end of one that isn't whole is beyond the bytes.
    private func eachEntry(_ body: ((kind: UInt8, start: Int, end: Int)) -> Bool) {
        var offset = 0
        while offset < encoded.count {
            let start = offset + 2
            let end = start <= encoded.count ? start + Int(encoded[offset + 1]) : start
            guard body((encoded[offset], start, end)) else { return }
            offset = end
        }
    }
}

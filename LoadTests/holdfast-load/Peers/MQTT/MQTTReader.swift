/// Reads packets that come from a server. Any bytes may come: none make it trap.
struct MQTTReader {
    let version: MQTTVersion
    /// The longest packet that is taken; its length is refused before its content has come.
    var packetBytesMax = 1 << 20

    /// Reads one packet that begins at `start`.
    /// - Returns: the packet and where it ends; nil if it isn't there wholly.
    func read(_ bytes: Span<UInt8>, from start: Int) throws(MQTTError) -> (packet: MQTTPacket, end: Int)? {
        guard start < bytes.count else { return nil }
        let first = bytes[start]
        guard let (length, bodyStart) = try Self.remainingLength(bytes, from: start + 1) else { return nil }
        guard length <= packetBytesMax else { throw .tooLarge(length) }
        let end = bodyStart + length
        guard end <= bytes.count else { return nil }
        var fields = MQTTFields(bytes: bytes, next: bodyStart, end: end, type: first >> 4)
        let packet = try read(first, &fields)
        // Payloads take all that is left; nothing else may leave anything.
        guard fields.next == end else { throw .malformed(first >> 4) }
        return (packet, end)
    }

    private func read(_ first: UInt8, _ fields: inout MQTTFields) throws(MQTTError) -> MQTTPacket {
        let type = first >> 4
        // Section 2.2.2: the low bits are fixed, but for PUBLISH.
        guard type == 3 || first & 0x0F == 0 else { throw .malformed(type) }
        switch type {
        case 2: return try connectAcknowledged(&fields)
        case 3: return try publish(first, &fields)
        case 4:
            let packetID = try fields.packetID()
            guard version == .v5, !fields.isAtEnd else { return .publishAcknowledged(packetID: packetID, code: 0) }
            let code = try fields.byte()
            if !fields.isAtEnd { _ = try fields.properties() }
            return .publishAcknowledged(packetID: packetID, code: code)
        case 9:
            let packetID = try fields.packetID()
            if version == .v5 { _ = try fields.properties() }
            return .subscribeAcknowledged(packetID: packetID, code: try fields.byte())
        case 13: return .pong
        case 14 where version == .v5:
            guard !fields.isAtEnd else { return .disconnect(code: 0) }
            let code = try fields.byte()
            if !fields.isAtEnd { _ = try fields.properties() }
            return .disconnect(code: code)
        default: throw .unexpected(type)
        }
    }

    private func connectAcknowledged(_ fields: inout MQTTFields) throws(MQTTError) -> MQTTPacket {
        let flags = try fields.byte()
        guard flags <= 1 else { throw .malformed(2) }
        let code = try fields.byte()
        // A server that refuses the version may answer in an older one.
        let properties = version == .v5 && !fields.isAtEnd ? try fields.properties() : MQTTProperties()
        return .connectAcknowledged(sessionPresent: flags == 1, code: code, properties: properties)
    }

    private func publish(_ first: UInt8, _ fields: inout MQTTFields) throws(MQTTError) -> MQTTPacket {
        let qos = first >> 1 & 3
        guard qos < 3 else { throw .malformed(3) }
        try fields.skipText()
        let packetID = qos == 0 ? 0 : try fields.packetID()
        if version == .v5 { _ = try fields.properties() }
        return .publish(qos: qos, isRepeat: first & 8 != 0, packetID: packetID, payload: fields.rest())
    }

    /// Section 2.2.3: 7-bit groups, the lowest first, at most four.
    /// - Returns: the length and where it ends; nil if it isn't there wholly.
    static func remainingLength(_ bytes: Span<UInt8>, from start: Int) throws(MQTTError) -> (length: Int, end: Int)? {
        var length = 0
        for index in 0..<4 {
            guard start + index < bytes.count else { return nil }
            let byte = bytes[start + index]
            length |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 { return (length, start + index + 1) }
        }
        throw .lengthMalformed
    }
}

/// The fields of one packet, one after the other.
struct MQTTFields: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var next: Int
    private let end: Int
    private let type: UInt8

    @_lifetime(copy bytes)
    init(bytes: Span<UInt8>, next: Int, end: Int, type: UInt8) {
        self.bytes = bytes
        self.next = next
        self.end = end
        self.type = type
    }

    var isAtEnd: Bool { next == end }

    mutating func byte() throws(MQTTError) -> UInt8 {
        guard next < end else { throw .malformed(type) }
        defer { next += 1 }
        return bytes[next]
    }

    mutating func number16() throws(MQTTError) -> UInt16 { UInt16(try byte()) << 8 | UInt16(try byte()) }

    /// Section 2.3.1: 0 is none.
    mutating func packetID() throws(MQTTError) -> UInt16 {
        let number = try number16()
        guard number != 0 else { throw .malformed(type) }
        return number
    }

    /// A length and as many bytes, which nobody needs.
    mutating func skipText() throws(MQTTError) { try skip(Int(try number16())) }

    /// All that is left.
    mutating func rest() -> Range<Int> {
        defer { next = end }
        return next..<end
    }

    /// 5.0, section 2.2.2: a length, then pairs of identifier and value.
    mutating func properties() throws(MQTTError) -> MQTTProperties {
        guard let (length, start) = try MQTTReader.remainingLength(bytes.extracting(0..<end), from: next), length <= end - start else {
            throw .malformed(type)
        }
        next = start
        let last = start + length
        var properties = MQTTProperties()
        while next < last {
            switch try byte() {
            case 33:
                properties.receiveMaximum = try number16()
                guard properties.receiveMaximum > 0 else { throw .malformed(type) }
            case 19: properties.keepAliveSeconds = try number16()
            case 1, 23, 25, 36, 37, 40, 41, 42: _ = try byte()
            case 34, 35: _ = try number16()
            case 2, 17, 24, 39: try skip(4)
            case 3, 8, 9, 18, 21, 22, 26, 28, 31: try skipText()
            case 38:
                try skipText()
                try skipText()
            case 11:
                guard let (_, end) = try MQTTReader.remainingLength(bytes.extracting(0..<self.end), from: next) else {
                    throw .malformed(type)
                }
                next = end
            default: throw .malformed(type)
            }
        }
        guard next == last else { throw .malformed(type) }
        return properties
    }

    private mutating func skip(_ count: Int) throws(MQTTError) {
        guard count <= end - next else { throw .malformed(type) }
        next += count
    }
}

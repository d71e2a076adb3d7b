/// A packet from server to client.
enum MQTTPacket: Equatable {
    /// Section 3.2. `code` 0: accepted.
    case connectAcknowledged(sessionPresent: Bool, code: UInt8, properties: MQTTProperties)
    /// Section 3.3. `payload` are positions in the bytes that were read.
    case publish(qos: UInt8, isRepeat: Bool, packetID: UInt16, payload: Range<Int>)
    /// PUBACK, section 3.4. 5.0: a code from 0x80 on is a refusal.
    case publishAcknowledged(packetID: UInt16, code: UInt8)
    /// Section 3.9. A code from 0x80 on is a refusal, a lower one the QoS.
    case subscribeAcknowledged(packetID: UInt16, code: UInt8)
    case pong
    /// 5.0, section 3.14: the server ends the connection and says why.
    case disconnect(code: UInt8)
}

/// Why bytes from a server can't be read.
enum MQTTError: Error, Equatable {
    /// More than four bytes of remaining length (section 2.2.3).
    case lengthMalformed
    /// A longer packet than the client takes.
    case tooLarge(Int)
    /// A packet that only clients send, or none at all.
    case unexpected(UInt8)
    /// Its content doesn't fit what the specification says of it; which one, by its type.
    case malformed(UInt8)
}

/// What CONNACK of 5.0 may say that a client has to heed (section 3.2.2.3).
struct MQTTProperties: Equatable {
    /// Unacknowledged messages that this client may have on their way; without it, 65,535.
    var receiveMaximum: UInt16 = .max
    /// Instead of what the client asked for.
    var keepAliveSeconds: UInt16?
}

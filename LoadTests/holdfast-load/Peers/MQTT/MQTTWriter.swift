/// Packets from client to server, as bytes. All section numbers are those of MQTT 3.1.1 and of MQTT 5.0, which has the same.
struct MQTTWriter {
    let version: MQTTVersion

    /// What CONNECT says (section 3.1).
    struct Connect {
        var clientID: String
        /// Section 3.1.2.4: forget what the server has of this client. 5.0 calls it Clean Start.
        var cleanSession: Bool
        /// Section 3.1.2.10: the server gives the connection up after one and a half times as long without a packet; 0: never.
        var keepAliveSeconds: UInt16
        /// 5.0, section 3.1.2.11.2: how long the session outlives the connection. 3.1.1 has it live until it is cleaned.
        var sessionExpirySeconds: UInt32
        /// 5.0, section 3.1.2.11.3: unacknowledged messages that the server may have on their way to this client.
        var receiveMaximum: UInt16
    }

    /// CONNECT, without will and user name.
    func connect(_ connect: Connect, _ bytes: inout [UInt8]) {
        // A session of 3.1.1 that is cleaned at its beginning is cleaned at its end too; in 5.0 its expiry says so.
        let flags: UInt8 = connect.cleanSession ? 0x02 : 0
        var body: [UInt8] = []
        Self.append("MQTT", &body)
        body.append(version.rawValue)
        body.append(flags)
        Self.append(connect.keepAliveSeconds, &body)
        if version == .v5 {
            // Session Expiry Interval is property 17, Receive Maximum 33: 5 and 3 bytes.
            body.append(8)
            body.append(17)
            Self.append(connect.sessionExpirySeconds, &body)
            body.append(33)
            Self.append(connect.receiveMaximum, &body)
        }
        Self.append(connect.clientID, &body)
        packet(0x10, body, &bytes)
    }

    /// SUBSCRIBE to one topic (section 3.8).
    func subscribe(_ packetID: UInt16, topic: String, qos: UInt8, _ bytes: inout [UInt8]) {
        var body: [UInt8] = []
        Self.append(packetID, &body)
        if version == .v5 { body.append(0) }
        Self.append(topic, &body)
        body.append(qos)
        packet(0x82, body, &bytes)
    }

    /// PUBLISH (section 3.3).
    /// - Parameter packetID: nil for QoS 0, which has none.
    func publish(topic: String, _ payload: [UInt8], packetID: UInt16?, isRepeat: Bool, _ bytes: inout [UInt8]) {
        bytes.append(0x30 | (packetID == nil ? 0 : 0x02) | (isRepeat ? 0x08 : 0))
        let topicBytes = topic.utf8
        let count = 2 + topicBytes.count + (packetID == nil ? 0 : 2) + (version == .v5 ? 1 : 0) + payload.count
        Self.append(remainingLength: count, &bytes)
        Self.append(UInt16(topicBytes.count), &bytes)
        bytes.append(contentsOf: topicBytes)
        if let packetID { Self.append(packetID, &bytes) }
        if version == .v5 { bytes.append(0) }
        bytes.append(contentsOf: payload)
    }

    /// PUBACK of success (section 3.4), without reason and properties, which 5.0 allows.
    func acknowledge(_ packetID: UInt16, _ bytes: inout [UInt8]) {
        bytes.append(0x40)
        bytes.append(2)
        Self.append(packetID, &bytes)
    }

    /// PINGREQ (section 3.12).
    func ping(_ bytes: inout [UInt8]) {
        bytes.append(0xC0)
        bytes.append(0)
    }

    /// DISCONNECT (section 3.14): a clean end. The session stays as CONNECT said.
    func disconnect(_ bytes: inout [UInt8]) {
        bytes.append(0xE0)
        bytes.append(0)
    }

    /// The length of what follows, in 7-bit groups (section 2.2.3). At most 268,435,455.
    static func append(remainingLength count: Int, _ bytes: inout [UInt8]) {
        precondition(count >= 0 && count < 1 << 28, "an MQTT packet has at most 268,435,455 bytes")
        var rest = count
        repeat {
            bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
    }

    private func packet(_ first: UInt8, _ body: [UInt8], _ bytes: inout [UInt8]) {
        bytes.append(first)
        Self.append(remainingLength: body.count, &bytes)
        bytes.append(contentsOf: body)
    }

    private static func append(_ number: UInt16, _ bytes: inout [UInt8]) {
        bytes.append(UInt8(number >> 8))
        bytes.append(UInt8(number & 0xFF))
    }

    private static func append(_ number: UInt32, _ bytes: inout [UInt8]) {
        append(UInt16(number >> 16), &bytes)
        append(UInt16(number & 0xFFFF), &bytes)
    }

    private static func append(_ text: String, _ bytes: inout [UInt8]) {
        let utf8 = text.utf8
        precondition(utf8.count < 1 << 16, "an MQTT string has at most 65,535 bytes")
        append(UInt16(utf8.count), &bytes)
        bytes.append(contentsOf: utf8)
    }
}

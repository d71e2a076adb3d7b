internal import Foundation
internal import HoldfastCore
package import HoldfastGateway
internal import HoldfastWire

/// A message as a body or an upload's line has it, checked.
package struct MessageFields {
    package let request: PushRequest
    /// Tells another message with the same key.
    package let fingerprint: UInt64

    /// As long as a message may be worth something.
    package static let ttlSecondsMax = 315_360_000
    package static let tagBytesMax = 255

    /// - Parameter bodyBytesMax: of the message's body.
    package init(_ json: [UInt8], from caller: Caller, bodyBytesMax: Int) throws(Problem) {
        var fields = try JSONFields(Problem.parse(json))
        let sender = try Self.sender(&fields, caller)
        let recipients = try Self.recipients(&fields, caller)
        let (kind, kindWord) = try Self.kind(&fields)
        let body = try Self.body(&fields, bytesMax: bodyBytesMax)
        let timeToLive = try fields.integer("ttlSeconds", 1...Self.ttlSecondsMax) ?? 0
        let tag = Array(try fields.text("tag", bytes: 1...Self.tagBytesMax)?.utf8 ?? "".utf8)
        let isTracked = try fields.flag("tracked") ?? false
        let mustExist = try fields.flag("mustExist") ?? false
        try fields.finish()
        request = PushRequest(
            from: sender, to: recipients, kind: kind, body: body, tag: tag, timeToLive: UInt32(timeToLive), isTracked: isTracked,
            mustExist: mustExist)
        fingerprint = RequestHash.fingerprint(
            [sender, body, tag, Array("\(kindWord) \(timeToLive) \(isTracked) \(mustExist)".utf8)] + recipients)
    }

    private static func sender(_ fields: inout JSONFields, _ caller: Caller) throws(Problem) -> [UInt8] {
        if let name = try fields.name("as") {
            // By bytes, as the core tells names apart: Swift takes some texts for equal that have others, such as a letter with its accent.
            let bytes = Array(name.utf8)
            if bytes != caller.user.map({ Array($0.utf8) }) { try caller.require(.pushAs) }
            return bytes
        }
        guard let user = caller.user else {
            throw .field("/as", "The sender must be named: a process of this machine has no user of its own.")
        }
        return Array(user.utf8)
    }

    private static func recipients(_ fields: inout JSONFields, _ caller: Caller) throws(Problem) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var known: Set<[UInt8]> = []
        func add(_ value: JSONValue, at pointer: @autoclosure () -> String) throws(Problem) {
            let name = try JSONFields.name(value, at: pointer())
            let bytes = Array(name.utf8)
            guard known.insert(bytes).inserted else { throw .field(pointer(), "The recipient is named twice.") }
            if let to = caller.to, !to.allows(bytes) {
                throw Problem(.recipientForbidden, "The token's claim to doesn't allow \"\(name)\".", at: pointer())
            }
            names.append(bytes)
        }
        switch try fields.require("to") {
        case .list(let list):
            guard (1...MessageRecord.recipientsMax).contains(list.count) else {
                throw .field("/to", "\(list.count) recipients are named; 1 to \(MessageRecord.recipientsMax) can be.")
            }
            for (index, value) in list.enumerated() { try add(value, at: "/to/\(index)") }
        case let value: try add(value, at: "/to")
        }
        return names
    }

    private static let kinds = Dictionary(uniqueKeysWithValues: MessageKind.allCases.map { ("\($0)", $0) })

    private static func kind(_ fields: inout JSONFields) throws(Problem) -> (kind: MessageKind, word: String) {
        let word = try fields.text("kind", bytes: 1...32) ?? "text"
        guard let kind = kinds[word] else {
            throw .field("/kind", "This must be one of \(MessageKind.allCases.map { "\($0)" }.joined(separator: ", ")).")
        }
        return (kind, word)
    }

    private static func body(_ fields: inout JSONFields, bytesMax: Int) throws(Problem) -> [UInt8] {
        let text = fields.take("text")
        let base64 = fields.take("base64")
        switch (text, base64) {
        case (let value?, nil): return Array(try JSONFields.text(value, at: "/text", bytes: 0...bytesMax).utf8)
        case (nil, let value?):
            let text = try JSONFields.text(value, at: "/base64", bytes: 0...(bytesMax + 2) / 3 * 4)
            guard let data = Data(base64Encoded: text) else {
                throw .field("/base64", "This must be base64 (RFC 4648, section 4) with padding.")
            }
            guard data.count <= bytesMax else { throw .field("/base64", "The body has \(data.count) bytes; it can have \(bytesMax).") }
            return Array(data)
        case (nil, nil): throw .field("/text", "The message has no body: text or base64 is missing.")
        case (_?, _?): throw .field("/base64", "The message has two bodies: text and base64 exclude each other.")
        }
    }
}

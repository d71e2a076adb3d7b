internal import HoldfastGateway
internal import HoldfastWire

extension JSONFields {
    /// A user's name; nil: the field isn't there.
    mutating func name(_ name: String) throws(Problem) -> String? {
        guard let value = take(name) else { return nil }
        return try Self.name(value, at: path(name))
    }

    static func name(_ value: JSONValue, at pointer: @autoclosure () -> String) throws(Problem) -> String {
        let text = try text(value, at: pointer(), bytes: 1...WireLimits.userBytesMax)
        guard WireLimits.isName(text, bytesMax: WireLimits.userBytesMax) else {
            throw .field(pointer(), "A name can't have the character U+0000.")
        }
        return text
    }

    /// A time, in seconds since 1970; nil: the field isn't there.
    mutating func seconds(_ name: String) throws(Problem) -> UInt32? {
        guard let text = try text(name, bytes: 1...64) else { return nil }
        guard let milliseconds = Timestamp.milliseconds(text), let seconds = UInt32(exactly: milliseconds / 1_000), seconds > 0 else {
            throw .field(path(name), "\"\(text)\" is not a time such as 2026-11-30T19:37:39Z, between 1970 and 2106.")
        }
        return seconds
    }
}

extension Problem {
    /// The value of a body.
    static func parse(_ json: [UInt8]) throws(Problem) -> JSONValue {
        do throws(JSONFault) { return try JSONParser.parse(json) } catch {
            throw Problem(.malformedJSON, "At byte \(error.offset): \(error.reason).")
        }
    }
}

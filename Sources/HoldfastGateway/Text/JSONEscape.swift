extension [UInt8] {
    /// Adds UTF-8 as it stands between the quotes of a JSON text. A character that steers a terminal is written by its number.
    @inlinable
    package mutating func append(jsonEscaped utf8: some Sequence<UInt8>) {
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0x0A: append(contentsOf: "\\n".utf8)
            case 0x0D: append(contentsOf: "\\r".utf8)
            case 0x09: append(contentsOf: "\\t".utf8)
            case 0..<0x20, 0x7F: append(jsonNumber: UInt16(byte))
            default: append(byte)
            }
        }
    }

    /// Adds a character by its number, such as \u007f.
    @inlinable
    package mutating func append(jsonNumber number: UInt16) {
        append(contentsOf: "\\u".utf8)
        for shift in [12, 8, 4, 0] as [UInt16] {
            let digit = UInt8(number >> shift & 15)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}

/// Text from others, fit to be shown: nothing in it can move the cursor, change colours or hide what stands there.
enum VisibleText {
    /// Control characters, and those that change the direction of text, become their names.
    static func of(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if !isHidden(scalar) {
                result.unicodeScalars.append(scalar)
            } else if scalar == "\n" {
                result += "⏎"
            } else if scalar == "\t" {
                result += " "
            } else {
                result += "<U+\(String(scalar.value, radix: 16, uppercase: true))>"
            }
        }
        return result
    }

    /// A body: its text, or what it is.
    static func of(_ body: [UInt8], kind: BodyKindName) -> String {
        guard let text = String(validating: body, as: UTF8.self) else { return "[\(kind.rawValue), \(body.count) bytes]" }
        return kind == .text ? of(text) : "[\(kind.rawValue)] \(of(text))"
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

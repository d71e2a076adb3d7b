/// Text from others, fit to be shown: nothing in it can move the cursor, change colours or hide what stands there (REQ-SEC-6).
enum VisibleText {
    /// Control characters, and those that change the direction of text or take no room, become their names.
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

    /// Text of several lines, as commands write it themselves: only what is in the lines is made visible.
    static func ofLines(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHidden) else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { of(String($0)) }.joined(separator: "\n")
    }

    /// Whether a terminal, or a reader, may take it for something else than a sign. Joiners of emoji and of scripts are left as they are.
    static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF, 0xFFF9...0xFFFB: true
        default: false
        }
    }
}

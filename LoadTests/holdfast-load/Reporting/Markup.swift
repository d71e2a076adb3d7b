/// Pieces of HTML and SVG. Names come from files, so everything that isn't markup goes through `text` or an attribute.
enum Markup {
    /// Text with what would be markup made harmless. Control characters, which XML doesn't allow, become a replacement character.
    static func text(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default: result.unicodeScalars.append(scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    /// An element.
    /// - Parameter inner: markup already.
    static func tag(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ inner: String = "") -> String {
        "<\(name)\(attributes.map { " \($0.key)=\"\(text($0.value))\"" }.joined())>\(inner)</\(name)>"
    }

    /// A place in a drawing, to a tenth of a unit.
    static func place(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths % 10 == 0 ? String(tenths / 10) : String(Double(tenths) / 10)
    }

    /// At most so many characters.
    static func short(_ text: String, _ limit: Int) -> String { text.count <= limit ? text : text.prefix(limit - 1) + "…" }

    /// A name for a file or an anchor: small letters, digits and hyphens.
    static func slug(_ text: String) -> String {
        let words = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return String(words.joined(separator: "-").prefix(90))
    }
}

import Foundation

/// A peer's configuration: a file of LoadTests/peers, with the run's ports and folders put in for `{{name}}`.
enum PeerConfiguration {
    /// Reads a template, fills it in, and writes it.
    /// - Throws: a name in braces that has no value.
    static func write(_ template: String, to path: String, _ values: [String: String]) throws {
        let folder = try Workshop.find("LoadTests/peers", holding: template)
        try fill(try String(contentsOfFile: "\(folder)/\(template)", encoding: .utf8), values, name: template)
            .write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// A template with its values.
    static func fill(_ template: String, _ values: [String: String], name: String) throws -> String {
        var text = template
        for (key, value) in values { text = text.replacingOccurrences(of: "{{\(key)}}", with: value) }
        if let start = text.range(of: "{{") {
            throw LoadError("\(name): '\(text[start.lowerBound...].prefix(30))' has no value: known are \(values.keys.sorted())")
        }
        return text
    }
}

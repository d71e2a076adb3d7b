import Foundation
import Synchronization

/// A peer's configuration: a file of LoadTests/peers, with the run's ports and folders put in for `{{name}}`.
enum PeerConfiguration {
    private static let chosen = Mutex<String?>(nil)

    /// Takes the templates from a folder; nil: from the sources above this program.
    /// - Throws: at once when they aren't there and are needed, and not after minutes of other servers.
    static func use(_ folder: String?, isNeeded: Bool) throws {
        if let folder, !FileManager.default.fileExists(atPath: folder + "/mosquitto.conf") {
            throw LoadError(usage: "--peers: \(folder) doesn't hold mosquitto.conf: name a copy of LoadTests/peers")
        }
        if folder == nil && isNeeded { _ = try Workshop.find("LoadTests/peers", holding: "mosquitto.conf", option: "--peers") }
        chosen.withLock { $0 = folder }
    }

    /// Reads a template, fills it in, and writes it.
    /// - Throws: a name in braces that has no value.
    static func write(_ template: String, to path: String, _ values: [String: String]) throws {
        let folder = try chosen.withLock { $0 } ?? Workshop.find("LoadTests/peers", holding: template, option: "--peers")
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

import Foundation
import Testing

/// The golden files of `Protocol/vectors`.
enum Vectors {
    struct Malformed: Decodable, Sendable, CustomTestStringConvertible {
        struct File: Decodable { var frames: [Malformed] }
        var name: String
        var direction: String
        var hex: String
        var code: UInt16
        var testDescription: String { name }
    }

    /// The malformed frames of a client.
    static func malformedFromClient() throws -> [Malformed] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appendingPathComponent("Protocol/vectors/malformed.json"))
        return try JSONDecoder().decode(Malformed.File.self, from: data).frames.filter { $0.direction == "client" }
    }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap { $0.hexDigitValue }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

import Foundation

/// A directory that goes away with the value.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/holdfast-tests-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { path + "/" + name }

    func contents(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

    /// The bytes of a file, or of the files in a folder; 0 where there is none.
    func size(_ name: String) -> Int {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: path(name))) ?? []
        return ([""] + names).reduce(0) { sum, part in
            let attributes = try? FileManager.default.attributesOfItem(atPath: path(name) + (part.isEmpty ? "" : "/" + part))
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { return sum }
            return sum + (attributes?[.size] as? Int ?? 0)
        }
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String) throws {
        try Data(Array(bytes)).write(to: URL(fileURLWithPath: path(name)))
    }
}

import Foundation

/// Where the programs are that a run starts, and the folder that they work in.
final class Workshop: Sendable {
    /// The `holdfast` program.
    let gateway: String
    /// The folder of this run; removed at its end.
    let directory: String

    /// - Parameters:
    ///   - gateway: nil takes the one beside this program.
    ///   - parent: on the disk that is to be measured.
    init(gateway: String?, parent: String) throws {
        self.gateway = gateway ?? Self.ownDirectory + "/holdfast"
        guard FileManager.default.isExecutableFile(atPath: self.gateway) else {
            throw LoadError(file: "\(self.gateway) isn't there. Build it (swift build -c release), or name it with --gateway FILE")
        }
        directory = "\(parent)/holdfast-load-\(getpid())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// The folder of this program.
    static var ownDirectory: String {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return (path as NSString).deletingLastPathComponent
    }

    /// A folder of the sources, above this program.
    /// - Parameter option: names another one.
    static func find(_ folder: String, holding file: String, option: String) throws -> String {
        var directory = ownDirectory as NSString
        while directory.length > 1 {
            let candidate = directory.appendingPathComponent(folder)
            if FileManager.default.fileExists(atPath: candidate + "/" + file) { return candidate }
            directory = directory.deletingLastPathComponent as NSString
        }
        throw LoadError(file: "\(folder) isn't above \(ownDirectory): name it with \(option) DIR")
    }
}

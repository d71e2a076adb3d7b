import Foundation
import HoldfastIO

/// What is on a disk.
enum DiskSpace {
    /// Bytes that the files of a folder take on the disk.
    static func used(at path: String) -> Int {
        guard let files = try? FileManager.default.subpathsOfDirectory(atPath: path) else { return 0 }
        return files.reduce(0) { sum, file in sum + ((try? FileFacts(path: path + "/" + file, followsLinks: false))?.diskBytes ?? 0) }
    }
}

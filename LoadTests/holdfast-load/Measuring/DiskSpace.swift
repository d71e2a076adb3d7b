import Foundation
import Glibc

/// What is on a disk.
enum DiskSpace {
    /// Bytes that the files of a folder take on the disk.
    static func used(at path: String) -> Int {
        guard let files = try? FileManager.default.subpathsOfDirectory(atPath: path) else { return 0 }
        return files.reduce(0) { sum, file in
            var status = stat()
            // In units of 512 bytes, whatever the file system's own unit is.
            return unsafe lstat(path + "/" + file, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }
}

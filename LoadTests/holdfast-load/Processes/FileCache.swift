import Foundation
import Glibc

/// The system's cache of files.
enum FileCache {
    /// Makes the files of a directory cold, as after a reboot: what of them is in memory and on the disk too is forgotten. Nobody may have them open
    /// as a map. `POSIX_FADV_DONTNEED`, posix_fadvise(2).
    static func forget(_ directory: String) throws {
        guard let files = FileManager.default.enumerator(atPath: directory) else { throw LoadError("\(directory) can't be read") }
        for case let name as String in files {
            let descriptor = unsafe open("\(directory)/\(name)", O_RDONLY)
            guard descriptor >= 0 else { continue }
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}

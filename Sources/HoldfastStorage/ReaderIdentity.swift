import CLMDB
import CLMDBProcess
import Glibc

/// Who this process is to the others that have a data directory open.
///
/// LMDB keys everything that processes share by the process's number: whose a reader's slot is, whether its owner lives (a lock on the byte at
/// that offset of `lock.mdb`), and which slots are one's own and never looked at. Containers that share a directory don't share their
/// numbers: the gateway and a command beside it are both number 1, take each other's lock, and never clear away what the other left behind when
/// it died. So LMDB is given a number that is drawn by lot and that no process of any namespace has.
enum ReaderIdentity {
    /// Linux numbers processes up to here, whatever is configured.
    private static let processNumberMax: Int32 = 4 << 20

    /// Drawn from two billion: that two processes draw the same isn't to be expected.
    static let number = Int32.random(in: processNumberMax + 1...Int32.max)

    /// The process that LMDB knows by a number; nil for one that can't be seen from here. It holds a lock on the byte of a lock file that the number
    /// says. The system's list of locks is read for it: to open the file and close it again would give up this process's own locks on it.
    static func process(_ number: Int32, lockFile path: String) -> Int32? {
        if number == Self.number { return getpid() }
        var status = stat()
        guard unsafe stat(path, &status) == 0, let list = DurableFile.readAll("/proc/locks") else { return nil }
        for line in list.split(separator: "\n") {
            // 3: POSIX  ADVISORY  WRITE 8975 fe:00:5310673 1073741824 1073741824
            let words = line.split(separator: " ")
            guard words.count == 8, words[6] == "\(number)", words[5].hasSuffix(":\(status.st_ino)") else { continue }
            return Int32(words[4]).flatMap { $0 > 0 ? $0 : nil }
        }
        return nil
    }

    /// Makes an environment, not open yet, that belongs to `number`.
    static func makeEnvironment(_ created: inout OpaquePointer?) -> Int32 {
        clmdb_process_pretend(number)
        defer { clmdb_process_pretend(0) }
        return unsafe mdb_env_create(&created)
    }
}

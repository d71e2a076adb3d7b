import CLMDB
import CLMDBProcess

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

    /// Makes an environment, not open yet, that belongs to `number`.
    static func makeEnvironment(_ created: inout OpaquePointer?) -> Int32 {
        clmdb_process_pretend(number)
        defer { clmdb_process_pretend(0) }
        return unsafe mdb_env_create(&created)
    }
}

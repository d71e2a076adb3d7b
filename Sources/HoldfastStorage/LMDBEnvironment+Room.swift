import CLMDB
import Glibc
import HoldfastCore
import HoldfastSystem

// How much room an environment has: LMDB never gives pages back to the file system, but uses them again when nobody can see them any more.
extension LMDBEnvironment {
    /// As large a map as an environment with these options needs: what makes room must be stored when the limit is reached, long records may find no
    /// neighbouring pages in the file, and the file may be larger than a limit that was lowered. Addresses cost nothing.
    static func mapBytes(_ options: Options, in directory: String) -> Int {
        var status = stat()
        let fileBytes = unsafe stat(directory + "/data.mdb", &status) == 0 ? Int(status.st_size) : 0
        let bytes = max(options.mapBytesMax, fileBytes)
        let wanted = bytes + min(bytes, spareBytesMax) + spareBytesMin + options.reserveBytes
        // The other environment, the tables and the threads share what a limit of address space allows.
        let allowed = SystemLimit.addressSpaceBytes.value.map { max($0 / 8, fileBytes) } ?? .max
        // In whole pages of any system.
        return min(wanted, allowed) / (1 << 20) * (1 << 20)
    }

    private static let spareBytesMin = 256 << 20
    private static let spareBytesMax = 64 << 30

    /// The room as it is for the next transaction.
    /// - Parameter transaction: a read transaction that was begun just now.
    func room(_ transaction: OpaquePointer) throws(StorageError) -> EnvironmentRoom {
        var info = unsafe MDB_envinfo()
        unsafe mdb_env_info(handle, &info)
        var room = EnvironmentRoom()
        unsafe room.mapBytes = info.me_mapsize
        room.limitSource = .addressSpace
        unsafe room.fileBytes = (info.me_last_pgno + 1) * pageBytes
        if let bytes = SystemLimit.fileBytes.value, bytes < room.mapBytes { (room.mapBytes, room.limitSource) = (bytes, .fileSize) }
        // A quarter stays free of what the system gave, if that is less than was asked for.
        room.limitBytes = min(limitBytes, room.mapBytes / 4 * 3)
        if room.limitBytes == limitBytes { room.limitSource = .configuration }
        let last = unsafe mdb_txn_id(transaction)
        let oldest = oldestView(notAfter: last)
        // Table 0 is LMDB's list of free pages. A key is the transaction that freed the value's pages: they are used again by the first one that
        // is two after it, unless somebody sees an older moment.
        let cursor = unsafe try LMDBCursor(transaction, table: 0, directory)
        defer { cursor.close() }
        var heldBytes = 0
        var heldCount = 0
        try eachFree(cursor) { freed, bytes in
            if freed < oldest.transaction {
                room.freeBytes += bytes
            } else {
                // The last one's are free as soon as another one is written.
                if freed < last { heldBytes += bytes }
                heldCount += 1
            }
            return heldCount < Self.heldCountMax
        }
        if oldest.transaction < last {
            room.holder = .init(processID: ReaderIdentity.process(oldest.number, lockFile: directory + "/lock.mdb"), bytes: heldBytes)
        }
        return room
    }

    /// Beside a view that stands still one entry comes with each commit.
    private static let heldCountMax = 4_096

    /// All pages inside the file that later transactions will use again, as the read transaction sees them.
    func freeBytes(_ transaction: OpaquePointer) throws(StorageError) -> Int {
        let cursor = unsafe try LMDBCursor(transaction, table: 0, directory)
        defer { cursor.close() }
        var sum = 0
        try eachFree(cursor) { _, bytes in
            sum += bytes
            return true
        }
        return sum
    }

    /// The transactions that freed pages, oldest first, each with how much, until `body` returns false.
    private func eachFree(_ cursor: LMDBCursor, _ body: (_ freed: Int, _ bytes: Int) -> Bool) throws(StorageError) {
        var key = unsafe MDB_val()
        var value = unsafe MDB_val()
        var operation = MDB_FIRST
        while unsafe try cursor.get(&key, &value, operation) {
            operation = MDB_NEXT
            guard let list = unsafe value.mv_data, let transaction = unsafe key.mv_data, unsafe key.mv_size >= 8 else { continue }
            // A value is a list of page numbers with its length in front.
            let (freed, count) = unsafe (transaction.loadUnaligned(as: Int.self), list.loadUnaligned(as: Int.self))
            if !body(freed, count * pageBytes) { return }
        }
    }

    /// The oldest moment that anybody sees, of this process or of another one.
    private func oldestView(notAfter last: Int) -> (transaction: Int, number: Int32) {
        var oldest = (transaction: last, number: Int32(0))
        for place in readerPlaces() {
            if let transaction = place.transaction, transaction < oldest.transaction { oldest = (transaction, place.number) }
        }
        return oldest
    }

    /// Nobody else can get a view: who has those that there are.
    func tableIsFull() -> StorageError {
        let places = readerPlaces()
        let processes = Set(places.map(\.number)).map { number in
            ReaderIdentity.process(number, lockFile: directory + "/lock.mdb").map(String.init) ?? "one of another container"
        }
        return StorageError.failure(
            .inUse, "read", directory,
            "all \(places.count) places in its table of readers are taken, by the processes \(Set(processes).sorted().joined(separator: ", "))"
        )
    }

    private func readerPlaces() -> [ReaderPlace] {
        var places: [ReaderPlace] = []
        unsafe withUnsafeMutablePointer(to: &places) { _ = unsafe mdb_reader_list(handle, addReaderLine, $0) }
        return places
    }
}

/// A place in the table of readers that somebody has.
private struct ReaderPlace {
    /// Of the process, as LMDB knows it: see `ReaderIdentity`.
    var number: Int32
    /// The moment that it sees; nil: none now.
    var transaction: Int?
}

/// LMDB tells of its readers by text: a line for each place with its process, its thread, and its transaction or a dash. The first line names these
/// columns.
private func addReaderLine(_ line: UnsafePointer<CChar>?, _ context: UnsafeMutableRawPointer?) -> Int32 {
    guard let line = unsafe line, let places = unsafe context?.assumingMemoryBound(to: [ReaderPlace].self) else { return 0 }
    let words = unsafe String(cString: line).split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard words.count == 3, let number = Int32(words[0]) else { return 0 }
    unsafe places.pointee.append(ReaderPlace(number: number, transaction: Int(words[2])))
    return 0
}

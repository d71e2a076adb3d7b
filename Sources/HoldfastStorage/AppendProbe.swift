import CLMDB
import Glibc
package import HoldfastCore

/// What the disk gives at best: bare appends to one LMDB table in key order, each batch committed and synced.
/// Throughput is compared with it.
package enum AppendProbe {
    /// What was measured.
    package struct Result: Equatable, Sendable {
        package var records: Int
        package var commits: Int
        package var seconds: Double
        package var commitMicrosecondsMedian: Double
        package var commitMicrosecondsP99: Double
        package var commitMicrosecondsMax: Double
        package var recordsPerSecond: Double { Double(records) / seconds }
    }

    /// Appends batches of `batch` records of `recordBytes` for `seconds`, in a directory of its own in `directory`, which it removes.
    package static func run(directory: String, recordBytes: Int = 120, batch: Int = 256, seconds: Double) throws(StorageError) -> Result {
        precondition(recordBytes > 0 && batch > 0 && seconds > 0)
        let path = "\(directory)/append-probe-\(getpid())"
        try DurableFile.makeDirectory(path)
        defer {
            for file in ["data.mdb", "lock.mdb"] { unsafe unlink("\(path)/\(file)") }
            unsafe rmdir(path)
        }
        let options = LMDBEnvironment.Options(mapBytesMax: 1 << 40, readersMax: 16, tablesMax: 1, readsAhead: true)
        let environment = try LMDBEnvironment(directory: path, options: options, lock: nil)
        let table = try environment.openTables([("records", 0)], isNew: true)[0]
        let record = [UInt8](repeating: 0x5A, count: recordBytes)
        var durations: ContiguousArray<Duration> = []
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        var last = start
        var position: UInt64 = 1
        while last < end {
            try append(record, from: position, count: batch, environment, table)
            position += UInt64(batch)
            let time = ContinuousClock.now
            durations.append(time - last)
            last = time
        }
        return summary(durations, records: durations.count * batch, duration: last - start)
    }

    private static func append(
        _ record: [UInt8], from position: UInt64, count: Int, _ environment: LMDBEnvironment, _ table: MDB_dbi
    ) throws(StorageError) {
        unsafe try environment.write("commit to") { (transaction) throws(StorageError) in
            let cursor = unsafe try LMDBCursor(transaction, table: table, environment.directory)
            defer { cursor.close() }
            for number in position..<position + UInt64(count) {
                unsafe try withKey(number) { (key) throws(StorageError) in
                    unsafe try withValue(record.span) { (value) throws(StorageError) in
                        unsafe try cursor.put(&key, &value, MDB_APPEND)
                    }
                }
            }
        } commitFailed: { _ in
        }
    }

    private static func summary(_ durations: ContiguousArray<Duration>, records: Int, duration: Duration) -> Result {
        let sorted = durations.sorted()
        func microseconds(_ share: Double) -> Double { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / .microseconds(1) }
        return Result(
            records: records, commits: sorted.count, seconds: duration / .seconds(1), commitMicrosecondsMedian: microseconds(0.5),
            commitMicrosecondsP99: microseconds(0.99), commitMicrosecondsMax: microseconds(1))
    }
}

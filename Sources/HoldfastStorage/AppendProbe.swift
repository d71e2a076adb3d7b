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
        /// From the time when a record was due until it was on the disk; nil without a rate.
        package var recordMicrosecondsMedian: Double?
        package var recordMicrosecondsP99: Double?
        package var recordsPerSecond: Double { Double(records) / seconds }
    }

    /// Appends batches of `batch` records of `recordBytes` for `seconds`, in a directory of its own in `directory`, which it removes.
    /// - Parameter perSecond: so many records are due a second, at fixed times, and each batch takes what is due; nil: as fast as it goes.
    package static func run(
        directory: String, recordBytes: Int = 120, batch: Int = 256, perSecond: Double? = nil, seconds: Double
    ) throws(StorageError) -> Result {
        precondition(recordBytes > 0 && batch > 0 && seconds > 0 && perSecond ?? 1 > 0)
        let path = "\(directory)/append-probe-\(getpid())"
        try DurableFile.makeDirectory(path)
        defer {
            for file in ["data.mdb", "lock.mdb"] { unsafe unlink("\(path)/\(file)") }
            unsafe rmdir(path)
        }
        let options = LMDBEnvironment.Options(mapBytesMax: 1 << 40, readersMax: 16, tablesMax: 1, readsAhead: true)
        let environment = try LMDBEnvironment(directory: path, options: options, lock: nil)
        let table = try environment.makeTable("records")
        let record = [UInt8](repeating: 0x5A, count: recordBytes)
        var commits: ContiguousArray<Duration> = []
        var waits: ContiguousArray<Duration> = []
        let start = ContinuousClock.now
        let end = start + .seconds(seconds)
        var last = start
        var records = 0
        while last < end {
            let begin = ContinuousClock.now
            let due = perSecond.map { Int((begin - start) / .seconds(1) * $0) + 1 - records } ?? batch
            guard due > 0 else {
                usleep(50)
                last = ContinuousClock.now
                continue
            }
            let count = min(due, batch)
            try append(record, from: UInt64(records + 1), count: count, environment, table)
            last = ContinuousClock.now
            commits.append(last - begin)
            if let perSecond {
                for number in records..<records + count { waits.append(last - start - .seconds(Double(number) / perSecond)) }
            }
            records += count
        }
        return summary(commits, waits, records: records, duration: last - start)
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

    private static func summary(
        _ commits: ContiguousArray<Duration>, _ waits: ContiguousArray<Duration>, records: Int, duration: Duration
    ) -> Result {
        func microseconds(_ sorted: ContiguousArray<Duration>, _ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] / .microseconds(1)
        }
        let (commits, waits) = (ContiguousArray(commits.sorted()), ContiguousArray(waits.sorted()))
        return Result(
            records: records, commits: commits.count, seconds: duration / .seconds(1), commitMicrosecondsMedian: microseconds(commits, 0.5),
            commitMicrosecondsP99: microseconds(commits, 0.99), commitMicrosecondsMax: microseconds(commits, 1),
            recordMicrosecondsMedian: waits.isEmpty ? nil : microseconds(waits, 0.5),
            recordMicrosecondsP99: waits.isEmpty ? nil : microseconds(waits, 0.99))
    }
}

import HoldfastWire

/// Checks a data directory: every record, every row, and what they say of each other. Reads only, one view of a moment.
package enum Verification {
    /// Told what is being read and how much of it has been.
    package typealias Progress = (_ stage: StaticString, _ count: Int) -> Void

    /// - Returns: nothing when all is as it has to be.
    /// - Throws: what reading throws.
    package static func run(
        on storage: any Storage, progress: Progress = { _, _ in }
    ) throws(StorageError) -> (findings: [Finding], counts: VerifiedCounts) {
        var findings: [Finding] = []
        var counts = VerifiedCounts()
        try storage.read { (snapshot) throws(StorageError) in
            var examination = try Examination(snapshot)
            try examination.run(progress)
            findings = examination.findings
            counts = examination.counts
        }
        return (findings, counts)
    }

    /// A number that depends on the records: whoever doesn't have them can't guess it, and it is the same the next time.
    package static func fingerprint(of storage: any Storage) throws(StorageError) -> UInt64 {
        let recordsMax = 10_000
        // FNV-1a.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        var count = 0
        try storage.read { (snapshot) throws(StorageError) in
            try snapshot.records(after: .zero) { _, bytes in
                for index in bytes.indices { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
                count += 1
                return count < recordsMax
            }
        }
        return hash
    }
}

/// How much was read.
package struct VerifiedCounts: Codable, Equatable, Sendable {
    package var records = 0
    package var users = 0
    package var conversations = 0
    package var inboxEntries = 0
    package var ledgerRows = 0
    package init() {}
}

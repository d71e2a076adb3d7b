import HoldfastWire

/// Looks through a slice of the ledger for keys that have outlived their promise.
package struct LedgerJob: Sendable {
    /// nil: from the beginning.
    let after: RequestKey?
    /// The age clock, in seconds.
    let age: UInt32
    let rowsMax: Int

    package func run(on storage: any Storage) throws(StorageError) -> LedgerPlan {
        var plan = LedgerPlan()
        var looked = 0
        var damaged: StorageError?
        try storage.read { (snapshot) throws(StorageError) in
            plan.checkpoint = try snapshot.checkpoint()
            // The first key behind one is the same with a zero byte.
            let from = after.map { $0.encoded + [0] } ?? []
            try snapshot.scan(.ledger, from: from.span) { bytes, value in
                guard let key = RequestKey(encoded: bytes), let row = LedgerRow(decoding: value) else {
                    damaged = StorageError(
                        .damaged, "A row of the store's ledger is damaged: run `holdfast repair --dry-run`, or restore a backup.")
                    return false
                }
                looked += 1
                plan.last = key
                if row.until <= age { plan.keys.append(key) }
                return looked < rowsMax
            }
        }
        if let damaged { throw damaged }
        plan.isDone = looked < rowsMax
        return plan
    }
}

/// Keys to be swept.
package struct LedgerPlan: Sendable {
    var keys = ContiguousArray<RequestKey>()
    /// The last key that was looked at.
    var last: RequestKey?
    /// Nothing is behind it.
    var isDone = false
    /// The checkpoint that the view has.
    var checkpoint: UInt64 = 0
}

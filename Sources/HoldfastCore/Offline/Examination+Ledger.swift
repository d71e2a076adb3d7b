import HoldfastWire

// What became of accounts' requests.
extension Examination {
    mutating func examineLedger() throws(StorageError) {
        try snapshot.rows(.ledger) { (bytes, value) throws(StorageError) in
            let key = RequestKey(encoded: bytes.span)
            let row = LedgerRow(decoding: value.span)
            if key != nil, let row, row.position < nextPosition {
                counts.ledgerRows += 1
                return
            }
            let isWhole = key != nil && row != nil
            find(
                isWhole ? .rowWrong : .rowDamaged, "ledger", position: row?.position, row: Self.hexadecimal(bytes),
                isWhole ? "its position is behind the end of the journal" : "not what became of a request",
                effect: "a repeat of the request is not recognised")
            plan.losses.append(
                Loss(
                    kind: .requestKey, position: row?.position.rawValue, from: nil, to: [], time: nil, count: 1,
                    text: "the key of a request: a repeat of it would be stored again"))
            plan.delete(.ledger, bytes)
        }
        let said = meta[.ledgerCount] ?? 0
        guard said != UInt64(counts.ledgerRows), plan.losses.allSatisfy({ $0.kind != .requestKey }) else { return }
        find(
            .countWrong, "meta", row: "ledgerCount", "the ledger has \(counts.ledgerRows) keys, and \(said) are counted",
            effect: "keys are kept for a shorter or a longer time than the limit allows")
    }
}

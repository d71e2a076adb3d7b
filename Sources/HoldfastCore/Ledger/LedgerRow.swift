package import HoldfastWire

/// What became of an account's request, for as long as its key is kept: a repeat of the request is answered by it. An upload has one row, too, for
/// all of its lines.
package struct LedgerRow: Equatable, Sendable {
    /// The age clock in seconds: the key is kept while that is lower.
    package var until: UInt32
    /// A hash of the request; of an upload a hash of the lines that are stored.
    package var fingerprint: UInt64
    /// Of the request's record; of an upload's last one.
    package var position: Position
    /// Of an upload: so many lines are stored. 0: the request is no upload.
    package var lines: UInt32
    /// The recipients who were refused, in the request's order. None of an upload's.
    package var refusals: [Refusal]

    package struct Refusal: Equatable, Sendable {
        /// Which of the request's recipients, from 0.
        package var index: UInt16
        package var code: RefusalCode
    }
}

// Layout of a row: crc u32 | until u32 | fingerprint u64 | position u64 | lines varint | refusals: index varint, code varint, up to the end.
extension LedgerRow {
    func encode(into bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(bigEndian: UInt32(0))
        bytes.append(bigEndian: until)
        bytes.append(bigEndian: fingerprint)
        bytes.append(bigEndian: position.rawValue)
        bytes.append(varint: UInt64(lines))
        for refusal in refusals {
            bytes.append(varint: UInt64(refusal.index))
            bytes.append(varint: UInt64(refusal.code.rawValue))
        }
        bytes.seal(from: start)
    }

    init?(decoding bytes: Span<UInt8>) {
        guard Record.isIntact(bytes) else { return nil }
        var reader = ByteReader(bytes, from: 4)
        guard let until = reader.integer(UInt32.self), let fingerprint = reader.integer(UInt64.self),
            let position = reader.integer(UInt64.self), let lines = reader.varint(UInt32.self)
        else { return nil }
        self.init(until: until, fingerprint: fingerprint, position: Position(rawValue: position), lines: lines, refusals: [])
        while reader.remaining > 0 {
            guard let index = reader.varint(UInt16.self), let code = reader.varint(UInt16.self) else { return nil }
            // A code of a later version is a refusal all the same.
            refusals.append(Refusal(index: index, code: RefusalCode(rawValue: code) ?? .overloaded))
        }
    }

    /// - Throws: `.damaged` with the key.
    static func read(_ key: RequestKey, from snapshot: any StorageSnapshot) throws(StorageError) -> LedgerRow? {
        var row: LedgerRow?
        let found = try snapshot.get(.ledger, key.encoded.span) { row = LedgerRow(decoding: $0) }
        guard found, row == nil else { return row }
        throw StorageError(
            .damaged,
            "The store's row of request key \(key) is damaged: nothing was changed. Run `holdfast repair --dry-run`, or restore a backup.")
    }
}

extension RequestKey: Comparable, CustomStringConvertible {
    package static func < (a: RequestKey, b: RequestKey) -> Bool { (a.high, a.low) < (b.high, b.low) }

    /// Its row's key: in the order of these bytes keys are compared.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: high)
        bytes.append(bigEndian: low)
        return bytes
    }

    init?(encoded: Span<UInt8>) {
        var reader = ByteReader(encoded)
        guard encoded.count == 16, let high = reader.integer(UInt64.self), let low = reader.integer(UInt64.self) else { return nil }
        self.init(high: high, low: low)
    }

    /// In hexadecimal.
    package var description: String { Examination.hexadecimal(encoded) }
}

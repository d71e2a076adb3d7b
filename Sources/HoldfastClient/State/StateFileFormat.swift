import HoldfastWire

/// The bytes of a state file.
///
///     header (64)   magic 8 | version u16 | zero u16 | generation u64 | CRC-32C
///                   two slots of: synced length u64 | CRC-32C    (of the generation too)
///     records       length u32 | record | CRC-32C of the generation, the record's offset, and the record
///
/// Records are appended and synced in batches; of a batch that wasn't synced any part may be missing after a crash, so reading ends at the
/// first record that isn't whole and right. What is before the synced length was on the disk: anything wrong there is damage. The slots
/// are written in turn, so that a torn one leaves the other. A file of an older generation can't be continued by records of a newer one.
enum StateFileFormat {
    static let version: UInt16 = 1
    static let headerBytes = 64
    /// What a record takes beside itself.
    static let frameBytes = 8
    static let slotOffsets = [24, 40]
    private static let magic = Array("HFCSTATE".utf8)

    static func header(generation: UInt64, syncedLength: Int) -> [UInt8] {
        var bytes = magic
        bytes.append(bigEndian: UInt64(version), byteCount: 2)
        bytes.append(bigEndian: 0, byteCount: 2)
        bytes.append(bigEndian: generation, byteCount: 8)
        bytes.append(bigEndian: UInt64(checksum(bytes.span)), byteCount: 4)
        bytes += slot(generation: generation, syncedLength: syncedLength) + [0, 0, 0, 0]
        bytes += slot(generation: generation, syncedLength: 0)
        bytes += [UInt8](repeating: 0, count: headerBytes - bytes.count)
        return bytes
    }

    static func slot(generation: UInt64, syncedLength: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt64(syncedLength), byteCount: 8)
        var sum = CRC32C()
        sum.add(generation)
        sum.add(bytes.span)
        bytes.append(bigEndian: UInt64(sum.value), byteCount: 4)
        return bytes
    }

    /// Appends a record that will stand at `offset` of the file.
    static func append(_ record: StateRecord, generation: UInt64, offset: Int, to out: inout [UInt8]) {
        let start = out.count
        out.append(bigEndian: 0, byteCount: 4)
        record.encode(to: &out)
        let count = out.count - start - 4
        for index in 0..<4 { out[start + index] = UInt8(truncatingIfNeeded: count >> (8 * (3 - index))) }
        let sum = recordChecksum(out.span.extracting(start + 4..<out.count), generation: generation, offset: offset)
        out.append(bigEndian: UInt64(sum), byteCount: 4)
    }

    static func decode(_ bytes: Span<UInt8>) throws(StateDamage) -> DecodedState {
        guard bytes.count >= headerBytes else { throw .damaged("the header is cut off") }
        for index in magic.indices where bytes[index] != magic[index] { throw .damaged("it doesn't begin as a state file does") }
        guard integer(bytes, 20, 4) == UInt64(checksum(bytes.extracting(0..<20))) else { throw .damaged("the header's checksum is wrong") }
        guard integer(bytes, 8, 2) == version else { throw .tooNew(version: Int(integer(bytes, 8, 2))) }
        let generation = integer(bytes, 12, 8)
        guard let synced = slotOffsets.compactMap({ readSlot(bytes, $0, generation) }).max() else {
            throw .damaged("both slots of the header are wrong")
        }
        guard synced <= UInt64(bytes.count) else { throw .damaged("\(synced) bytes were written, \(bytes.count) are here") }
        var decoded = DecodedState(generation: generation)
        var offset = headerBytes
        while let range = record(bytes, at: offset, generation) {
            let record: StateRecord
            do { record = try StateRecord(bytes, range) } catch { throw .damaged("a record at byte \(offset) has no meaning") }
            guard decoded.state.apply(record) else { throw .damaged("a record at byte \(offset) doesn't fit") }
            if offset == headerBytes, case .owner = record {} else if offset == headerBytes { throw .damaged("it begins without an owner") }
            offset = range.upperBound + 4
        }
        guard UInt64(offset) >= synced, offset > headerBytes else { throw .damaged("the record at byte \(offset) is wrong") }
        decoded.isTorn = offset < bytes.count
        return decoded
    }

    /// The record at `offset`, if one is there, whole and right.
    private static func record(_ bytes: Span<UInt8>, at offset: Int, _ generation: UInt64) -> ByteRange? {
        guard bytes.count - offset >= frameBytes else { return nil }
        let count = Int(integer(bytes, offset, 4))
        guard count > 0, count <= bytes.count - offset - frameBytes else { return nil }
        let range = offset + 4..<offset + 4 + count
        let sum = recordChecksum(bytes.extracting(range), generation: generation, offset: offset)
        return integer(bytes, range.upperBound, 4) == UInt64(sum) ? range : nil
    }

    private static func readSlot(_ bytes: Span<UInt8>, _ offset: Int, _ generation: UInt64) -> UInt64? {
        var sum = CRC32C()
        sum.add(generation)
        sum.add(bytes.extracting(offset..<offset + 8))
        return integer(bytes, offset + 8, 4) == UInt64(sum.value) ? integer(bytes, offset, 8) : nil
    }

    private static func recordChecksum(_ bytes: Span<UInt8>, generation: UInt64, offset: Int) -> UInt32 {
        var sum = CRC32C()
        sum.add(generation)
        sum.add(UInt64(offset))
        sum.add(bytes)
        return sum.value
    }

    private static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        CRC32C.checksum(bytes, bytes.indices)
    }

    private static func integer(_ bytes: Span<UInt8>, _ offset: Int, _ count: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value = value << 8 | UInt64(bytes[offset + index]) }
        return value
    }
}

/// What a state file holds.
package struct DecodedState: Equatable, Sendable {
    package var state = ClientState()
    /// Rises with each rewriting.
    package var generation: UInt64
    /// It ends with what a crash left of an unsynced batch.
    package var isTorn = false
}

/// Why a state file can't be used.
package enum StateDamage: Error, Equatable, Sendable {
    case damaged(String)
    case tooNew(version: Int)
}

extension ClientState {
    /// Reads a state file: total, whatever the bytes.
    package static func decode(_ bytes: Span<UInt8>) throws(StateDamage) -> DecodedState { try StateFileFormat.decode(bytes) }

    /// The records that make this state.
    package var snapshot: [StateRecord] {
        var records: [StateRecord] = [.owner(user: user, device: device)]
        if let session {
            records.append(.welcomed(session: session, attach: attach, era: era, cursor: cursor, lastSequence: lastSequence))
            if isLoggedOut { records.append(.sessionEnded) }
        }
        // After a logout too: what comes in the session after it, or the place where the app begins, moves the cursor before that
        // session is taken.
        if session == nil || isLoggedOut, cursor > .zero { records.append(.acknowledged(cursor)) }
        if !ticket.isEmpty { records.append(.ticket(ticket)) }
        if handedOver > .zero { records.append(.handedOver(handedOver)) }
        let entries = outbox.line.array + outbox.waiting.array
        for entry in entries.sorted(by: { $0.id < $1.id }) { records.append(.enqueued(entry)) }
        // Waiting messages may stand in another order than that of their numbers: after a refusal some wait in front of older ones.
        let order = outbox.line.array.map(\.id) + outbox.waiting.array.map(\.id)
        if !order.isEmpty {
            records.append(.assigned(order))
            if !outbox.waiting.isEmpty {
                let next = lastSequence.rawValue + UInt64(outbox.line.count) + 1
                records.append(.unassigned(from: MessageSequence(rawValue: next)))
            }
        }
        for (number, peer) in conversations.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            records.append(.conversation(number, peer: peer))
        }
        records.append(.inputs(inputs))
        for failure in failures { records.append(.failed(failure)) }
        records.append(.nextID(nextID))
        return records
    }
}

extension CRC32C {
    /// Eight bytes, big-endian.
    mutating func add(_ value: UInt64) {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: value, byteCount: 8)
        add(bytes.span)
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt64, byteCount: Int) {
        for index in (0..<byteCount).reversed() { append(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
}

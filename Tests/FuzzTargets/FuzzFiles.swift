import HoldfastClient
import HoldfastConnection
import HoldfastCore
import HoldfastGateway
import HoldfastIO
import HoldfastWire

/// The bytes as a file, and, since checksums keep mutations from what is behind them, as the records of a file that is right: a length
/// and so many bytes each. The layout is `StateFileFormat`'s.
func fuzzClientState(_ bytes: [UInt8]) {
    _ = try? ClientState.decode(bytes.span)
    let generation = bigEndian(1, 8)
    var file = Array("HFCSTATE".utf8) + [0, 1, 0, 0] + generation
    file += checksum(file)
    let slot = bigEndian(0, 8) + checksum(generation + bigEndian(0, 8))
    file += slot + [0, 0, 0, 0] + slot
    file += [UInt8](repeating: 0, count: 64 - file.count)
    func append(_ record: [UInt8]) {
        let sum = checksum(generation + bigEndian(UInt64(file.count), 8) + record)
        file += bigEndian(UInt64(record.count), 4) + record + sum
    }
    // A file begins with its owner.
    append([1, 1, UInt8(ascii: "u"), 1, UInt8(ascii: "d")])
    var input = FuzzInput(bytes)
    while !input.isEmpty { append(input.take(1 + Int(input.byte()))) }
    do {
        _ = try ClientState.decode(file.span)
    } catch .damaged(let problem) {
        let isRepaired = !["checksum", "slots", "begin"].contains { problem.contains($0) }
        precondition(isRepaired, "the repair is wrong: \(problem)")
    } catch {
        preconditionFailure("the repair is wrong")
    }
}

private func bigEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
}

private func checksum(_ bytes: [UInt8]) -> [UInt8] { bigEndian(UInt64(CRC32C.checksum(bytes.span, 0..<bytes.count)), 4) }

/// Nothing but what was sealed opens; what is read of a key file is written as the same.
func fuzzTicket(_ bytes: [UInt8]) {
    let keys = TicketKeys(firstSecret: [UInt8](repeating: 7, count: 32), now: 0)
    let sealer = TicketSealer(keys)
    precondition((try? sealer.open(bytes.span)) == nil, "a ticket that nobody sealed was opened")
    let ticket = Ticket(session: SessionID(rawValue: 1), expires: 1000, flags: [])
    var changed = sealer.seal(ticket)
    var isChanged = false
    for (index, byte) in bytes.prefix(changed.count).enumerated() where byte != 0 {
        changed[index] ^= byte
        isChanged = true
    }
    precondition((try? sealer.open(changed.span)) == (isChanged ? nil : ticket), "a ticket was opened that isn't as it was sealed")
    if let read = TicketKeys(fileText: String(decoding: bytes, as: UTF8.self)) {
        precondition(TicketKeys(fileText: read.fileText) == read, "ticket keys changed when they were written and read")
    }
}

/// The bytes, and the bytes behind what headers begin with. What is found whole is found whatever follows it, and not before it is there.
func fuzzProxyHeader(_ bytes: [UInt8]) {
    checkProxyHeader(bytes)
    let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    var header = signature + bytes
    // The length is made to fit, or the parser only asks for more.
    if header.count >= 16, header.count < ProxyHeader.byteCountMax {
        header[14] = UInt8((header.count - 16) >> 8)
        header[15] = UInt8((header.count - 16) & 0xFF)
    }
    checkProxyHeader(header)
    for family in ["PROXY ", "PROXY TCP4 ", "PROXY TCP6 "] { checkProxyHeader(Array(family.utf8) + bytes + [0x0D, 0x0A]) }
}

private func checkProxyHeader(_ bytes: [UInt8]) {
    guard case .done(let source, let count)? = try? ProxyHeader.parse(bytes.span) else { return }
    precondition(count <= bytes.count, "a header has bytes that aren't there")
    let whole = ProxyHeader.Progress.done(source, byteCount: count)
    let (longer, shorter) = (bytes[..<count] + [0x20], Array(bytes[..<(count - 1)]))
    precondition((try? ProxyHeader.parse(longer.span)) == whole, "what follows a header changed it")
    precondition((try? ProxyHeader.parse(shorter.span)) == .needsMore, "a header was whole before its last byte")
}

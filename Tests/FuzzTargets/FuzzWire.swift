import HoldfastCore
import HoldfastIO
import HoldfastWire

private enum Outcome: Equatable {
    case frames([ClientFrame], end: Int)
    case failed([ClientFrame], CloseCode)
}

extension ClientFrame {
    /// Where the room for later additions lies that a frame brings.
    fileprivate var room: ByteRange? {
        switch self {
        case .sendHeaded(_, let head), .sendToHeaded(_, let head): head.fields.range
        case .operation(_, _, let fields), .question(_, _, let fields): fields.range
        default: nil
        }
    }
}

extension ClosedRange<Int> {
    fileprivate func contains(_ range: ByteRange) -> Bool { contains(range.lowerBound) && contains(range.upperBound) }
}

private func decodeAll(_ bytes: [UInt8]) -> Outcome {
    var frames: [ClientFrame] = []
    var offset = 0
    do {
        while offset < bytes.count, let decoded = try ClientFrame.decode(bytes.span, at: offset, limits: WireLimits(frameBytesMax: 65_536))
        {
            precondition(decoded.byteCount > 0 && offset + decoded.byteCount <= bytes.count, "a frame goes beyond its bytes")
            if let frame = decoded.frame {
                if let room = frame.room {
                    precondition((offset...offset + decoded.byteCount).contains(room), "fields outside of their frame")
                }
                frames.append(frame)
            }
            offset += decoded.byteCount
        }
    } catch {
        return .failed(frames, error)
    }
    return .frames(frames, end: offset)
}

func fuzzClientFrames(_ bytes: [UInt8]) {
    guard let cut = bytes.first.map(Int.init) else { return }
    let stream = Array(bytes.dropFirst())
    let whole = decodeAll(stream)
    // A decoder that has seen less must not say anything else, only less.
    switch (decodeAll(Array(stream.prefix(cut))), whole) {
    case (.frames(let some, _), .frames(let all, _)), (.frames(let some, _), .failed(let all, _)):
        precondition(all.starts(with: some), "the frames depend on how the stream was cut")
    case (.failed(let some, let early), .failed(let all, let late)):
        precondition(some == all && early == late, "the error depends on how the stream was cut")
    case (.failed, .frames): preconditionFailure("more bytes made an error go away")
    }
}

func fuzzServerFrames(_ bytes: [UInt8]) {
    var offset = 0
    do {
        while offset < bytes.count, let decoded = try ServerFrame.decode(bytes.span, at: offset, limits: WireLimits(frameBytesMax: 65_536))
        {
            precondition(decoded.byteCount > 0 && offset + decoded.byteCount <= bytes.count, "a frame goes beyond its bytes")
            switch decoded.frame {
            case .answer(_, _, let fields)?, .state(_, let fields)?:
                precondition(fields.range.upperBound == offset + decoded.byteCount, "fields that don't end with their frame")
            default: break
            }
            if case .deliver(let deliver)? = decoded.frame {
                var entries = DeliverEntries(deliver)
                while let entry = try entries.next(in: bytes.span) {
                    precondition(deliver.entries.contains(entry.body.lowerBound) || entry.body.isEmpty, "a body outside of its frame")
                    guard let head = entry.head?.fields.range else { continue }
                    precondition(
                        (deliver.entries.lowerBound...entry.body.lowerBound).contains(head), "a head that isn't in front of its body")
                }
            }
            offset += decoded.byteCount
        }
    } catch {
        return
    }
}

func fuzzRecords(_ bytes: [UInt8]) {
    // The checksum keeps mutations from the fields behind it: the second try repairs it.
    _ = Record.decode(bytes.span)
    guard bytes.count >= 5 else { return }
    var repaired = bytes
    let checksum = CRC32C.checksum(bytes.span, 4..<bytes.count)
    for index in 0..<4 { repaired[index] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * index)) }
    guard let record = Record.decode(repaired.span) else { return }
    var encoded: [UInt8] = []
    guard case .message(var message) = record else {
        record.encode(into: &encoded)
        return precondition(Record.decode(encoded.span) == record, "a record changed when it was encoded again")
    }
    // One of format 1 is written in the form of today: its body lies elsewhere then.
    record.encode(body: repaired[message.body], into: &encoded)
    guard case .message(var again)? = Record.decode(encoded.span) else {
        preconditionFailure("a message isn't one when it is encoded again")
    }
    precondition(encoded[again.body].elementsEqual(repaired[message.body]), "a body changed when it was encoded again")
    (message.body, again.body) = (0..<0, 0..<0)
    precondition(message == again, "a message changed when it was encoded again")
}

func fuzzAddresses(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    if let address = try? SocketAddress(parsing: text) {
        let again = try? SocketAddress(parsing: address.description)
        precondition(again == address, "an address changed when it was written and read")
    }
    _ = try? AddressRange(parsing: text)
}

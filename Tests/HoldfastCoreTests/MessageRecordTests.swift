import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct MessageRecordTests {
    private typealias Recipient = MessageRecord.Recipient

    private func recipient(_ user: UInt64, refusal: RefusalCode? = nil, name: String = "") -> Recipient {
        Recipient(
            user: user, conversation: ConversationNumber(rawValue: user * 300), beginsConversation: user.isMultiple(of: 2),
            refusal: refusal,
            newName: name.isEmpty ? nil : Array(name.utf8))
    }

    private func message(_ recipients: [Recipient], key: RequestKey? = nil) -> MessageRecord {
        var all = MessageRecord.Recipients(recipients[0])
        for recipient in recipients.dropFirst() { all.append(recipient) }
        return MessageRecord(
            session: SessionID(user: (1 << 40) - 1, serial: key == nil ? 0xFF_FFFF : 0),
            attach: key == nil ? AttachNumber(rawValue: .max) : .none,
            sequence: key == nil ? MessageSequence(rawValue: .max >> 1) : .none, key: key, recipients: all, time: .max, age: .max,
            kind: .text,
            echoes: key == nil, body: 0..<0)
    }

    private func encoded(_ message: MessageRecord, _ body: String = "body") -> [UInt8] {
        var bytes: [UInt8] = []
        Record.message(message).encode(body: Array(body.utf8)[...], into: &bytes)
        return bytes
    }

    private func decoded(_ bytes: [UInt8], of user: UInt64? = nil) -> MessageRecord? {
        guard case .message(var message)? = Record.decode(bytes.span, of: user) else { return nil }
        #expect(String(decoding: bytes[message.body], as: UTF8.self) == "body")
        message.body = 0..<0
        return message
    }

    private func sealed(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes.replace(at: 0, bigEndian: CRC32C.checksum(bytes.span, 4..<bytes.count))
        return bytes
    }

    @Test func `a session's message, and an account's to many, are what they were`() {
        var many = message(
            [recipient(7), recipient(0, refusal: .invalidRecipient), recipient(9, refusal: .inboxFull), recipient(12, name: "dave")],
            key: RequestKey(high: .max, low: 5))
        many.newSender = Array("shop".utf8)
        many.timeToLive = 3_600
        many.tag = Array("order".utf8)
        for message in [message([recipient(7)]), message([recipient(1 << 39, name: "zoë")]), many] {
            #expect(decoded(encoded(message)) == message)
        }
    }

    @Test func `a record for many names a thousand`() {
        let message = message((1...1_000).map { recipient($0) }, key: RequestKey(high: 1, low: 2))
        let bytes = encoded(message)
        #expect(bytes.count < 8_000)
        #expect(decoded(bytes) == message)
        for user in [UInt64(1), 500, 1_000] {
            #expect(decoded(bytes, of: user)?.recipients.map(\.user) == [user])
        }
        // For the sender, who is none of them, any stands for all.
        #expect(decoded(bytes, of: 5_000)?.recipients.count == 1)
    }

    @Test func `a message between two takes less than in format 1`() {
        let message = MessageRecord(
            session: SessionID(user: 100_000, serial: 2), attach: AttachNumber(rawValue: 900), sequence: MessageSequence(rawValue: 10_000),
            recipients: .init(Recipient(user: 200_000, conversation: ConversationNumber(rawValue: 300_000))), time: 1_700_000_000_000,
            age: 9,
            kind: .text, echoes: true, body: 0..<0)
        #expect(encoded(message, "").count == 34)
    }

    @Test(arguments: [RequestNote.Place.new, .replaces, .newIfDeleted])
    func `what the ledger keeps of a request, and whether it is tracked, is read`(
        place: RequestNote.Place
    ) {
        var message = message([recipient(7)], key: RequestKey(high: 1, low: 2))
        message.isTracked = true
        message.request = RequestNote(until: 1_000_000, fingerprint: .max - 3, line: 77, place: place)
        #expect(decoded(encoded(message)) == message)
    }

    @Test func `an option of a later version is skipped, and one that must be understood is newer format`() throws {
        var message = message([recipient(7)])
        message.tag = Array("tag".utf8)
        let bytes = encoded(message)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [4, 3] + Array("tag".utf8)) })
        for (number, isSkipped) in [(UInt8(8), true), (7, false)] {
            var other = bytes
            other[place] = number
            other = sealed(other)
            message.tag = []
            #expect(decoded(other) == (isSkipped ? message : nil))
            var code: StorageError.Code?
            do throws(StorageError) { try Record.requireKnown(other.span, at: .zero) } catch { code = error.code }
            #expect(code == (isSkipped ? nil : .newerFormat))
        }
    }

    @Test func `a message to a group, and each reserved kind, is newer format`() {
        var group = encoded(message([recipient(7)], key: RequestKey(high: 1, low: 2)))
        // Behind the head: crc, kind, flags, six bytes of the sender's number, key, time, age.
        let place = 4 + 1 + 1 + 6 + 16 + 8 + 4
        #expect(group[place] == 1)
        group[place] = 0
        let kinds: [RecordKind] = [.ledger, .wake, .erase, .membership, .readMarks, .consumer, .ticketKeys, .format]
        for bytes in [sealed(group)] + kinds.map({ sealed([0, 0, 0, 0, $0.rawValue, 1, 2]) }) {
            #expect(Record.decode(bytes.span) == nil)
            #expect(throws: StorageError.self) { try Record.requireKnown(bytes.span, at: .zero) }
        }
    }

    @Test func `a record of format 1 is read`() {
        var bytes: [UInt8] = [0, 0, 0, 0, 1, 0x20 | 0x40 | 0x80 | MessageKind.text.rawValue]
        let session = SessionID(user: 3, serial: 2)
        bytes.append(bigEndian: session.rawValue)
        bytes.append(bigEndian: UInt32(9))
        for number in [UInt64(4), 77, 3, 8, 1_700_000_000_000] { bytes.append(bigEndian: number) }
        bytes.append(bigEndian: UInt32(55))
        bytes.append(text: Array("eve".utf8))
        bytes.append(contentsOf: Array("body".utf8))
        #expect(
            decoded(sealed(bytes))
                == MessageRecord(
                    session: session, attach: AttachNumber(rawValue: 9), sequence: MessageSequence(rawValue: 4),
                    recipients: .init(
                        Recipient(
                            user: 8, conversation: ConversationNumber(rawValue: 77), beginsConversation: true, newName: Array("eve".utf8))),
                    time: 1_700_000_000_000, age: 55, kind: .text, echoes: true, body: 0..<0))
    }
}

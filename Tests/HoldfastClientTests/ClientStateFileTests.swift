import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

@Suite struct ClientStateFileTests {
    /// A file with every kind of record in it, synced.
    private func full(_ storage: FaultyStorage = FaultyStorage()) throws -> ClientStateFile {
        var file = try ClientStateFile.open(storage, user: "alice", device: "phone").file
        file.append(
            .welcomed(
                session: SessionID(rawValue: .max), attach: AttachNumber(rawValue: 3), era: 2, cursor: Position(rawValue: 100),
                lastSequence: MessageSequence(rawValue: 6)))
        file.append(.ticket(Array(repeating: 9, count: 43)))
        for id in UInt64(1)...6 {
            file.append(
                .enqueued(
                    OutboxEntry(
                        id: id, recipient: id % 2 == 0 ? .user("bob") : .conversation(id), kind: .card, waitsForRoom: id != 3,
                        tag: id == 4 ? nil : SendTag(high: id, low: ~id), inputNumber: id == 4 ? 0 : id,
                        body: Array(repeating: UInt8(id), count: Int(id) * 40))))
        }
        file.append(.assigned([1, 2, 4, 3]))
        file.append(.stored(through: MessageSequence(rawValue: 7)))
        file.append(.unassigned(from: MessageSequence(rawValue: 9)))
        file.append(.removed(id: 2, .inboxFull))
        file.append(.removed(id: 6, nil))
        file.append(.acknowledged(Position(rawValue: 120)))
        file.append(.handedOver(Position(rawValue: 125)))
        file.append(.conversation(ConversationNumber(rawValue: 7), peer: "bob"))
        file.append(.conversation(ConversationNumber(rawValue: 8), peer: "zoë"))
        try file.sync()
        return file
    }

    @Test func `a state comes back as it was`() throws {
        let storage = FaultyStorage()
        var file = try full(storage)
        let state = file.state
        #expect(state.outbox.line.array.isEmpty)
        #expect(state.outbox.waiting.array.map(\.id) == [4, 3, 5])
        #expect(state.failures == [FailedSend(id: 2, tag: SendTag(high: 2, low: ~2), inputNumber: 2, code: .inboxFull)])
        try file.close()
        let (again, recovery) = try ClientStateFile.open(storage, user: "alice", device: "phone")
        #expect(recovery == .loaded)
        #expect(again.state == state)
    }

    @Test func `a snapshot is the state, whatever the order in the outbox and whatever came after a logout`() throws {
        var state = try full().state
        let later: [StateRecord] = [
            .assigned([3]), .sessionEnded, .acknowledged(Position(rawValue: 130)), .handedOver(Position(rawValue: 131)), .ticket([3]),
            .attachRaised(AttachNumber(rawValue: 77)),
        ]
        for record in later {
            _ = state.apply(record)
            var again = ClientState()
            for record in state.snapshot {
                let fits = again.apply(record)
                #expect(fits)
            }
            #expect(again == state, "after \(record)")
        }
    }

    @Test func `every truncation is detected`() throws {
        let storage = FaultyStorage()
        _ = try full(storage)
        let bytes = try #require(storage.file(ClientStateFile.name))
        for count in 0..<bytes.count {
            #expect(throws: StateDamage.self, "cut to \(count)") { try ClientState.decode(bytes.span.extracting(0..<count)) }
        }
    }

    @Test func `every flipped bit is detected or changes nothing`() throws {
        let storage = FaultyStorage()
        let state = try full(storage).state
        let bytes = try #require(storage.file(ClientStateFile.name))
        var harmless = 0
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << bit
                do {
                    let decoded = try ClientState.decode(flipped.span)
                    #expect(decoded.state == state && !decoded.isTorn, "bit \(bit) of byte \(index)")
                    harmless += 1
                } catch {}
            }
        }
        // Only the slots of the header, of which one is enough, and what fills it up.
        #expect(harmless <= (StateFileFormat.headerBytes - 24) * 8)
    }

    @Test func `a damaged file is set aside, kept, and a fresh state begins`() throws {
        let storage = FaultyStorage()
        var file = try full(storage)
        try file.close()
        var bytes = try #require(storage.file(ClientStateFile.name))
        bytes[100] ^= 1
        storage.setFile(ClientStateFile.name, bytes)
        var (fresh, recovery) = try ClientStateFile.open(storage, user: "alice", device: "phone")
        guard case .damaged("client.state.damaged-1", _) = recovery else {
            Issue.record("\(recovery)")
            return
        }
        #expect(storage.file("client.state.damaged-1") == bytes)
        #expect(fresh.state.session == nil)
        try fresh.close()
        storage.setFile(ClientStateFile.name, [1, 2, 3])
        (_, recovery) = try ClientStateFile.open(storage, user: "alice", device: "phone")
        guard case .damaged("client.state.damaged-2", _) = recovery else {
            Issue.record("\(recovery)")
            return
        }
    }

    @Test(arguments: 0..<200)
    func `after a power cut the synced records are there, and of the others a beginning`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let storage = FaultyStorage()
        var file = try ClientStateFile.open(storage, user: "alice", device: "phone").file
        var states = [file.state]
        var syncedCount = 0
        for id in UInt64(1)...UInt64.random(in: 1...30, using: &random) {
            file.append(.enqueued(OutboxEntry(id: id, recipient: .user("bob"), kind: .text, body: [1, 2, 3])))
            states.append(file.state)
            if random.chance(0.4) { try file.flush() }
            if random.chance(0.2) {
                try file.sync()
                syncedCount = states.count - 1
            }
        }
        storage.crash(losesPower: true, using: &random)
        let (again, recovery) = try ClientStateFile.open(storage, user: "alice", device: "phone")
        #expect(recovery == .loaded)
        let index = try #require(states.firstIndex(of: again.state), "seed \(seed): a state that never was")
        #expect(index >= syncedCount, "seed \(seed)")
    }

    @Test func `random bytes never trap the decoder`() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<2_000 {
            let count = Int.random(in: 0...300, using: &random)
            var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(throws: StateDamage.self) { try ClientState.decode(bytes.span) }
            // The same records with right checksums: their meaning is checked too.
            bytes = StateFileFormat.header(generation: 1, syncedLength: 64) + Self.record(bytes, offset: 64)
            _ = try? ClientState.decode(bytes.span)
        }
    }

    private static func record(_ bytes: [UInt8], offset: Int) -> [UInt8] {
        var sum = CRC32C()
        sum.add(1)
        sum.add(UInt64(offset))
        sum.add(bytes.span)
        var out: [UInt8] = []
        out.append(bigEndian: UInt64(bytes.count), byteCount: 4)
        out += bytes
        out.append(bigEndian: UInt64(sum.value), byteCount: 4)
        return out
    }

    @Test func `a file of an older generation can't be continued by a newer one's records`() throws {
        var bytes = StateFileFormat.header(generation: 1, syncedLength: 64)
        var records: [UInt8] = []
        StateFileFormat.append(.owner(user: "alice", device: "phone"), generation: 2, offset: 64, to: &records)
        bytes += records
        #expect(throws: StateDamage.self) { try ClientState.decode(bytes.span) }
    }

    @Test func `state of another user, of a newer version, or in use is refused and left alone`() throws {
        let storage = FaultyStorage()
        var file = try full(storage)
        #expect(throws: ClientError(.stateInUse, "locked")) { try ClientStateFile.open(storage, user: "alice", device: "phone") }
        try file.close()
        #expect { try ClientStateFile.open(storage, user: "bob", device: "phone") } throws: {
            ($0 as? ClientError)?.code == .stateOfAnother
        }
        var header = Array("HFCSTATE".utf8) + [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        var sum = CRC32C()
        sum.add(header.span)
        header.append(bigEndian: UInt64(sum.value), byteCount: 4)
        let bytes = header + [UInt8](repeating: 0, count: 100)
        storage.setFile(ClientStateFile.name, bytes)
        #expect { try ClientStateFile.open(storage, user: "alice", device: "phone") } throws: {
            ($0 as? ClientError)?.code == .stateTooNew
        }
        #expect(storage.file(ClientStateFile.name) == bytes)
    }

    @Test func `the log is rewritten before it grows without bound`() throws {
        let storage = FaultyStorage()
        var file = try ClientStateFile.open(storage, user: "alice", device: "phone").file
        file.append(
            .welcomed(session: SessionID(rawValue: 1), attach: AttachNumber(rawValue: 1), era: 0, cursor: .zero, lastSequence: .none))
        for id in UInt64(1)...5_000 {
            file.append(.enqueued(OutboxEntry(id: id, recipient: .user("bob"), kind: .text, body: Array(repeating: 1, count: 500))))
            file.append(.assigned([id]))
            file.append(.stored(through: MessageSequence(rawValue: id)))
            if id % 50 == 0 { try file.sync() }
        }
        let bytes = try #require(storage.file(ClientStateFile.name))
        #expect(bytes.count < (1 << 20) + 50_000)
        let decoded = try ClientState.decode(bytes.span)
        #expect(decoded.state == file.state && decoded.generation >= 2)
    }
}

import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// What is settled by presence, and what proves nothing.
@Suite struct JournalWriterTests {
    private static let window = JournalWindow(batches: 4)
    private var writer = JournalWriter(window: window, answerMilliseconds: 100, pauseMilliseconds: 10)

    /// Records at positions; none: a deletion before the first of them.
    private func batch(_ positions: Range<UInt64>, _ byte: UInt8 = 1) -> JournalBatch {
        var batch = JournalBatch()
        for position in positions {
            batch.entries.append(.init(position: Position(rawValue: position), offset: batch.bytes.count, count: 1))
            batch.bytes.append(byte)
        }
        if positions.isEmpty { batch.deletions = [Position(rawValue: 1)] }
        batch.firstPosition = Position(rawValue: positions.lowerBound)
        batch.nextPosition = Position(rawValue: positions.upperBound)
        return batch
    }

    /// The steps that are due: "offer 0", "look 0".
    private mutating func steps(at now: UInt64) -> [String] {
        var steps: [String] = []
        while let step = writer.nextStep(now: now) {
            switch step {
            case .offer(_, let number): steps.append("offer \(number)")
            case .look(_, let number): steps.append("look \(number)")
            }
        }
        return steps
    }

    private mutating func take(_ batches: JournalBatch...) { for batch in batches { writer.take(batch) } }

    @Test mutating func `an answer counts for everything before it, and once`() {
        take(batch(1..<4), batch(4..<5), batch(5..<9))
        #expect(steps(at: 0) == ["offer 0", "offer 1", "offer 2"])
        #expect(writer.answered(.synced, number: 1, now: 1) == Position(rawValue: 4))
        #expect(writer.answered(.synced, number: 0, now: 2) == nil)
        #expect(writer.answered(.synced, number: 2, now: 3) == Position(rawValue: 8))
        #expect(writer.count == 0 && writer.wakesAt == .max)
    }

    @Test(arguments: [CommitAnswer.refused, .unknown])
    func `no answer but yes proves anything: the first batch is looked for, then the next`(answer: CommitAnswer) throws {
        var test = self
        test.take(test.batch(1..<4), test.batch(4..<5))
        #expect(test.steps(at: 0) == ["offer 0", "offer 1"])
        #expect(test.writer.answered(answer, number: 1, now: 1) == nil)
        #expect(test.steps(at: 1) == ["look 0"])
        #expect(try test.writer.looked(.batch, number: 0, now: 2) == Position(rawValue: 3))
        #expect(test.steps(at: 2) == ["look 1"])
        #expect(try test.writer.looked(.batch, number: 1, now: 3) == Position(rawValue: 4))
        #expect(test.steps(at: 3).isEmpty)
    }

    @Test mutating func `an empty place proves nothing: the same batches are offered again, and the first answer still counts`() throws {
        take(batch(1..<4), batch(4..<5))
        _ = steps(at: 0)
        #expect(writer.answered(.refused, number: 1, now: 1) == nil)
        _ = steps(at: 1)
        #expect(try writer.looked(.empty, number: 0, now: 2) == nil)
        #expect(steps(at: 2).isEmpty && writer.wakesAt == 12)
        #expect(writer.answered(.synced, number: 0, now: 3) == Position(rawValue: 3))
        #expect(steps(at: 12) == ["offer 1"])
        #expect(writer.answered(.synced, number: 1, now: 13) == Position(rawValue: 4))
    }

    @Test mutating func `an answer that doesn't come is a doubt, and so is that of a look`() throws {
        take(batch(1..<4))
        #expect(steps(at: 0) == ["offer 0"] && writer.wakesAt == 100)
        #expect(steps(at: 99).isEmpty)
        #expect(steps(at: 100) == ["look 0"] && writer.wakesAt == 200)
        #expect(steps(at: 200) == ["look 0"])
        #expect(try writer.looked(nil, number: 0, now: 201) == nil)
        #expect(steps(at: 201).isEmpty && steps(at: 211) == ["look 0"])
        #expect(try writer.looked(.batch, number: 0, now: 212) == Position(rawValue: 3))
    }

    @Test mutating func `nothing new is offered while there is a doubt`() throws {
        take(batch(1..<4))
        _ = steps(at: 0)
        _ = writer.answered(.unknown, number: 0, now: 1)
        take(batch(4..<5))
        #expect(steps(at: 1) == ["look 0"])
        #expect(try writer.looked(.batch, number: 0, now: 2) == Position(rawValue: 3))
        #expect(steps(at: 2) == ["offer 1"])
    }

    @Test mutating func `another writer's batch ends it`() {
        take(batch(1..<4))
        _ = steps(at: 0)
        _ = writer.answered(.refused, number: 0, now: 1)
        _ = steps(at: 1)
        #expect(throws: StorageError.anotherWriter(at: Position(rawValue: 1))) { try writer.looked(.other, number: 0, now: 2) }
        #expect(StorageError.anotherWriter(at: .zero).exitCode == ExitCode.inUse.rawValue)
    }

    @Test mutating func `an answer to a batch that only deleted isn't taken for one to the batch behind it, which has its place`() throws {
        take(batch(4..<4))
        _ = steps(at: 0)
        _ = steps(at: 100)
        #expect(try writer.looked(.empty, number: 0, now: 101) == nil)
        #expect(steps(at: 111) == ["offer 0"])
        #expect(writer.answered(.synced, number: 0, now: 112) == Position(rawValue: 3))
        take(batch(4..<6))
        #expect(steps(at: 113) == ["offer 1"])
        // That to the second offer.
        #expect(writer.answered(.synced, number: 0, now: 114) == nil && writer.count == 1)
    }

    @Test func `a place is empty, the batch's, or another's`() throws {
        let storage = MemoryStorage(window: Self.window, isFenced: true)
        #expect(try storage.place(of: batch(1..<4)) == .empty)
        #expect(try storage.commit(batch(4..<5)) == .refused)
        #expect(try storage.commit(batch(1..<4)) == .synced)
        #expect(try storage.commit(batch(1..<4)) == .refused)
        #expect(try storage.place(of: batch(1..<4)) == .batch)
        #expect(try storage.place(of: batch(1..<4, 2)) == .other)
        #expect(try storage.place(of: batch(1..<5)) == .other)
        #expect(try storage.place(of: batch(4..<4)) == .empty)
        #expect(try storage.place(of: batch(3..<3)) == .other)
        // What a thread does that has one batch at a time.
        try storage.commitUntilSynced(batch(1..<4))
        try storage.commitUntilSynced(batch(4..<6))
        #expect(throws: StorageError.self) { try storage.commitUntilSynced(batch(4..<6, 2)) }
        #expect(storage.recordCount == 5)
    }
}

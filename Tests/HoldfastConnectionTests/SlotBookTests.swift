import HoldfastConnection
import HoldfastWire
import Testing

@Suite struct SlotBookTests {
    // REQ-TIME-10
    @Test func `a slot is good once, from shortly before its time until a minute after`() {
        var book = SlotBook(countMax: 10)
        let session = SessionID(rawValue: 7)
        #expect(book.claim(session, now: 0) == .none)
        book.promise(session, at: 5_000, now: 0)
        #expect(book.claim(session, now: 1_000) == .early(milliseconds: 4_000))
        #expect(book.claim(session, now: 4_900) == .due)
        #expect(book.claim(session, now: 4_900) == .none)
        book.promise(session, at: 10_000, now: 5_000)
        #expect(book.claim(SessionID(rawValue: 8), now: 100_000) == .none)
        #expect(book.count == 0)
    }

    @Test func `no more sessions are remembered than the limit says`() {
        var book = SlotBook(countMax: 2)
        for id in 1...3 { book.promise(SessionID(rawValue: UInt64(id)), at: 1_000, now: 0) }
        #expect(book.count == 2)
        book.promise(SessionID(rawValue: 1), at: 2_000, now: 0)
        #expect(book.claim(SessionID(rawValue: 1), now: 1_000) == .early(milliseconds: 1_000))
    }
}

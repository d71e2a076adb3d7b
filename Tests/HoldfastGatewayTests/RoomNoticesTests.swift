import Testing

@testable import HoldfastGateway

/// What an operator reads of a disk that fills up.
@Suite struct RoomNoticesTests {
    @Test func `each change is said once, that of the cause, too`() {
        var notices = RoomNotices()
        #expect(notices.update(nil, now: 0) == nil)
        #expect(notices.update("journal", now: 50) == .refusing)
        #expect(notices.update("journal", now: 100) == nil)
        #expect(notices.update("process 7", now: 150) == .refusing)
        #expect(notices.update("process 7", now: 200) == nil)
        #expect(notices.update(nil, now: 250) == .takingAgain)
        #expect(notices.update(nil, now: 300) == nil)
    }

    @Test func `room that comes and goes is said once a minute, and what lasts is always said`() {
        var notices = RoomNotices()
        var said: [RoomNotices.Notice] = []
        for second in UInt64(0)..<50 {
            if let notice = notices.update(second.isMultiple(of: 2) ? "journal" : nil, now: second * 1000) { said.append(notice) }
        }
        #expect(said == [.refusing, .takingAgain])
        #expect(notices.update("journal", now: 51_000) == nil)
        #expect(notices.update("journal", now: 59_999) == nil)
        #expect(notices.update("journal", now: 60_000) == .refusing)
        #expect(notices.update(nil, now: 60_050) == .takingAgain)
    }
}

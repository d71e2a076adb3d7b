import Testing

@testable import HoldfastGateway

/// What an operator reads of a disk that fills up.
@Suite struct RoomNoticesTests {
    @Test func `each change is said once, that of the cause, too`() {
        var notices = RoomNotices(nearBytes: 100)
        #expect(notices.update(nil, roomBytes: 1000, now: 0) == nil)
        #expect(notices.update("journal", roomBytes: 1000, now: 50) == .refusing)
        #expect(notices.update("journal", roomBytes: 1000, now: 100) == nil)
        #expect(notices.update("process 7", roomBytes: 1000, now: 150) == .refusing)
        #expect(notices.update("process 7", roomBytes: 1000, now: 200) == nil)
        #expect(notices.update(nil, roomBytes: 1000, now: 250) == .takingAgain)
        #expect(notices.update(nil, roomBytes: 1000, now: 300) == nil)
    }

    @Test func `room that comes and goes is said once a minute, and what lasts is always said`() {
        var notices = RoomNotices(nearBytes: 100)
        var said: [RoomNotices.Notice] = []
        for second in UInt64(0)..<50 {
            if let notice = notices.update(second.isMultiple(of: 2) ? "journal" : nil, roomBytes: 1000, now: second * 1000) {
                said.append(notice)
            }
        }
        #expect(said == [.refusing, .takingAgain])
        #expect(notices.update("journal", roomBytes: 1000, now: 51_000) == nil)
        #expect(notices.update("journal", roomBytes: 1000, now: 59_999) == nil)
        #expect(notices.update("journal", roomBytes: 1000, now: 60_000) == .refusing)
        #expect(notices.update(nil, roomBytes: 1000, now: 60_050) == .takingAgain)
    }

    @Test func `room that is nearly gone is said once, before messages are refused`() {
        var notices = RoomNotices(nearBytes: 100)
        #expect(notices.update(nil, roomBytes: 100, now: 0) == nil)
        #expect(notices.update(nil, roomBytes: 99, now: 50) == .nearlyFull)
        #expect(notices.update(nil, roomBytes: 150, now: 100) == nil)
        #expect(notices.update(nil, roomBytes: 50, now: 150) == nil)
        #expect(notices.update("disk", roomBytes: 0, now: 200) == .refusing)
        #expect(notices.update(nil, roomBytes: 50, now: 250) == .takingAgain)
        #expect(notices.update(nil, roomBytes: 200, now: 300) == nil)
        #expect(notices.update(nil, roomBytes: 50, now: 350) == .nearlyFull)
    }
}

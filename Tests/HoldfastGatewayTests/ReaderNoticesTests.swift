import HoldfastCore
import Testing

@testable import HoldfastGateway

@Suite struct ReaderNoticesTests {
    private func holder(_ bytes: Int, process: Int32 = 7) -> PageHolder {
        PageHolder(environment: "journal", processID: process, bytes: bytes)
    }

    @Test func `who holds much for long is named, again when it is twice as much or after a while, and when it is over`() {
        var notices = ReaderNotices()
        #expect(notices.update(nil, now: 0) == nil)
        #expect(notices.update(holder(1 << 30), now: 1_000) == nil)
        #expect(notices.update(holder(1 << 30), now: 10_999) == nil)
        #expect(notices.update(holder(1 << 30), now: 11_000) == .holds(holder(1 << 30), seconds: 10))
        #expect(notices.update(holder((2 << 30) - 1), now: 12_000) == nil)
        #expect(notices.update(holder(2 << 30), now: 13_000) == .holds(holder(2 << 30), seconds: 12))
        #expect(notices.update(holder(2 << 30), now: 612_999) == nil)
        #expect(notices.update(holder(2 << 30), now: 613_000) == .holds(holder(2 << 30), seconds: 612))
        // Dead and not let go of yet: its number is nobody's.
        #expect(notices.update(PageHolder(environment: "journal", processID: nil, bytes: 2 << 30), now: 613_500) == nil)
        #expect(notices.update(nil, now: 614_000) == .letGo)
        #expect(notices.update(nil, now: 615_000) == nil)
    }

    @Test func `a short one, a small one and another one aren't named`() {
        var notices = ReaderNotices()
        #expect(notices.update(holder(1 << 30), now: 0) == nil)
        #expect(notices.update(nil, now: 9_000) == nil)
        #expect(notices.update(holder(1 << 20), now: 10_000) == nil)
        #expect(notices.update(holder(1 << 20), now: 100_000) == nil)
        #expect(notices.update(holder(1 << 30, process: 8), now: 101_000) == nil)
        #expect(notices.update(holder(1 << 30, process: 8), now: 111_000) == .holds(holder(1 << 30, process: 8), seconds: 10))
    }
}

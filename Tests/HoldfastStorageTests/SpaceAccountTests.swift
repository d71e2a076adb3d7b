import Testing

@testable import HoldfastStorage

/// When room is low, and what becomes of the reserve, from numbers alone.
@Suite struct SpaceAccountTests {
    private static let reserve = 64 << 20
    private static let batch = 4 << 20

    private func account(available: Int, isReserveHeld: Bool = true) -> SpaceAccount {
        var account = SpaceAccount(reserveBytes: Self.reserve, batchBytesMax: Self.batch)
        account.isReserveHeld = isReserveHeld
        account.availableBytes = available
        account.update()
        return account
    }

    @Test func `room for two batches beyond the reserve is enough, less is low`() {
        #expect(!account(available: 12 << 20).isLow)
        #expect(account(available: 8 << 20).isLow)
        #expect(!account(available: Self.reserve + 12 << 20, isReserveHeld: false).isLow)
        #expect(account(available: Self.reserve, isReserveHeld: false).isLow)
    }

    @Test func `giving the reserve up doesn't make room for messages`() {
        var account = account(available: 5 << 20)
        #expect(account.reserveAction == .release)
        account.isReserveHeld = false
        account.availableBytes += Self.reserve
        account.update()
        #expect(account.isLow)
        #expect(account.reserveAction == .keep)
    }

    @Test func `what became low needs clearly more room to be good again`() {
        var account = account(available: 5 << 20, isReserveHeld: false)
        account.availableBytes = Self.reserve + 13 << 20
        account.update()
        #expect(account.isLow)
        account.availableBytes = Self.reserve + 40 << 20
        account.update()
        #expect(!account.isLow)
        #expect(account.reserveAction == .make)
    }

    @Test func `free pages inside the files count as room, by half`() {
        var account = account(available: 0)
        #expect(account.isLow)
        account.journalFreeBytes = 24 << 20
        account.storeFreeBytes = 2 << 20
        account.update()
        #expect(account.isLow)
        account.availableBytes = 20 << 20
        account.update()
        #expect(!account.isLow)
        account.availableBytes = 0
        account.update()
        #expect(!account.isLow)
        // New messages go into the files' free pages, but should that go wrong the reserve's room is there.
        #expect(account.reserveAction == .release)
    }

    @Test func `the next checkpoint's copies and entries are counted`() {
        var account = account(available: 20 << 20)
        account.uncheckpointedRecords = 100_000
        account.update()
        #expect(account.isLow)
        account.availableBytes = 60 << 20
        account.update()
        #expect(!account.isLow)
        account.storeUsedBytes = 100 << 20
        account.update()
        #expect(account.isLow)
    }
}

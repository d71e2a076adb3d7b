import HoldfastCore
import Testing

@testable import HoldfastStorage

/// When room is low, why, and what becomes of the reserve, from numbers alone.
@Suite struct SpaceAccountTests {
    private static let reserve = 64 << 20
    private static let batch = 4 << 20

    private func account(available: Int, isReserveHeld: Bool = true) -> SpaceAccount {
        var account = SpaceAccount(reserveBytes: Self.reserve, unsyncedBytesMax: Self.batch)
        account.isReserveHeld = isReserveHeld
        account.availableBytes = available
        account.update()
        return account
    }

    /// With room on the file system, and so much of a limit used.
    private func account(used: Int, of limit: Int) -> SpaceAccount {
        var account = SpaceAccount(reserveBytes: Self.reserve, unsyncedBytesMax: Self.batch)
        account.availableBytes = 1 << 40
        for room in [\SpaceAccount.journal, \.store] {
            account[keyPath: room].limitBytes = limit
            account[keyPath: room].mapBytes = 2 * limit + 512 << 20
        }
        account.journal.fileBytes = used
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
        account.journal.fileBytes = 200 << 20
        account.availableBytes = Self.reserve + 13 << 20
        account.update()
        #expect(account.isLow)
        account.availableBytes = Self.reserve + 40 << 20
        account.update()
        #expect(!account.isLow)
        #expect(account.reserveAction == .make)
    }

    @Test func `free pages inside the files count as room, for what must be neighbours by half`() {
        var account = account(available: 0, isReserveHeld: false)
        #expect(account.isLow)
        account.journal.fileBytes = 130 << 20
        account.journal.freeBytes = 120 << 20
        account.store.fileBytes = 2 << 20
        account.store.freeBytes = 2 << 20
        account.update()
        #expect(!account.isLow)
        #expect(account.roomBytes > 20 << 20)
        account.journal.freeBytes = 60 << 20
        account.update()
        #expect(account.isLow)
        // New messages go into the files' free pages, but should that go wrong the reserve's room is there.
        account.isReserveHeld = true
        account.update()
        #expect(!account.isLow)
        #expect(account.reserveAction == .release)
    }

    @Test func `a disk that was full of messages takes some again when the journal is empty, however little room it has`() {
        for capacity in stride(from: 76, through: 400, by: 4) {
            var account = account(available: (capacity << 20) - Self.reserve)
            // What the store grows by is not the journal's any more.
            guard account.roomBytes > 4 << 20 else { continue }
            let rest = capacity << 20
            // Messages fill it up, then acknowledgements and a checkpoint take some of the reserve.
            account.isReserveHeld = false
            account.journal.fileBytes = account.roomBytes
            account.availableBytes = rest - account.roomBytes - 1
            account.update()
            #expect(account.shortage == .fileSystem)
            account.journal.fileBytes += 3 << 20
            account.store.fileBytes = 3 << 20
            account.availableBytes -= 6 << 20
            account.journal.freeBytes = account.journal.fileBytes - 16 * 4096
            account.store.freeBytes = 3 << 20
            account.update()
            #expect(!account.isLow, "\(capacity) MiB")
        }
    }

    @Test func `the next checkpoint's copies and entries are counted`() {
        var account = account(available: 20 << 20)
        var rows = CheckpointRows()
        rows[.users] = 20_000
        rows.timelines = 20_000
        rows.entriesAdded = 80_000
        account.checkpoint = CheckpointRoom(rows)
        account.update()
        #expect(account.isLow)
        account.availableBytes = 80 << 20
        account.update()
        #expect(!account.isLow)
        account.store.fileBytes = 100 << 20
        account.update()
        #expect(account.isLow)
    }

    @Test func `the smaller of file system and limit counts, and the text names the one that is short`() {
        #expect(account(used: 90 << 20, of: 128 << 20).shortage == nil)
        #expect(account(used: 97 << 20, of: 128 << 20).shortage == .journal)
        // Of a large limit the reserve and two batches stay free, no quarter.
        #expect(account(used: 900 << 30, of: 1 << 40).shortage == nil)
        #expect(account(used: 1 << 40 - 60 << 20, of: 1 << 40).shortage == .journal)
        let limit = account(used: 97 << 20, of: 128 << 20).lowRoom("/data").text
        #expect(limit.contains("the journal in /data/journal") && limit.contains("storageBytesMax: \(128 << 20)"))
        #expect(!limit.contains("file system"))
        let disk = account(available: 1 << 20).lowRoom("/data").text
        #expect(disk.contains("the file system of /data") && !disk.contains("storageBytesMax"))
        #expect(account(used: 0, of: 128 << 20).shortage == nil)
        // While nothing is short yet, it names what will be.
        #expect(account(used: 80 << 20, of: 128 << 20).lowRoom("/data").cause == "journal")
        #expect(account(available: 12 << 20).lowRoom("/data").cause == "file system")
    }

    @Test func `the reserve stays while only the limit is short`() {
        #expect(account(used: 97 << 20, of: 128 << 20).reserveAction == .keep)
    }

    @Test func `pages that can't be used again yet are no room, and whoever holds many is named`() {
        var account = account(used: 128 << 20, of: 128 << 20)
        account.journal.freeBytes = 20 << 20
        account.journal.holder = .init(processID: 4711, bytes: 100 << 20)
        account.update()
        #expect(account.shortage == .journal)
        #expect(account.lowRoom("/data").text.contains("process 4711"))
        account.journal.freeBytes += 100 << 20
        account.journal.holder = nil
        account.update()
        #expect(account.shortage == nil)
    }

    @Test func `where the system allows no such map its limit counts and is named`() {
        var account = account(used: 50 << 20, of: 1 << 40)
        account.journal.mapBytes = 64 << 20
        account.journal.limitBytes = 48 << 20
        account.update()
        #expect(account.shortage == .journal)
        account.journal.limitSource = .addressSpace
        #expect(account.lowRoom("/data").text.contains("ulimit -v"))
        account.journal.limitSource = .fileSize
        #expect(account.lowRoom("/data").text.contains("ulimit -f"))
    }
}

import Glibc
import HoldfastCore
import Synchronization

/// Watches the room on the file system and holds the reserve file.
///
/// `isLow` only asks the system for numbers, so that the core may call it; files are touched by the threads that write anyway.
final class SpaceMonitor: Sendable {
    private struct State: Sendable {
        var account: SpaceAccount
        /// When the numbers were read last.
        var readAt: ContinuousClock.Instant?
        /// When the free pages are to be counted again.
        var pagesDueAt: ContinuousClock.Instant?
    }

    /// How long numbers are taken for current.
    private static let ageMax = Duration.milliseconds(100)
    /// Of the time of those who write at most one part in so many goes into counting.
    private static let countingShare = 20

    private let directory: DataDirectory
    private let state: Mutex<State>
    /// Held while the reserve file is made or removed.
    private let reserve = Mutex<Void>(())

    /// Touches nothing yet; `makeFirstReserve` or `findReserve` begins.
    init(directory: DataDirectory, configuration: StorageConfiguration) {
        self.directory = directory
        var account = SpaceAccount(reserveBytes: configuration.reserveBytes, unsyncedBytesMax: configuration.unsyncedBytesMax)
        account.isReserveHeld = false
        state = Mutex(State(account: account))
    }

    /// Takes the reserve of a directory that is being made; too small a disk is refused here.
    func makeFirstReserve() throws(StorageError) {
        let bytes = state.withLock { $0.account.reserveBytes }
        try makeReserve(bytes)
        state.withLock { $0.account.isReserveHeld = true }
        refresh()
    }

    /// Finds out whether the reserve of an existing directory is there. A full disk is no reason not to start: what is stored goes out.
    func findReserve() {
        var status = stat()
        let isThere = unsafe stat(directory.reserve, &status) == 0
        state.withLock {
            $0.account.isReserveHeld = isThere && Int(status.st_blocks) * 512 >= $0.account.reserveBytes
        }
        refresh()
        settleReserve()
    }

    /// Whether new messages have to be refused.
    var isLow: Bool {
        refreshIfOld()
        return state.withLock { $0.account.isLow }
    }

    /// How much may be stored before that is so, with a checkpoint of these rows to come.
    func roomBytes(checkpoint rows: CheckpointRows) -> Int {
        state.withLock { $0.account.checkpoint = CheckpointRoom(rows) }
        refreshIfOld()
        return state.withLock { state in
            state.account.update()
            return state.account.roomBytes
        }
    }

    /// Why new messages have to be refused, or will be first, and what to do.
    var lowRoom: LowRoom { state.withLock { $0.account.lowRoom(directory.path) } }

    /// How full the files and the file system were when that was counted last.
    var figures: StorageFigures {
        let account = state.withLock(\.account)
        var figures = StorageFigures()
        figures.journal = account.journal.figures
        figures.store = account.store.figures
        figures.availableBytes = account.availableBytes
        figures.isReserveHeld = account.isReserveHeld
        return figures
    }

    /// Which other process keeps the most pages from being used again, as they were counted last.
    var pageHolder: PageHolder? {
        let (journal, store) = state.withLock { ($0.account.journal.holder, $0.account.store.holder) }
        return [("journal", journal), ("store", store)].compactMap { name, holder in
            guard let holder, holder.processID != getpid() else { return nil }
            return PageHolder(environment: name, processID: holder.processID, bytes: holder.bytes)
        }.max { $0.bytes < $1.bytes }
    }

    /// Before a transaction is written: gives the reserve up if it may be needed, takes it again if there is room.
    func prepareToWrite() {
        refresh()
        settleReserve()
    }

    /// A batch of so many bytes was written. Until the pages are counted again they are taken to lie in the free ones, then behind the file's end.
    func committed(bytes: Int) {
        state.withLock {
            let taken = bytes + bytes / 4
            let reused = min($0.account.journal.freeBytes, taken)
            $0.account.journal.freeBytes -= reused
            $0.account.journal.fileBytes += taken - reused
        }
    }

    /// Whether the free pages of the files should be counted again, which reads the maps.
    var arePagesDue: Bool { state.withLock { $0.pagesDueAt.map { $0 <= .now } ?? true } }

    /// Takes over how the files are filled, and how long it took to count that.
    func counted(journal: EnvironmentRoom, store: EnvironmentRoom, in duration: Duration) {
        state.withLock {
            $0.pagesDueAt = .now + max(Self.ageMax, duration * Self.countingShare)
            $0.account.journal = journal
            $0.account.store = store
            $0.account.update()
        }
    }

    /// Gives the reserve up, whatever the numbers say.
    func releaseReserve() {
        reserve.withLock { _ in
            unsafe unlink(directory.reserve)
            state.withLock { $0.account.isReserveHeld = false }
        }
    }

    private func settleReserve() {
        switch state.withLock({ $0.account.reserveAction }) {
        case .keep: return
        case .release: releaseReserve()
        case .make:
            let bytes = state.withLock { $0.account.reserveBytes }
            // When it doesn't succeed somebody else took the room: the next look at the numbers shows it.
            reserve.withLock { _ in
                if (try? makeReserve(bytes)) != nil { state.withLock { $0.account.isReserveHeld = true } }
            }
        }
        refresh()
    }

    private func refreshIfOld() {
        if state.withLock({ Self.isOld($0.readAt) }) { refresh() }
    }

    private func refresh() {
        guard let available = FileSystem.availableBytes(directory.path) else { return }
        state.withLock {
            $0.readAt = .now
            $0.account.availableBytes = available
            $0.account.update()
        }
    }

    private func makeReserve(_ bytes: Int) throws(StorageError) {
        let descriptor = try DurableFile.open(directory.reserve, O_RDWR | O_CREAT)
        defer { close(descriptor) }
        guard bytes > 0 else { return }
        var code = posix_fallocate(descriptor, 0, off_t(bytes))
        if code == 0 { code = fsync(descriptor) == 0 ? 0 : errno }
        guard code == 0 else {
            unsafe unlink(directory.reserve)
            guard code == ENOSPC, let available = FileSystem.availableBytes(directory.path), available < bytes else {
                throw StorageError.system(code, "keep the reserve in", directory.path)
            }
            throw StorageError.failure(
                .full, "keep the reserve in", directory.path,
                "it takes \(bytes) bytes, \(available) are free, \(bytes - available) are missing")
        }
    }

    private static func isOld(_ time: ContinuousClock.Instant?) -> Bool {
        guard let time else { return true }
        return .now - time >= ageMax
    }
}

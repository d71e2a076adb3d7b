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
        var pagesReadAt: ContinuousClock.Instant?
    }

    /// How long numbers are taken for current.
    private static let ageMax = Duration.milliseconds(100)

    private let directory: DataDirectory
    private let state: Mutex<State>
    /// Held while the reserve file is made or removed.
    private let reserve = Mutex<Void>(())

    /// Touches nothing yet; `makeFirstReserve` or `findReserve` begins.
    init(directory: DataDirectory, configuration: StorageConfiguration) {
        self.directory = directory
        var account = SpaceAccount(reserveBytes: configuration.reserveBytes, batchBytesMax: configuration.batchBytesMax)
        account.isReserveHeld = false
        state = Mutex(State(account: account))
    }

    /// Takes the reserve of a directory that is being made; too small a disk is refused here.
    func makeFirstReserve() throws(StorageError) {
        let bytes = state.withLock { $0.account.reserveBytes }
        guard makeReserve(bytes) else {
            let available = FileSystem.availableBytes(directory.path) ?? 0
            throw StorageError.failure(
                .full, "keep the reserve in", directory.path,
                "it takes \(bytes) bytes, \(available) are free, \(max(bytes - available, 1)) are missing")
        }
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
        if state.withLock({ Self.isOld($0.readAt) }) { refresh() }
        return state.withLock { $0.account.isLow }
    }

    /// Before a transaction is written: gives the reserve up if it may be needed, takes it again if there is room.
    func prepareToWrite() {
        refresh()
        settleReserve()
    }

    /// Counts what the next checkpoint will have to write.
    func committed(records: Int) {
        state.withLock { $0.account.uncheckpointedRecords += records }
    }

    /// The checkpoint is written.
    func checkpointed() {
        state.withLock { $0.account.uncheckpointedRecords = 0 }
    }

    /// Whether the free pages of the files should be counted again, which reads the maps.
    var arePagesDue: Bool { state.withLock { Self.isOld($0.pagesReadAt) } }

    /// Takes over the free pages of the files.
    func counted(_ usage: StorageUsage) {
        state.withLock {
            $0.pagesReadAt = .now
            $0.account.journalFreeBytes = usage.journalFreeBytes
            $0.account.storeFreeBytes = usage.storeFreeBytes
            $0.account.storeUsedBytes = usage.storeFileBytes - usage.storeFreeBytes
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
                if makeReserve(bytes) { state.withLock { $0.account.isReserveHeld = true } }
            }
        }
        refresh()
    }

    private func refresh() {
        guard let available = FileSystem.availableBytes(directory.path) else { return }
        state.withLock {
            $0.readAt = .now
            $0.account.availableBytes = available
            $0.account.update()
        }
    }

    private func makeReserve(_ bytes: Int) -> Bool {
        guard let descriptor = try? DurableFile.open(directory.reserve, O_RDWR | O_CREAT) else { return false }
        defer { close(descriptor) }
        guard bytes > 0 else { return true }
        guard posix_fallocate(descriptor, 0, bytes) == 0, fsync(descriptor) == 0 else {
            unsafe unlink(directory.reserve)
            return false
        }
        return true
    }

    private static func isOld(_ time: ContinuousClock.Instant?) -> Bool {
        guard let time else { return true }
        return .now - time >= ageMax
    }
}

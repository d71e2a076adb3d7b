import Glibc
import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastStorage

/// Errors of the system that speak of a limit: whoever reads them must not look at the disk.
@Suite struct SystemLimitTests {
    @Test(arguments: [
        (ENOSPC, StorageError.Code.full, "Free some room"), (EDQUOT, .full, "quota"), (EFBIG, .system, "no file as large"),
        (EMFILE, .system, "ulimit -n"), (ENFILE, .system, "fs.file-max"), (EROFS, .readOnly, "owner"), (EIO, .system, "system's log"),
    ])
    func `what a write fails with is named, with what to do`(number: Int32, code: StorageError.Code, text: String) {
        let error = StorageError.system(number, "write", "/data/journal")
        #expect(error.code == code)
        #expect(error.description.contains(text) && error.description.contains("/data/journal"), "\(error)")
        #expect(number == ENOSPC || !error.description.contains("Free some room on its file system"))
    }

    @Test func `a limit of file sizes refuses messages first, and a commit that meets it names it`() async {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let storage = try directory.open()
            #expect(!storage.isSpaceLow)
            var limit = rlimit(rlim_cur: 4 << 20, rlim_max: 4 << 20)
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            func messages(_ bytes: Int) -> JournalBatch {
                JournalBatch([(storage.nextPosition.rawValue, [UInt8](repeating: 1, count: bytes))])
            }
            while !storage.isSpaceLow, storage.nextPosition.rawValue < 1000 {
                try storage.commit(messages(50_000))
                try storage.countRoom()
            }
            #expect((5..<70).contains(storage.nextPosition.rawValue), "\(storage.nextPosition)")
            #expect(storage.lowRoom.text.contains("ulimit -f"), "\(storage.lowRoom)")
            do throws(StorageError) {
                try storage.commit(messages(6 << 20))
                Issue.record("it was committed")
            } catch {
                #expect(
                    error.code == .system && error.description.contains("\(4 << 20) bytes") && error.description.contains("ulimit -f"),
                    "\(error)")
            }
            #expect(unsafe access(directory.data + "/failed-commit", F_OK) == 0)
            // A start that finds no room for its reserve.
            try? storage.giveMemoryBack()
            let other = try TemporaryDirectory()
            do throws(StorageError) {
                _ = try other.open { $0.reserveBytes = 8 << 20 }
                Issue.record("it was opened")
            } catch {
                #expect(error.description.contains("ulimit -f") && !error.description.contains("are missing"), "\(error)")
            }
        }
    }
}

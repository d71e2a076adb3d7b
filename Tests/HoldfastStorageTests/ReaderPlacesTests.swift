import Glibc
import HoldfastCore
import HoldfastStorage
import Testing

/// The tables of readers: places that are kept, and what is said when there are no more.
@Suite struct ReaderPlacesTests {
    private func nest(_ storage: LMDBStorage, _ depth: Int) throws(StorageError) {
        guard depth > 0 else { return }
        try storage.read { (_) throws(StorageError) in try nest(storage, depth - 1) }
    }

    @Test func `views get the places that there are, and then an error that names who has them`() throws {
        let directory = try TemporaryDirectory()
        let placeCount = StorageConfiguration().readersMax
        let storage = try directory.open()
        try nest(storage, placeCount)
        let error = #expect(throws: StorageError.self) { try nest(storage, 1_000) }
        #expect(error?.code == .inUse)
        #expect(error?.description.contains("places in its table of readers are taken, by the processes \(getpid()). ") == true)
        try storage.giveMemoryBack()
        try nest(storage, placeCount)
    }
}

import CLMDB
import Foundation
import HoldfastCore
import Testing

@testable import HoldfastStorage

/// LMDB's table of readers is shared with processes of other namespaces, where numbers mean others.
@Suite struct ReaderIdentityTests {
    @Test func `LMDB knows this process by a number that no process has`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        try storage.read { (snapshot) throws(StorageError) in _ = try snapshot.nextPosition() }
        var owners: [Int32] = []
        for environment in storage.environments { owners += Self.owners(environment) }
        #expect(Set(owners) == [ReaderIdentity.number])
        #expect(ReaderIdentity.number > 4 << 20)
    }

    @Test func `a number leads to the process that has it, and to none when that can't be seen`() throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        try storage.read { (_) throws(StorageError) in
            for environment in storage.environments {
                let path = environment.directory + "/lock.mdb"
                #expect(ReaderIdentity.process(ReaderIdentity.number, lockFile: path) == getpid())
                #expect(ReaderIdentity.process(1 << 22, lockFile: path) == nil)
            }
        }
    }

    @Test func `to all others the process keeps its number`() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.open()
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self")
        #expect(getpid() == Int32(own))
    }

    @Test func `the views of a reader that was killed are cleared away, those of one that lives are not`() async throws {
        let directory = try TemporaryDirectory()
        let storage = try directory.open()
        try storage.commit(JournalBatch([(1, [1])]))
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.data as String] in
            let reader = try LMDBStorage.openReadOnly(directory: path)
            try reader.read { (_) throws(StorageError) in kill(getpid(), SIGKILL) }
        }
        try storage.read { (_) throws(StorageError) in
            for environment in storage.environments {
                #expect(Set(Self.owners(environment)).count == 2)
                environment.forgetDeadReaders()
                #expect(Set(Self.owners(environment)) == [ReaderIdentity.number])
            }
        }
    }

    /// The numbers in the table of readers, one for each slot.
    private static func owners(_ environment: LMDBEnvironment) -> [Int32] {
        let lines = Lines()
        unsafe mdb_reader_list(
            environment.handle,
            { text, lines in
                guard let text = unsafe text, let lines = unsafe lines else { return -1 }
                unsafe Unmanaged<Lines>.fromOpaque(lines).takeUnretainedValue().all.append(String(cString: text))
                return 0
            }, Unmanaged.passUnretained(lines).toOpaque())
        // The first line is a heading.
        return lines.all.compactMap { $0.split(separator: " ").first.flatMap { Int32($0) } }
    }

    private final class Lines {
        var all: [String] = []
    }
}

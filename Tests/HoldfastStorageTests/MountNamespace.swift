import Foundation
import Glibc

/// A small file system of its own for one test. Only the thread that runs the body sees it, and it goes with the thread.
enum MountNamespace {
    /// Whether this process may have one.
    static let isAvailable = (try? run(bytes: 1 << 20) { _ in }) != nil

    struct Refused: Error {}

    /// Runs `body` with the path of an empty file system of `bytes`.
    static func run(bytes: Int, _ body: @escaping @Sendable (String) throws -> Void) throws {
        let outcome = Outcome()
        let thread = Thread {
            outcome.set(
                Result {
                    let directory = try TemporaryDirectory()
                    try mountPrivately(directory.path, bytes)
                    defer { unsafe umount2(directory.path, Int32(MNT_DETACH)) }
                    try body(directory.path)
                })
        }
        thread.stackSize = 4 << 20
        thread.start()
        try outcome.wait().get()
    }

    /// Makes the file system at `path` read-only from now on.
    static func makeReadOnly(_ path: String) throws {
        guard unsafe mount(nil, path, nil, UInt(MS_REMOUNT | MS_RDONLY), nil) == 0 else { throw Refused() }
    }

    private static func mountPrivately(_ path: String, _ bytes: Int) throws {
        // Glibc's module doesn't show `unshare`.
        guard let symbol = unsafe dlsym(nil, "unshare") else { throw Refused() }
        let unshare = unsafe unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
        let newMountNamespace: Int32 = 0x20000
        guard unshare(newMountNamespace) == 0,
            unsafe mount(nil, "/", nil, UInt(MS_REC | MS_PRIVATE), nil) == 0,
            unsafe mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0
        else { throw Refused() }
    }

    private final class Outcome: @unchecked Sendable {
        private let condition = NSCondition()
        // Guarded by the condition.
        private var result: Result<Void, any Error>?

        func set(_ result: Result<Void, any Error>) {
            condition.withLock { self.result = result }
            condition.signal()
        }

        func wait() -> Result<Void, any Error> {
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let result { return result }
                condition.wait()
            }
        }
    }
}

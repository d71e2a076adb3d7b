import HoldfastClient
import HoldfastTestSupport
import Synchronization

/// A phone's disk. The end of the app leaves what was written; the end of the phone leaves any subset of what wasn't synced.
final class SimulatedFiles: StateStorage {
    private struct Unsynced {
        var name: String
        var offset: Int
        var bytes: [UInt8]
    }

    private struct State {
        var durable: [String: [UInt8]] = [:]
        var cached: [String: [UInt8]] = [:]
        var unsynced: [Unsynced] = []
        var isLocked = false
    }

    // `StateStorage` is Sendable; a simulation has one thread, and the lock is never waited for.
    private let state = Mutex(State())

    /// The app's process is gone.
    func releaseLock() { state.withLock { $0.isLocked = false } }

    /// The phone loses its power: of what wasn't synced any part may be lost, each write and the end of it.
    /// - Returns: how many writes were lost, whole or in part.
    func losePower(_ random: inout SeededRandom) -> Int {
        let unsynced = state.withLock { $0.unsynced }
        var lost = 0
        var kept: [Unsynced] = []
        for write in unsynced {
            var write = write
            if random.chance(0.5) {
                lost += 1
                continue
            }
            if random.chance(0.3) {
                lost += 1
                write.bytes = Array(write.bytes[..<random.below(write.bytes.count + 1)])
            }
            kept.append(write)
        }
        state.withLock { state in
            for write in kept { Self.write(write.bytes, at: write.offset, to: &state.durable[write.name, default: []]) }
            state.unsynced = []
            state.cached = state.durable
            state.isLocked = false
        }
        return lost
    }

    /// What a backup of the phone would hold.
    var copy: [String: [UInt8]] { state.withLock { $0.cached } }

    func restore(_ files: [String: [UInt8]]) {
        state.withLock { $0 = State(durable: files, cached: files) }
    }

    /// One bit of a file is another.
    func flipBit(of name: String, _ random: inout SeededRandom) -> Bool {
        guard var bytes = state.withLock({ $0.cached[name] }), !bytes.isEmpty else { return false }
        bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
        state.withLock { state in
            state.cached[name] = bytes
            state.durable[name] = bytes
            state.unsynced = []
        }
        return true
    }

    func lock() throws(StateStorageError) {
        let wasLocked = state.withLock { state in
            defer { state.isLocked = true }
            return state.isLocked
        }
        if wasLocked { throw StateStorageError(isInUse: true, message: "another process has it") }
    }

    func unlock() { releaseLock() }

    func read(_ name: String) -> [UInt8]? { state.withLock { $0.cached[name] } }

    func write(_ bytes: [UInt8], to name: String, at offset: Int) {
        state.withLock { state in
            Self.write(bytes, at: offset, to: &state.cached[name, default: []])
            state.unsynced.append(Unsynced(name: name, offset: offset, bytes: bytes))
        }
    }

    func sync(_ name: String) {
        state.withLock { state in
            state.durable[name] = state.cached[name]
            state.unsynced.removeAll { $0.name == name }
        }
    }

    func rename(_ name: String, to newName: String) {
        state.withLock { state in
            state.cached[newName] = state.cached.removeValue(forKey: name)
            state.durable[newName] = state.durable.removeValue(forKey: name)
            state.unsynced.removeAll { $0.name == newName || $0.name == name }
        }
    }

    func remove(_ name: String) {
        state.withLock { state in
            state.cached[name] = nil
            state.durable[name] = nil
            state.unsynced.removeAll { $0.name == name }
        }
    }

    private static func write(_ bytes: [UInt8], at offset: Int, to file: inout [UInt8]) {
        // A later write may get to the disk without an earlier one: what is between is zeros.
        if file.count < offset { file += [UInt8](repeating: 0, count: offset - file.count) }
        file.replaceSubrange(offset..<min(file.count, offset + bytes.count), with: bytes)
    }
}

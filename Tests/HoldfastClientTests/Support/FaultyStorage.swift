import HoldfastClient
import HoldfastTestSupport
import Synchronization

/// A disk that loses any part of what wasn't synced when the machine crashes.
final class FaultyStorage: StateStorage {
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
        var syncs = 0
        var failsFromNow = false
    }

    private let state = Mutex(State())

    var syncs: Int { state.withLock { $0.syncs } }

    /// What it says then.
    static let reason = "no space left"

    func failFromNow() { state.withLock { $0.failsFromNow = true } }

    func file(_ name: String) -> [UInt8]? { state.withLock { $0.cached[name] } }

    func setFile(_ name: String, _ bytes: [UInt8]) {
        state.withLock { state in
            state.cached[name] = bytes
            state.durable[name] = bytes
        }
    }

    /// Ends the process: what it wrote stays, if it is only the process.
    func crash(losesPower: Bool, using generator: inout SeededRandom) {
        var random = generator
        state.withLock { state in
            state.isLocked = false
            guard losesPower else { return }
            for write in state.unsynced where random.chance(0.5) {
                // Some of it got there; of the last one perhaps the beginning.
                let count = random.chance(0.3) ? Int.random(in: 0...write.bytes.count, using: &random) : write.bytes.count
                Self.write(Array(write.bytes[..<count]), at: write.offset, to: &state.durable[write.name, default: []])
            }
            state.unsynced = []
            state.cached = state.durable
        }
        generator = random
    }

    func lock() throws(StateStorageError) {
        let isLocked = state.withLock { state in
            defer { state.isLocked = true }
            return state.isLocked
        }
        if isLocked { throw StateStorageError(isInUse: true, message: "locked") }
    }

    func unlock() { state.withLock { $0.isLocked = false } }
    func read(_ name: String) -> [UInt8]? { state.withLock { $0.cached[name] } }

    func write(_ bytes: [UInt8], to name: String, at offset: Int) throws(StateStorageError) {
        try check()
        state.withLock { state in
            Self.write(bytes, at: offset, to: &state.cached[name, default: []])
            state.unsynced.append(Unsynced(name: name, offset: offset, bytes: bytes))
        }
    }

    func sync(_ name: String) throws(StateStorageError) {
        try check()
        state.withLock { state in
            state.syncs += 1
            state.durable[name] = state.cached[name]
            state.unsynced.removeAll { $0.name == name }
        }
    }

    func rename(_ name: String, to newName: String) throws(StateStorageError) {
        try check()
        state.withLock { state in
            state.cached[newName] = state.cached.removeValue(forKey: name)
            state.durable[newName] = state.durable.removeValue(forKey: name)
            state.unsynced.removeAll { $0.name == newName || $0.name == name }
        }
    }

    func remove(_ name: String) throws(StateStorageError) {
        try check()
        state.withLock { state in
            state.cached[name] = nil
            state.durable[name] = nil
            state.unsynced.removeAll { $0.name == name }
        }
    }

    private func check() throws(StateStorageError) {
        if state.withLock({ $0.failsFromNow }) { throw StateStorageError(message: Self.reason) }
    }

    private static func write(_ bytes: [UInt8], at offset: Int, to file: inout [UInt8]) {
        // A later write may get to the disk without an earlier one: what is between is zeros.
        if file.count < offset { file += [UInt8](repeating: 0, count: offset - file.count) }
        file.replaceSubrange(offset..<min(file.count, offset + bytes.count), with: bytes)
    }
}

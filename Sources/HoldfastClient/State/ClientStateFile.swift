/// A client's state on disk: a snapshot, and the records since. Confined to its client.
package struct ClientStateFile {
    /// What was found when it was opened.
    package enum Recovery: Equatable, Sendable {
        /// Nothing: a new client.
        case fresh
        /// The state of an earlier run.
        case loaded
        /// A damaged file, which was given this name.
        case damaged(setAside: String, reason: String)
    }

    package static let name = "client.state"
    private static let newName = "client.state.new"
    /// The log may grow to this, or to four times the snapshot.
    private static let compactionBytesMin = 1 << 20

    private let storage: any StateStorage
    /// The sum of all records so far.
    package private(set) var state: ClientState
    private var generation: UInt64
    private var length = 0
    private var snapshotLength = 0
    private var slot = 0
    private var unwritten: [UInt8] = []

    /// Opens the state of `user` on `device`, or begins one. A damaged file is set aside, never used and never deleted.
    package static func open(
        _ storage: any StateStorage, user: String, device: String
    ) throws(ClientError) -> (file: ClientStateFile, recovery: Recovery) {
        do throws(StateStorageError) { try storage.lock() } catch {
            throw ClientError(error.isInUse ? .stateInUse : .stateUnusable, error.message)
        }
        do throws(ClientError) {
            return try load(storage, user, device)
        } catch {
            storage.unlock()
            throw error
        }
    }

    private static func load(
        _ storage: any StateStorage, _ user: String, _ device: String
    ) throws(ClientError) -> (file: ClientStateFile, recovery: Recovery) {
        var state = ClientState()
        state.user = user
        state.device = device
        var generation: UInt64 = 0
        var recovery = Recovery.fresh
        let bytes: [UInt8]?
        do throws(StateStorageError) { bytes = try storage.read(name) } catch { throw ClientError(.stateUnusable, error.message) }
        if let bytes {
            let decoded: DecodedState?
            do throws(StateDamage) {
                decoded = try ClientState.decode(bytes.span)
                recovery = .loaded
            } catch {
                decoded = nil
                recovery = try setAside(storage, error)
            }
            if let decoded {
                guard decoded.state.user == user && decoded.state.device == device else {
                    throw ClientError(.stateOfAnother, "it is of \(decoded.state.user) on \(decoded.state.device)")
                }
                state = decoded.state
                generation = decoded.generation
            }
        }
        var file = ClientStateFile(storage: storage, state: state, generation: generation)
        // Written anew each time: a torn end is gone, and the generation rises with every run.
        do throws(StateStorageError) { try file.compact() } catch { throw ClientError(.stateUnusable, error.message) }
        return (file, recovery)
    }

    private static func setAside(_ storage: any StateStorage, _ damage: StateDamage) throws(ClientError) -> Recovery {
        switch damage {
        case .tooNew(let version): throw ClientError(.stateTooNew, "its format has version \(version)")
        case .damaged(let reason):
            do throws(StateStorageError) {
                var number = 1
                while try storage.read("\(name).damaged-\(number)") != nil { number += 1 }
                try storage.rename(name, to: "\(name).damaged-\(number)")
                return .damaged(setAside: "\(name).damaged-\(number)", reason: reason)
            } catch {
                throw ClientError(.stateUnusable, error.message)
            }
        }
    }

    private init(storage: any StateStorage, state: ClientState, generation: UInt64) {
        self.storage = storage
        self.state = state
        self.generation = generation
    }

    /// Adds a record; written by `flush` or `sync`.
    package mutating func append(_ record: StateRecord) {
        guard state.apply(record) else { preconditionFailure("a record that doesn't fit the state: \(record)") }
        StateFileFormat.append(record, generation: generation, offset: length + unwritten.count, to: &unwritten)
    }

    /// Writes what was added: it survives the end of the process, and perhaps not that of the machine.
    package mutating func flush() throws(StateStorageError) {
        guard !unwritten.isEmpty else { return }
        try storage.write(unwritten, to: Self.name, at: length)
        length += unwritten.count
        unwritten.removeAll(keepingCapacity: unwritten.capacity <= 1 << 16)
    }

    /// Everything added is on the disk when it returns.
    package mutating func sync() throws(StateStorageError) {
        if length + unwritten.count > max(Self.compactionBytesMin, snapshotLength * 4) { return try compact() }
        try flush()
        try storage.sync(Self.name)
        slot = 1 - slot
        try storage.write(
            StateFileFormat.slot(generation: generation, syncedLength: length), to: Self.name, at: StateFileFormat.slotOffsets[slot])
    }

    /// Lets another client use the state.
    package mutating func close() throws(StateStorageError) {
        defer { storage.unlock() }
        try sync()
    }

    /// Writes a snapshot in place of all records, under a new generation.
    private mutating func compact() throws(StateStorageError) {
        let next = generation + 1
        var records: [UInt8] = []
        for record in state.snapshot {
            StateFileFormat.append(record, generation: next, offset: StateFileFormat.headerBytes + records.count, to: &records)
        }
        let count = StateFileFormat.headerBytes + records.count
        try storage.remove(Self.newName)
        try storage.write(StateFileFormat.header(generation: next, syncedLength: count) + records, to: Self.newName, at: 0)
        try storage.sync(Self.newName)
        try storage.rename(Self.newName, to: Self.name)
        generation = next
        length = count
        snapshotLength = count
        slot = 0
        unwritten = []
    }
}

import HoldfastWire

/// What leaves the core: a part that owns the effects and answers of each door, the credits that are given back or withheld, and arrays that are used
/// again.
struct Outbox: ~Copyable {
    private(set) var doors: ContiguousArray<EffectBatch>
    var spares: SpareArrays
    /// Credits that wait for a checkpoint, by door.
    private var withheld: ContiguousArray<(commands: Int, bytes: Int)>

    init(doors: Int) {
        self.doors = ContiguousArray(repeating: EffectBatch(), count: doors)
        spares = SpareArrays(doors: doors)
        withheld = ContiguousArray(repeating: (0, 0), count: doors)
    }

    /// The batch of a door, for effects whose bytes are in it.
    subscript(door: Int) -> EffectBatch {
        _read { yield doors[door] }
        _modify { yield &doors[door] }
    }

    mutating func emit(_ effect: Effect, to connection: ConnectionHandle) { doors[connection.loop].effects.append(effect) }

    mutating func reply(_ id: ReplyID, _ answer: PortAnswer) { doors[id.door].replies.append(Reply(id: id, answer: answer)) }

    /// What a door is to do, in order; nil when there is nothing.
    mutating func take(door: Int) -> EffectBatch? {
        guard !doors[door].isEmpty else { return nil }
        let taken = doors[door]
        doors[door] = spares.takeEffects(door: door)
        return taken
    }

    // MARK: Credits

    mutating func returnCredits(_ commands: Int, _ bytes: Int, door: Int) {
        precondition(doors.indices.contains(door), "a command came by a door")
        assert(commands >= 0 && bytes >= 0, "credits are given back, not taken")
        doors[door].creditsReturned += commands
        doors[door].bytesReturned += bytes
    }

    mutating func withholdCredits(of batch: OpenBatch) {
        for door in doors.indices {
            withheld[door].commands += batch.credits[door]
            withheld[door].bytes += batch.creditBytes[door]
        }
    }

    mutating func releaseCredits() {
        for door in doors.indices where withheld[door].commands > 0 {
            returnCredits(withheld[door].commands, withheld[door].bytes, door: door)
            withheld[door] = (0, 0)
        }
    }

    /// Lets go of room for traffic.
    mutating func giveMemoryBack() { spares = SpareArrays(doors: doors.count) }

    /// What must hold and doesn't; nil: all does.
    var violation: String? { withheld.allSatisfy { $0.commands >= 0 && $0.bytes >= 0 } ? nil : "credits below zero" }
}

import HoldfastWire

/// Tracked messages that nobody of their users' has acknowledged, in their order.
struct TrackedMessages {
    fileprivate var positions: [UserSlot: [Position]] = [:]
    fileprivate var count = 0

    /// More are refused, as if the inbox were full.
    static let countMax = 1_000
    /// What a position takes in a row at most.
    private static let positionBytes = 10

    /// What they take in rows.
    var rowBytes: Int { count * Self.positionBytes }

    func has(_ user: UserSlot) -> Bool { positions[user] != nil }
}

extension Users {
    func tracked(of user: UserSlot) -> [Position] { self[user].hasTracked ? tracked.positions[user] ?? [] : [] }

    /// The same up to a position.
    func tracked(of user: UserSlot, through position: Position) -> [Position] {
        self[user].hasTracked ? Array(tracked(of: user).prefix { $0 <= position }) : []
    }

    mutating func track(_ position: Position, of user: UserSlot) { setTracked(tracked(of: user) + [position], of: user) }

    /// They are acknowledged, or have left the inbox.
    mutating func untrack(_ positions: [Position], of user: UserSlot) {
        guard !positions.isEmpty, self[user].hasTracked else { return }
        setTracked(tracked(of: user).filter { !positions.contains($0) }, of: user)
    }

    mutating func setTracked(_ positions: [Position], of user: UserSlot) {
        guard self[user].hasTracked || !positions.isEmpty else { return }
        tracked.count += positions.count - tracked(of: user).count
        self[user].hasTracked = !positions.isEmpty
        tracked.positions[user] = positions.isEmpty ? nil : positions
    }
}

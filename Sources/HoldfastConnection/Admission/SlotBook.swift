package import HoldfastWire

/// When sessions were told to come back, so that they aren't sent away again: whoever comes at its time goes before those who come anew.
package struct SlotBook: Sendable {
    /// What a session that comes can claim.
    package enum Claim: Equatable, Sendable {
        case none
        case due
        /// It has come too early, by so much.
        case early(milliseconds: UInt32)
    }

    /// Monotonic milliseconds.
    private var dueAt: [SessionID: UInt64] = [:]
    private let countMax: Int
    private var purgeAt: UInt64 = 0
    /// Timers of clients and of the network are that exact.
    private static let earlyMilliseconds: UInt64 = 250
    /// Whoever hasn't come for so long is forgotten.
    private static let lateMilliseconds: UInt64 = 60_000

    /// - Parameter countMax: sessions that are remembered at most; those beyond come back as if anew.
    package init(countMax: Int) { self.countMax = countMax }

    package var count: Int { dueAt.count }

    /// A session was told to come back at `time`.
    package mutating func promise(_ session: SessionID, at time: UInt64, now: UInt64) {
        purge(now)
        if dueAt.count < countMax || dueAt[session] != nil { dueAt[session] = time }
    }

    /// A session has come; a slot that is due is used up by that.
    package mutating func claim(_ session: SessionID, now: UInt64) -> Claim {
        guard !dueAt.isEmpty else { return .none }
        purge(now)
        guard let time = dueAt[session] else { return .none }
        if time > now + Self.earlyMilliseconds { return .early(milliseconds: UInt32(clamping: time - now)) }
        dueAt[session] = nil
        if dueAt.isEmpty { dueAt = [:] }
        return .due
    }

    private mutating func purge(_ now: UInt64) {
        guard now >= purgeAt else { return }
        purgeAt = now + Self.lateMilliseconds / 4
        dueAt = dueAt.filter { $0.value + Self.lateMilliseconds > now }
    }
}

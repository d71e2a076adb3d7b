import HoldfastClient
import HoldfastConnection
import HoldfastCore
import HoldfastWire

/// What is done to a run. Each has to occur in a campaign, or the campaign proves less than it says.
package enum Fault: String, CaseIterable, Sendable {
    // Network.
    case connectionCut, halfOpenToGateway, halfOpenToPhone, cutInMidFrame, natTimeout, addressChange, partition, connectRefused
    // Disk of the gateway.
    case crashLosesCommit, crashKeepsCommit, crashLosesCheckpoint, commitFails, commitFailsStored, checkpointFails, diskFull, slowDisk,
        bitFlip
    case gatewayRestored, gatewayRepaired
    // Journal.
    case batchesInFlight, batchWaits, answersJoined, journalLate, offerLost, offerRefused, answerLost, answerUnknown, doubtSettled,
        offerOutlivesProcess, journalTakenOver
    // Phones.
    case appKilled, killedInMidAction, phoneRebooted, unsyncedWritesLost, phoneRestored, stateDamaged, background, suspended
    case loggedOut, disconnected, twin, acknowledgementsHeld, withdrawn, tokenExpired, tokenUnavailable
    // Gateway.
    case gatewayCrashed, gatewayPowerCut, drained, ticketKeysRotated, checkpointRequested, gatewayStalled, wallClockJump, longAbsence,
        turnSliced
    case admissionRefused, openingDeferred, openingWaited, openingAbandoned
}

/// Counts of what occurred.
package struct Occurrences: Equatable, Sendable {
    package var counts: [String: Int] = [:]

    mutating func add(_ name: String, _ count: Int = 1) { counts[name, default: 0] += count }

    package mutating func add(_ other: Occurrences) { counts.merge(other.counts, uniquingKeysWith: +) }
}

/// What occurred in a run: faults, and the transitions of the state machines.
final class Coverage {
    private var faults = [Int](repeating: 0, count: Fault.allCases.count)
    private static let faultIndex = Dictionary(uniqueKeysWithValues: Fault.allCases.enumerated().map { ($1, $0) })
    private var connection = [Int](repeating: 0, count: 64)
    private var client = [Int](repeating: 0, count: 64)
    private(set) var other = Occurrences()

    func count(_ fault: Fault) { faults[Self.faultIndex[fault] ?? 0] += 1 }

    func has(_ fault: Fault) -> Bool { faults[Self.faultIndex[fault] ?? 0] > 0 }

    func connection(_ from: ConnectionMachine.State, _ to: ConnectionMachine.State) {
        if from != to { connection[Int(from.rawValue) * 8 + Int(to.rawValue)] += 1 }
    }

    func client(_ from: ClientMachine.Phase, _ to: ClientMachine.Phase) {
        if from != to { client[Int(from.rawValue) * 8 + Int(to.rawValue)] += 1 }
    }

    func count(_ name: @autoclosure () -> String) { other.add(name()) }

    var occurrences: Occurrences {
        var all = other
        for (fault, count) in zip(Fault.allCases, faults) { all.add("fault \(fault.rawValue)", count) }
        for (from, to) in Self.connectionTransitions {
            all.add("connection \(from) -> \(to)", connection[Int(from.rawValue * 8 + to.rawValue)])
        }
        for (from, to) in Self.clientTransitions { all.add("client \(from) -> \(to)", client[Int(from.rawValue * 8 + to.rawValue)]) }
        for outcome in WelcomeOutcome.allCases { all.add("welcome \(outcome)", 0) }
        for code in Self.expectedCloses { all.add("closed \(code)", 0) }
        for code in [RefusalCode.inboxFull, .storageFull, .notAllowed] { all.add("refused \(code)", 0) }
        for cause in [HoldCause.ageLimit, .bytesLimit, .noRoom] { all.add("hold gave way: \(cause)", 0) }
        for name in [
            "pushed", "pushed, some refused", "push refused storageFull", "asked for sessions", "asked for an inbox",
            "asked for an inbox that holds something", "asked for users", "asked for a user", "asked for reachability",
            "asked for connections", "asked for a message", "asked for a message that was delivered", "asked for an upload",
            "upload goes on", "line refused", "repeated", "repeated, some refused", "push refused keysFull", "hold set", "hold released",
            "asked for the audit log", "feed: consumer held", "feed: missed", "feed: rewound", "feed: inbox read",
        ] { all.add(name, 0) }
        for type in FeedEventType.allCases { all.add("event \(type.name)", 0) }
        for kind in Act.Kind.allCases { all.add("act \(kind): done", 0) }
        for name in ["act revokeSession: unchanged", "act revokeSession: unknownSession", "act unblock: unchanged"] { all.add(name, 0) }
        for reason in [GapReason.evicted, .expired, .damaged] { all.add("gap \(reason)", 0) }
        return all
    }

    /// The edges of the drawing in `ConnectionMachine`, between two looks at a machine: those that a run of real clients can take.
    private static let connectionTransitions: [(ConnectionMachine.State, ConnectionMachine.State)] = [
        (.awaitingPreface, .authenticating), (.awaitingPreface, .attaching), (.awaitingPreface, .closing),
        (.authenticating, .attaching), (.authenticating, .closing), (.attaching, .open), (.attaching, .closing),
        (.open, .leaving), (.open, .closing), (.leaving, .closing),
    ]

    /// The edges of the drawing in `ClientMachine`.
    private static let clientTransitions: [(ClientMachine.Phase, ClientMachine.Phase)] = [
        (.idle, .fetchingToken), (.idle, .connecting), (.fetchingToken, .connecting), (.fetchingToken, .waiting), (.connecting, .opening),
        (.connecting, .waiting), (.opening, .open), (.opening, .waiting), (.opening, .stopped), (.opening, .fetchingToken),
        (.open, .waiting), (.open, .stopped), (.open, .idle), (.waiting, .fetchingToken), (.waiting, .connecting), (.waiting, .idle),
        (.stopped, .connecting), (.stopped, .fetchingToken),
    ]

    private static let expectedCloses: [CloseCode] = [
        .tokenExpired, .ticketInvalid, .ticketExpired, .fenced, .goingAway, .heartbeatMissed, .tooManyConnections, .gatewayFull,
        .revoked, .blocked,
    ]
}

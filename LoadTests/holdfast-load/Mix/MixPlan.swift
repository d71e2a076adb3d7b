/// Groups of clients that do different things at the same time: what a scenario file says.
struct MixPlan: Equatable, Sendable {
    /// How long the groups are at it.
    var seconds: Double
    var groups: [Group]

    /// Clients that do the same.
    struct Group: Equatable, Sendable {
        var name: String
        var behaviour: Behaviour
        /// Phones; of `offline` users who are away, of `churn` users who are there at once at most.
        var clients: Int
        /// Messages a second of the whole group; 0: none.
        var messagesPerSecond = 0.0
        /// Size of a message.
        var bytes = 100
        /// Beats, reconnects or new users a second of the whole group, as its behaviour is.
        var eventsPerSecond = 0.0
        /// How connections end.
        var leave = Fleet.Departure.close
    }

    /// What a group does.
    enum Behaviour: String, CaseIterable, Sendable {
        /// It is connected, with the heartbeats that the gateway asks for.
        case idle
        /// It beats at a rate of its own.
        case heartbeat
        /// Pairs send each other messages.
        case chat
        /// Like chat, and phones lose their connections in turn and resume.
        case flap
        /// Messages for users who aren't there.
        case offline
        /// New users come once.
        case churn
    }

    /// Phones that the tool adds to a group: senders to those who are away, receivers of those who come once.
    static let helperCount = 8

    /// Connections at once.
    var connections: Int {
        groups.reduce(0) { sum, group in
            switch group.behaviour {
            case .idle, .heartbeat, .chat, .flap: sum + group.clients
            case .offline: sum + Self.helperCount
            case .churn: sum + Self.helperCount + group.clients
            }
        }
    }

    /// What it may write, with what the gateway keeps beside each message and user.
    var diskBytes: Int {
        let perSecond = groups.reduce(0.0) { sum, group in
            sum + group.messagesPerSecond * Double(group.bytes + 400) + (group.behaviour == .churn ? group.eventsPerSecond * 1_500 : 0)
        }
        return Int(min(1e17, perSecond * seconds))
    }

    /// Clients of all groups together.
    var clients: Int { groups.reduce(0) { $0 + $1.clients } }
    /// Messages a second of all groups together.
    var messagesPerSecond: Double { groups.reduce(0) { $0 + $1.messagesPerSecond } }

    /// The same mix, with more or fewer clients, and faster or slower.
    func scaled(clients clientFactor: Double, rates rateFactor: Double) -> MixPlan {
        var plan = self
        for index in plan.groups.indices {
            let clients = max(1, Int((Double(groups[index].clients) * clientFactor).rounded()))
            plan.groups[index].clients = groups[index].behaviour.isInPairs ? max(2, clients & ~1) : clients
            plan.groups[index].messagesPerSecond *= rateFactor
            plan.groups[index].eventsPerSecond *= rateFactor
        }
        return plan
    }

    /// An ordinary evening: what `soak` runs.
    /// - Parameters:
    ///   - clients: phones, about.
    ///   - rate: messages a second, about.
    static func evening(clients: Int, rate: Double, seconds: Double) -> MixPlan {
        func part(_ share: Double) -> Int { max(2, Int(Double(clients) * share) & ~1) }
        return MixPlan(
            seconds: seconds,
            groups: [
                Group(name: "sleepers", behaviour: .idle, clients: part(0.5)),
                Group(name: "talkers", behaviour: .chat, clients: part(0.3), messagesPerSecond: rate * 0.7),
                Group(
                    name: "travellers", behaviour: .flap, clients: part(0.2), messagesPerSecond: rate * 0.2,
                    eventsPerSecond: max(1, Double(clients) / 100)),
                Group(name: "absent", behaviour: .offline, clients: part(0.5), messagesPerSecond: rate * 0.1),
                Group(name: "guests", behaviour: .churn, clients: part(0.05), eventsPerSecond: max(1, rate / 100), leave: .logout),
            ])
    }
}

extension MixPlan.Behaviour {
    /// Whether its clients are pairs: there has to be an even number.
    var isInPairs: Bool { self == .chat || self == .flap }
    /// The key of its `eventsPerSecond`; nil: it has none.
    var eventKey: String? {
        switch self {
        case .heartbeat: "beatsPerSecond"
        case .flap: "reconnectsPerSecond"
        case .churn: "usersPerSecond"
        case .idle, .chat, .offline: nil
        }
    }
    /// Whether it has messages, and must have some.
    var messages: (isAllowed: Bool, isNeeded: Bool) {
        switch self {
        case .chat, .offline: (true, true)
        case .flap: (true, false)
        case .idle, .heartbeat, .churn: (false, false)
        }
    }
    /// How its clients may go; empty: they don't.
    var departures: [Fleet.Departure] {
        switch self {
        case .flap: [.close, .reset, .keep]
        case .churn: [.logout, .close, .reset, .keep]
        case .idle, .heartbeat, .chat, .offline: []
        }
    }
    /// Of the fleet's parts for it there is one.
    var isOnceOnly: Bool { self == .heartbeat || self == .offline || self == .churn }
}

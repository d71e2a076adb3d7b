internal import Synchronization

/// How many requests are under way. Requests that don't fit are told to come back, so that what is taken from phones has a bound.
final class RequestRoom: Sendable {
    /// What kind of room a request needs.
    enum Kind: Sendable {
        case question, push, upload
        /// It may wait for long: such requests take nothing from the others.
        case feed
    }

    private struct State {
        var requests = 0
        var uploads = 0
        var pushes = 0
        var feeds = 0
    }

    /// What waits while phones find no room looks again after this.
    static let shedStep = Duration.milliseconds(200)

    private let limits: ControlLimits
    private let state = Mutex(State())

    init(_ limits: ControlLimits) { self.limits = limits }

    /// Takes room for a request; false: there is none.
    func enter(_ kind: Kind) -> Bool {
        state.withLock { state in
            if kind == .feed {
                guard state.feeds < limits.feedsMax else { return false }
                state.feeds += 1
                return true
            }
            guard state.requests < limits.requestsMax, kind != .upload || state.uploads < limits.uploadsMax else { return false }
            state.requests += 1
            if kind == .upload { state.uploads += 1 }
            return true
        }
    }

    /// Gives it back.
    func leave(_ kind: Kind) {
        state.withLock { state in
            if kind == .feed { return state.feeds -= 1 }
            state.requests -= 1
            if kind == .upload { state.uploads -= 1 }
        }
    }

    /// Takes room for a push among those that go on while phones find no room.
    /// - Parameter isShedding: whether phones find no room now; otherwise there is room for all.
    func enterPush(isShedding: Bool) -> Bool {
        state.withLock { state in
            guard !isShedding || state.pushes < limits.shedPushesMax else { return false }
            state.pushes += 1
            return true
        }
    }

    /// Gives it back.
    func leavePush() { state.withLock { $0.pushes -= 1 } }

    /// Requests under way, without those of the feed.
    var count: Int { state.withLock { $0.requests } }
}

import HoldfastWire

// Time: heartbeats, deadlines, pauses. There is one timer; it is armed for the earliest of them.
extension ClientMachine {
    /// The time that `armTimer` named has come; it does no harm if it hasn't.
    package mutating func timerFired(_ now: ClientNow, _ actions: inout ClientActions) {
        armedAt = .max
        switch phase {
        case .idle, .stopped, .fetchingToken: break
        case .waiting:
            if now.milliseconds >= phaseTime { begin(now, &actions) }
        case .connecting, .opening:
            if now.milliseconds >= openingDeadline {
                actions.items.append(.notice(.transportFailed(.broken("no answer in time"))))
                if phase == .connecting { cold?.nextAddress = nil }
                lost(atLeast: 0, now, &actions)
            }
        case .open: openTimerFired(now, &actions)
        }
        flush(now, &actions)
    }

    /// The longest time between two frames that the app can keep from now on, in seconds, as in the background; 0: back to normal.
    package mutating func setPace(seconds: UInt32, _ now: ClientNow, _ actions: inout ClientActions) {
        guard paceSeconds != seconds else { return }
        paceSeconds = seconds
        if phase == .open { write(now, &actions) { ClientFrameWriter.pace(seconds: seconds, to: &$0) } }
        rearm(now, &actions)
    }

    mutating func ponged() {
        guard pingSentAt != 0 else { return }
        pingSentAt = 0
        guard heartbeatSeconds < heartbeatSecondsMax else { return }
        // Up again slowly: the way may have become better.
        beats += 1
        if beats >= 8 {
            beats = 0
            heartbeatSeconds = min(heartbeatSecondsMax, heartbeatSeconds + max(1, heartbeatSeconds / 8))
        }
    }

    /// The connection died between two heartbeats: something on the way forgets it sooner than that.
    mutating func shortenHeartbeat() {
        beats = 0
        heartbeatSeconds = max(heartbeatSecondsMin, heartbeatSeconds / 2)
    }

    /// Tells the caller the earliest deadline if it is before the one that it knows; a later one is found when that fires.
    mutating func rearm(_ now: ClientNow, _ actions: inout ClientActions) {
        let deadline = nextDeadline(now)
        guard deadline < armedAt else { return }
        armedAt = deadline
        actions.items.append(.armTimer(at: deadline))
    }

    private var openingDeadline: UInt64 {
        phase == .connecting ? phaseTime : lastReadAt + UInt64(settings.limits.connectTimeoutMilliseconds)
    }

    private var replyDeadline: UInt64 { max(pingSentAt, lastReadAt) + UInt64(settings.limits.replyTimeoutMilliseconds) }

    private var settleDeadline: UInt64 { phaseTime + UInt64(settings.limits.replyTimeoutMilliseconds) }

    /// In the background a frame must come within the pace; a quarter of it is left for a late timer.
    private var heartbeatMilliseconds: UInt64 {
        paceSeconds > 0 ? max(1_000, UInt64(paceSeconds) * 750) : UInt64(heartbeatSeconds) * 1_000
    }

    private var pingAt: UInt64 {
        var at = lastWriteAt + heartbeatMilliseconds
        if let cold, cold.sentCount > 0 {
            at = min(at, max(cold.sendProgressAt, lastReadAt) + UInt64(settings.limits.probeAfterMilliseconds))
        }
        return at
    }

    private func nextDeadline(_ now: ClientNow) -> UInt64 {
        switch phase {
        case .idle, .stopped, .fetchingToken: return .max
        case .waiting: return phaseTime
        case .connecting, .opening: return openingDeadline
        case .open: break
        }
        var deadline = pingSentAt != 0 ? replyDeadline : pingAt
        if acknowledgeAt != 0 { deadline = min(deadline, acknowledgeAt) }
        guard let cold else { return deadline }
        if cold.unsettled != nil { deadline = min(deadline, settleDeadline) }
        if let at = cold.goAwayAt { deadline = min(deadline, at) }
        if let renewal = cold.renewal, renewal.isWanted, !flags.contains(.awaitsToken) { deadline = min(deadline, renewal.nextAt) }
        if !cold.outbox.waiting.isEmpty {
            // One whose time has passed goes on with the next answer of the gateway, not with time.
            for block in cold.blocks where block.probe == nil && block.until > now.milliseconds { deadline = min(deadline, block.until) }
        }
        return deadline
    }

    private mutating func openTimerFired(_ now: ClientNow, _ actions: inout ClientActions) {
        if let at = cold?.goAwayAt, now.milliseconds >= at { return comeBack(now, &actions) }
        if cold?.unsettled != nil && now.milliseconds >= settleDeadline { settleUnknown(now, &actions) }
        renewToken(now, &actions)
        if pingSentAt != 0 {
            guard now.milliseconds >= replyDeadline else { return }
            shortenHeartbeat()
            actions.items.append(.notice(.transportFailed(.broken("no answer to a heartbeat"))))
            lost(atLeast: 0, now, &actions)
        } else if now.milliseconds >= pingAt {
            writeAcknowledgement(now, &actions)
            pingSentAt = max(1, now.milliseconds)
            write(now, &actions) { ClientFrameWriter.ping(to: &$0) }
        }
    }

    /// The time that the gateway has named for this client: it leaves in order and comes back at once, unless that happens all the time.
    private mutating func comeBack(_ now: ClientNow, _ actions: inout ClientActions) {
        writeAcknowledgement(now, &actions)
        write(now, &actions) { ClientFrameWriter.close(.keep, to: &$0) }
        comeBackAtOnce(now, &actions)
    }
}

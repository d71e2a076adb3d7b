internal import HoldfastWire

extension ConnectionMachine {
    /// The deadline that was set is reached. It may have been set long ago: frames only note when they came, and what is left of
    /// the time is waited for here, so that a heartbeat touches no timer.
    package mutating func deadlineReached(now: UInt64, limits: ConnectionLimits, out: inout [UInt8]) -> ConnectionAction {
        if flags.remove(.slowedDown) != nil { return .resumeReading }
        switch state {
        case .awaitingPreface, .awaitingFirstFrame:
            // If the first frame waits for credits, it isn't the client who is late.
            return .close(isWaitingForCredits ? .overloaded : .firstFrameDeadline)
        case .authenticating, .attaching:
            return .close(.overloaded)
        case .open, .leaving:
            break
        case .closing:
            return .none
        }
        let silenceMax = limits.silenceMillisecondsMax(paceSeconds: paceSeconds)
        let silence = UInt32(truncatingIfNeeded: now) &- heardAt
        // While the loop doesn't read, silence says nothing about the client.
        if silence >= silenceMax && !isWaitingForCredits { return .close(.heartbeatMissed) }
        let authorized = secondsAuthorized(now)
        if authorized == 0 {
            // A token that came in time is still being checked; that has an end.
            if flags.contains(.reauthenticating) { return .setDeadline(milliseconds: 1000) }
            return .close(isByTicket ? .ticketExpired : .tokenExpired)
        }
        if awaitsWarning && secondsUntilWarning(now) == 0 {
            flags.insert(.warned)
            ServerFrameWriter.tokenExpiring(seconds: authorized, to: &out)
        }
        return .setDeadline(milliseconds: deadlineMilliseconds(now: now, limits: limits))
    }

    /// How long nothing has to be done about an open connection, unless bytes or effects come.
    package func deadlineMilliseconds(now: UInt64, limits: ConnectionLimits) -> UInt32 {
        guard state == .open || state == .leaving else { return limits.attachMilliseconds }
        let silenceMax = limits.silenceMillisecondsMax(paceSeconds: paceSeconds)
        let silence = UInt32(truncatingIfNeeded: now) &- heardAt
        let untilSilent = silence < silenceMax ? silenceMax - silence : 1000
        let authorized = awaitsWarning ? secondsUntilWarning(now) : secondsAuthorized(now)
        return max(1, min(untilSilent, UInt32(clamping: UInt64(authorized) * 1000)))
    }

    /// Whether `renewal` is the time of a warning. A ticket's time is its own: no token is asked for while it lasts (REQ-AUTH-4).
    private var awaitsWarning: Bool { flags.isDisjoint(with: [.warned, .byTicket, .reauthenticating]) }

    private func secondsUntilWarning(_ now: UInt64) -> UInt32 {
        let seconds = UInt32(truncatingIfNeeded: now / 1000)
        return renewal > seconds ? renewal - seconds : 0
    }
}

internal import HoldfastWire

extension ConnectionMachine {
    /// What became of bytes that were shown to the machine.
    package struct Received: Equatable, Sendable {
        /// Up to where they were consumed; the rest is to be shown again, in front of what comes next.
        package var end: Int
        package var action: ConnectionAction
    }

    /// Takes frames from `bytes`, from `start` on, until they end or something has to be done first. Commands go to `intake`, replies
    /// to `out`. After an action other than `pauseReading`, `close` and `leave`, call it again with what is left.
    package mutating func received(
        _ bytes: Span<UInt8>, from start: Int, now: UInt64, limits: ConnectionLimits, intake: inout CommandIntake, out: inout [UInt8]
    ) -> Received {
        flags.subtract([.waitingForCredits, .slowedDown])
        switch state {
        case .awaitingPreface:
            do {
                guard try Preface.check(bytes, at: start) else { return Received(end: start, action: .none) }
            } catch {
                return Received(end: start, action: .close(error))
            }
            state = .awaitingFirstFrame
            return receivedFirst(bytes, from: start + Preface.byteCount, now: now, intake: intake, out: &out)
        case .awaitingFirstFrame:
            return receivedFirst(bytes, from: start, now: now, intake: intake, out: &out)
        case .authenticating, .attaching, .open:
            return receivedFrames(bytes, from: start, now: now, limits: limits, intake: &intake, out: &out)
        case .leaving, .closing:
            // Whoever leaves or is being closed isn't listened to.
            return Received(end: bytes.count, action: .none)
        }
    }

    private mutating func receivedFrames(
        _ bytes: Span<UInt8>, from start: Int, now: UInt64, limits: ConnectionLimits, intake: inout CommandIntake, out: inout [UInt8]
    ) -> Received {
        var offset = start
        var action = ConnectionAction.none
        do throws(CloseCode) {
            while offset < bytes.count && action == .none && state != .leaving {
                var pings = ClientFrame.pingCount(bytes, at: offset)
                if pings > 0 {
                    heard(now, limits)
                    // Of a run that is too long, as many as the limit allows are answered.
                    pings = min(pings, max(1, rate.framesLeft))
                    try takeControlFrames(pings)
                    rate.take(bytes: pings)
                    out.append(contentsOf: repeatElement(FrameKind.pong, count: pings))
                    offset += pings
                    continue
                }
                let frameLimits = state == .open ? limits.frames : .beforeWelcome
                guard let decoded = try ClientFrame.decode(bytes, at: offset, limits: frameLimits) else { break }
                heard(now, limits)
                action = try handle(decoded.frame, bytes, limits: limits, intake: &intake, out: &out)
                if action == .pauseReading {
                    flags.insert(.waitingForCredits)
                    break
                }
                offset += decoded.byteCount
                // The frame is here and handled; if it was one too much, the next ones wait.
                if !rate.take(bytes: decoded.byteCount) && action == .none { throw .rateLimited }
            }
        } catch {
            action = error == .rateLimited ? slowDown() : .close(error)
        }
        return Received(end: state == .leaving ? bytes.count : offset, action: action)
    }

    /// A whole frame came: only that is a sign of life, and only the time between two refills the buckets.
    private mutating func heard(_ now: UInt64, _ limits: ConnectionLimits) {
        let elapsed = UInt32(truncatingIfNeeded: now) &- heardAt
        guard elapsed > 0 else { return }
        rate.refill(milliseconds: elapsed, limits)
        heardAt = UInt32(truncatingIfNeeded: now)
    }

    /// Over a limit (REQ-TIME-6): read more slowly first; who goes on all the same is sent away.
    private mutating func slowDown() -> ConnectionAction {
        guard rate.countSlowDown() else { return .close(.rateLimited) }
        flags.insert(.slowedDown)
        return .slowDown(milliseconds: RateLimit.slowDownMilliseconds)
    }

    /// The first frame. Unknown optional ones before it are skipped, and `PING` is answered, by which a balancer sees that the gateway serves;
    /// the bucket that both are counted by isn't filled again before `WELCOME`.
    private mutating func receivedFirst(
        _ bytes: Span<UInt8>, from start: Int, now: UInt64, intake: CommandIntake, out: inout [UInt8]
    ) -> Received {
        var offset = start
        do {
            while let decoded = try ClientFrame.decode(bytes, at: offset, limits: .beforeWelcome) {
                guard let frame = decoded.frame, frame != .ping else {
                    try takeControlFrames(1)
                    if decoded.frame != nil { out.append(FrameKind.pong) }
                    offset += decoded.byteCount
                    continue
                }
                guard intake.hasRoom(for: Self.attachBytesMax) else {
                    flags.insert(.waitingForCredits)
                    return Received(end: offset, action: .pauseReading)
                }
                heardAt = UInt32(truncatingIfNeeded: now)
                state = .authenticating
                offset += decoded.byteCount
                switch frame {
                case .hello(let hello):
                    announced = hello.capabilities
                    return Received(end: offset, action: .verifyToken(hello))
                case .resume(let resume): return Received(end: offset, action: .openTicket(resume))
                default: return Received(end: offset, action: .close(.wrongState))
                }
            }
        } catch {
            return Received(end: offset, action: .close(error))
        }
        return Received(end: offset, action: .none)
    }

    /// The names in a `hello` command.
    static let attachBytesMax = WireLimits.userBytesMax + WireLimits.deviceBytesMax
}

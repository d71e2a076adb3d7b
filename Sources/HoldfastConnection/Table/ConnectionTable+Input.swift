package import HoldfastCore
package import HoldfastWire

// From the client: bytes to the machine, and what it asks for.
extension ConnectionTable {
    /// Bytes arrived.
    /// - Parameter bytes: what was left unconsumed before, and after it what is new.
    /// - Returns: how many bytes from the front were consumed. The rest is to be shown again in front of what comes next.
    package mutating func received(_ connection: ConnectionHandle, _ bytes: Span<UInt8>) -> Int {
        let slot = Int(connection.slot)
        var offset = 0
        while true {
            let received = machines[slot].received(bytes, from: offset, now: port.now, limits: limits, intake: &intake, out: &out)
            offset = received.end
            switch received.action {
            case .none:
                flush(connection)
                return offset
            case .pauseReading:
                flush(connection)
                paused.append(connection)
                port.pauseReading(connection)
                return offset
            case .close(let code):
                close(connection, code)
                return bytes.count
            case .leave:
                flush(connection)
                leave(connection)
                return bytes.count
            case .slowDown(let milliseconds):
                flush(connection)
                port.pauseReading(connection)
                port.setDeadline(connection, afterMilliseconds: milliseconds)
                return offset
            case .resumeReading:
                preconditionFailure("only a deadline resumes")
            case .setDeadline:
                // Never later than what else is due: a client that changes its pace again and again would outlive its token.
                setDeadline(connection)
            case .verifyToken(let hello):
                port.setDeadline(connection, afterMilliseconds: limits.attachMilliseconds)
                let login = Login(
                    device: bytes.array(hello.device), user: bytes.array(hello.user), isSendOnly: hello.isSendOnly, state: hello.state,
                    isFresh: false)
                begin(connection, .login(token: bytes.array(hello.token), login))
            case .verifyFreshToken(let token):
                beginCheck(connection, bytes.array(token), Login(device: [], user: [], isSendOnly: false, state: nil, isFresh: true))
            case .openTicket(let resume):
                port.setDeadline(connection, afterMilliseconds: limits.attachMilliseconds)
                openTicket(connection, resume, bytes.extracting(resume.ticket))
            }
        }
    }

    /// Has connections read again that wait for credits, in their order: no more than there are credits, because each takes one at least.
    mutating func resumePaused() {
        guard pausedHead < paused.count else { return }
        var left = intake.credits
        while pausedHead < paused.count && left > 0 {
            let connection = paused[pausedHead]
            pausedHead += 1
            left -= 1
            if isCurrent(connection) { port.resumeReading(connection) }
        }
        if pausedHead == paused.count {
            paused.removeAll(keepingCapacity: true)
            pausedHead = 0
        }
    }

    mutating func beginCheck(_ connection: ConnectionHandle, _ token: [UInt8], _ login: Login) {
        guard port.checkToken(token, of: connection) else { return close(connection, .overloaded) }
        logins[connection] = login
    }

    /// The answer of a token check.
    package mutating func tokenChecked(_ connection: ConnectionHandle, _ result: Result<CheckedToken, CloseCode>) {
        guard isCurrent(connection), let login = logins.removeValue(forKey: connection) else { return }
        let slot = Int(connection.slot)
        let token: CheckedToken
        switch result {
        case .failure(let code): return close(connection, code)
        case .success(let checked): token = checked
        }
        let expires = monotonicSeconds(atWall: token.expires)
        if login.isFresh {
            machines[slot].freshTokenVerified(token, expires: expires, intake: &intake)
            return
        }
        if leaveIfEnded(connection) { return }
        // Before anything is asked of the core: a client that was given somebody else's token must change nothing of his (REQ-OPEN-8).
        guard login.user.isEmpty || login.user == token.user else {
            return close(connection, .tokenInvalid, text: "the token is of another user than HELLO names")
        }
        guard token.device == nil || token.device == login.device else {
            return close(connection, .deviceMismatch, text: "the token is of another device than HELLO names")
        }
        machines[slot].tokenVerified(
            token, device: login.device.span, isSendOnly: login.isSendOnly, state: login.state, expires: expires, intake: &intake)
    }

    private mutating func openTicket(_ connection: ConnectionHandle, _ resume: ClientFrame.Resume, _ sealed: Span<UInt8>) {
        do throws(TicketError) {
            let ticket = try port.openTicket(sealed)
            try ticket.requireGood(now: port.wallSeconds, lifetimeSeconds: settings.ticketSeconds)
            let state = PresentedState(
                session: ticket.session, attach: resume.attach, position: resume.position, lastSequence: resume.lastSequence)
            machines[Int(connection.slot)].announced = ticket.flags.announced
            begin(connection, .resume(state, expires: monotonicSeconds(atWall: UInt64(ticket.expires))))
        } catch {
            close(connection, error.closeCode)
        }
    }

    /// Times in tokens and tickets are of the wall clock; a connection that is up counts monotonic time, so that no jump ends it.
    private func monotonicSeconds(atWall seconds: UInt64) -> UInt64 {
        let now = port.wallSeconds
        // A claim may be any number: one that is beyond all time is the end of time.
        let (sum, isBeyond) = (port.now / 1000).addingReportingOverflow(seconds > now ? seconds - now : 0)
        return isBeyond ? .max : sum
    }
}

extension Span<UInt8> {
    fileprivate func array(_ range: ByteRange) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(copying: extracting(range))
        return bytes
    }
}

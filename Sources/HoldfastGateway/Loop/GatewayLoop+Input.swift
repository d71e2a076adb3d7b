internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire

// From the client: bytes to the machine, and what it asks for.
extension GatewayLoop {
    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let slot = Int(id.slot)
        var offset = 0
        while true {
            let received = machines[slot].received(
                bytes, from: offset, now: eventLoop.now, limits: shared.limits, intake: &intake, out: &out)
            offset = received.end
            switch received.action {
            case .none:
                flush(id)
                return offset
            case .pauseReading:
                flush(id)
                paused.append(id)
                eventLoop.pauseReading(id)
                return offset
            case .close(let code):
                close(id, code)
                return bytes.count
            case .leave:
                flush(id)
                leave(id)
                return bytes.count
            case .slowDown(let milliseconds):
                flush(id)
                eventLoop.pauseReading(id)
                eventLoop.setDeadline(id, afterMilliseconds: milliseconds)
                return offset
            case .resumeReading:
                preconditionFailure("only a deadline resumes")
            case .setDeadline(let milliseconds):
                eventLoop.setDeadline(id, afterMilliseconds: milliseconds)
            case .verifyToken(let hello):
                eventLoop.setDeadline(id, afterMilliseconds: shared.limits.attachMilliseconds)
                let login = Login(
                    device: bytes.array(hello.device), isSendOnly: hello.isSendOnly, state: hello.state, isFresh: false)
                beginCheck(id, bytes.array(hello.token), login)
            case .verifyFreshToken(let token):
                beginCheck(id, bytes.array(token), Login(device: [], isSendOnly: false, state: nil, isFresh: true))
            case .openTicket(let resume):
                eventLoop.setDeadline(id, afterMilliseconds: shared.limits.attachMilliseconds)
                openTicket(id, resume, bytes.extracting(resume.ticket))
            }
        }
    }

    /// Has connections read again that wait for credits, in their order: no more than there are credits, because each takes one at least.
    func resumePaused() {
        guard pausedHead < paused.count else { return }
        var left = intake.credits
        while pausedHead < paused.count && left > 0 {
            let id = paused[pausedHead]
            pausedHead += 1
            left -= 1
            if isCurrent(id) { eventLoop.resumeReading(id) }
        }
        if pausedHead == paused.count {
            paused.removeAll(keepingCapacity: true)
            pausedHead = 0
        }
    }

    private func beginCheck(_ id: ConnectionID, _ token: [UInt8], _ login: Login) {
        guard shared.tokenChecks.begin(token, id, mailbox) else { return close(id, .overloaded) }
        logins[id] = login
    }

    /// The answer of the token check.
    func tokenChecked(_ id: ConnectionID, _ result: Result<VerifiedToken, TokenError>) {
        guard isCurrent(id), let login = logins.removeValue(forKey: id) else { return }
        let token: VerifiedToken
        switch result {
        case .failure(let error): return close(id, error.closeCode)
        case .success(let verified): token = verified
        }
        let user = Array(token.user.utf8)
        let device = Array((token.device ?? "").utf8)
        let expires = monotonicSeconds(atWall: token.expires)
        if login.isFresh {
            machines[Int(id.slot)].freshTokenVerified(user: user.span, device: device.span, expires: expires, intake: &intake)
            return
        }
        guard token.device == nil || device == login.device else { return close(id, .deviceMismatch) }
        machines[Int(id.slot)].tokenVerified(
            user: user.span, device: login.device.span, isSendOnly: login.isSendOnly, isService: token.role == .service,
            state: login.state, expires: expires, intake: &intake)
    }

    private func openTicket(_ id: ConnectionID, _ resume: ClientFrame.Resume, _ sealed: Span<UInt8>) {
        do throws(TicketError) {
            let ticket = try sealer.open(sealed, now: SystemClock.wallSeconds())
            let state = PresentedState(
                session: ticket.session, attach: resume.attach, position: resume.position, lastSequence: resume.lastSequence)
            machines[Int(id.slot)].ticketOpened(state, expires: monotonicSeconds(atWall: UInt64(ticket.expires)), intake: &intake)
        } catch {
            close(id, error.closeCode)
        }
    }

    /// Times in tokens and tickets are of the wall clock; a connection that is up counts monotonic time, so that no jump ends it.
    private func monotonicSeconds(atWall seconds: UInt64) -> UInt64 {
        let now = SystemClock.wallSeconds()
        return eventLoop.now / 1000 + (seconds > now ? seconds - now : 0)
    }
}

extension Span<UInt8> {
    fileprivate func array(_ range: ByteRange) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(copying: extracting(range))
        return bytes
    }
}

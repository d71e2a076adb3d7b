import HoldfastIO
import Synchronization

// What the event loop reports.
extension PeerFleet: EventLoopDelegate {
    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return loop.close(id, flush: false) }
        drive(index) { $0.opened($1, &$2) }
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return }
        counters.connectFailures += 1
        if case .tls(let text) = error { fail("the TLS handshake failed: \(text)") }
        lose(index)
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return bytes.count }
        var output = takeOutput()
        let consumed = phones[index].machine.received(bytes, now, &output)
        finish(index, &output)
        return consumed
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return }
        if reason != .requested { counters.disconnects += 1 }
        lose(index)
    }

    func deadlineReached(_ id: ConnectionID) {}

    func woken() {
        let work = mailbox.withLock { mailbox in
            let work = mailbox
            mailbox.removeAll()
            return work
        }
        for item in work { item(self) }
    }

    func ticked(_ now: UInt64) {
        while let entry = timers.popDue(now) {
            let index = Int(entry.phone)
            if phones[index].openAt == entry.at { open(index, 0) }
            // Out of date, or switched off meanwhile.
            guard phones[index].timerAt == entry.at, !phones[index].flags.contains(.parked) else { continue }
            phones[index].timerAt = .max
            drive(index) { $0.timerFired($1, &$2) }
        }
        if let ending = life?.ending { fail(ending) }
        checkWaits(now, isTick: true)
    }

    func iterationEnded() {
        startConnects()
        checkWaits(loop.now, isTick: false)
    }
}

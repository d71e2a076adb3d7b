import HoldfastClient
import HoldfastIO
import Synchronization

// What the event loop reports.
extension Fleet: EventLoopDelegate {
    func opened(_ id: ConnectionID, _ info: ConnectionInfo) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return loop.close(id, flush: false) }
        if isBare { return welcomed(index) }
        phones[index].flags.insert(.introducing)
        drive(index) { machine, now, actions in machine.transportOpened(now, &actions) }
    }

    func connectFailed(_ id: ConnectionID, _ info: ConnectionInfo, _ error: ConnectError) {
        let index = Int(info.userData)
        guard phones[index].connection == id.rawValue else { return }
        phones[index].connection = 0
        counters.connectFailures += 1
        if case .tls(let text) = error { fail("the TLS handshake failed: \(text). Name the certificate with --trust FILE") }
        drive(index) { machine, now, actions in machine.transportClosed(.unreachable(error.description), now, &actions) }
    }

    func received(_ id: ConnectionID, _ bytes: Span<UInt8>) -> Int {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return bytes.count }
        var taken = 0
        if phones[index].flags.contains(.beating), let beats {
            taken = beats.received(index, bytes, self)
            if taken == bytes.count { return taken }
        }
        return taken + deliver(bytes.extracting(taken..<bytes.count), to: index)
    }

    func closed(_ id: ConnectionID, _ reason: DisconnectReason) {
        let index = Int(owners[Int(id.slot)])
        guard phones[index].connection == id.rawValue else { return }
        phones[index].connection = 0
        phones[index].flags.remove([.beating, .introducing])
        let failure: TransportFailure = reason == .peerClosed ? .closedByPeer : .broken("\(reason)")
        drive(index) { machine, now, actions in machine.transportClosed(failure, now, &actions) }
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
            // Out of date, or switched off meanwhile.
            guard phones[index].timerAt == entry.at, !phones[index].flags.contains(.parked) else { continue }
            phones[index].timerAt = .max
            drive(index) { machine, now, actions in machine.timerFired(now, &actions) }
        }
        checkWaits(now, isTick: true)
        progress.show(self)
    }

    func iterationEnded() {
        moveOn()
        startConnects()
        sendDue()
        beats?.sendDue(self)
        checkWaits(loop.now, isTick: false)
    }
}

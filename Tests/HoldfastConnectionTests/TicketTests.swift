import HoldfastConnection
import HoldfastWire
import Testing

@Suite struct TicketTests {
    private let now: UInt64 = 1_800_000_000
    private let lifetime: UInt64 = 30 * 86_400
    private let day: UInt64 = 86_400

    @Test func `what is sealed says the same when it is opened`() {
        let ticket = Ticket(session: .init(rawValue: 0xFEDC_BA98_7654_3210), expires: 0x89AB_CDEF, flags: [.sendOnly, .service])
        #expect(ticket.plainBytes.count == Ticket.plainByteCount)
        #expect(Ticket(plainBytes: ticket.plainBytes) == ticket)
    }

    // REQ-CAP-2
    @Test func `a ticket holds what the client announced beside its other flags, and no more than fits`() {
        let all = Capabilities(rawValue: .max)
        var flags = Ticket.Flags(announced: all)
        #expect(flags.announced == Ticket.Flags.announcedMax && flags.isDisjoint(with: [.sendOnly, .service]))
        flags.insert(.sendOnly)
        let ticket = Ticket(session: .init(rawValue: 1), expires: 1, flags: flags)
        let opened = Ticket(plainBytes: ticket.plainBytes).flags
        #expect(opened.contains(.sendOnly) && !opened.contains(.service) && opened.announced == Ticket.Flags.announcedMax)
        #expect(Ticket.Flags([.sendOnly, .service]).announced.isEmpty, "tickets of before announce nothing")
        #expect(Ticket.Flags.announcedMax.isSuperset(of: .own), "what this gateway announces itself must fit")
    }

    @Test func `a ticket expires`() {
        #expect(error(expires: now + 60, now: now + 59) == nil)
        #expect(error(expires: now + 60, now: now + 60) == .expired)
    }

    @Test func `a ticket that was sealed while the clock was ahead is not good for so long`() {
        for (ahead, expected) in [(0, nil), (day, nil), (day + 1, TicketError.expired), (30 * 365 * day, .expired)]
            as [(UInt64, TicketError?)]
        {
            #expect(error(expires: now + ahead + lifetime, now: now) == expected, "\(ahead)")
        }
    }

    private func error(expires: UInt64, now: UInt64) -> TicketError? {
        do throws(TicketError) {
            let ticket = Ticket(session: .init(rawValue: 1), expires: UInt32(expires), flags: [])
            try ticket.requireGood(now: now, lifetimeSeconds: UInt32(lifetime))
            return nil
        } catch {
            return error
        }
    }
}

import HoldfastConnection
import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastGateway

@Suite struct TicketSealerTests {
    private let keys = TicketKeys(firstSecret: [UInt8](repeating: 3, count: 32), now: 1)
    private let ticket = Ticket(session: .init(rawValue: 0xA1_0001), expires: 1_800_000_060, flags: [.sendOnly])

    @Test func `a ticket has 43 bytes and says what was put in`() throws {
        let sealer = TicketSealer(keys)
        let sealed = sealer.seal(ticket)
        #expect(sealed.count == 43)
        #expect(try sealer.open(sealed.span) == ticket)
        #expect(sealer.seal(ticket) != sealed)
    }

    @Test func `no bit of a ticket may change`() {
        let sealer = TicketSealer(keys)
        let sealed = sealer.seal(ticket)
        for bit in 0..<sealed.count * 8 {
            var changed = sealed
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(error(sealer, changed) == .invalid)
        }
    }

    @Test func `a ticket that is cut, longer or invented opens nothing`() {
        let sealer = TicketSealer(keys)
        let sealed = sealer.seal(ticket)
        for count in 0..<sealed.count { #expect(error(sealer, Array(sealed[..<count])) == .invalid) }
        #expect(error(sealer, sealed + [0]) == .invalid)
        var generator = SeededRandom(seed: 5)
        for _ in 0..<200 {
            let bytes = (0..<43).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(error(sealer, [0, 1] + bytes[2...]) == .invalid)
        }
    }

    @Test func `tickets of older keys are good until their key is retired`() {
        var keys = keys
        let sealed = TicketSealer(keys).seal(ticket)
        for generation in 1...3 {
            keys.rotate(secret: [UInt8](repeating: UInt8(10 + generation), count: 32), now: 1, keptMax: 3)
            #expect(error(TicketSealer(keys), sealed) == nil)
        }
        keys.rotate(secret: [UInt8](repeating: 20, count: 32), now: 1, keptMax: 3)
        #expect(error(TicketSealer(keys), sealed) == .invalid)
        #expect(keys.generations.count == 4)
    }

    @Test func `a ticket of another gateway is invalid`() {
        let other = TicketKeys(firstSecret: [UInt8](repeating: 4, count: 32), now: 1)
        #expect(error(TicketSealer(other), TicketSealer(keys).seal(ticket)) == .invalid)
    }

    private func error(_ sealer: TicketSealer, _ sealed: [UInt8]) -> TicketError? {
        do throws(TicketError) {
            _ = try sealer.open(sealed.span)
            return nil
        } catch {
            return error
        }
    }
}

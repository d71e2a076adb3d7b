import Foundation
import HoldfastCore
import HoldfastWire
import Testing

@testable import HoldfastGateway

@Suite struct TicketTests {
    private let now: UInt64 = 1_800_000_000
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
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let bytes = (0..<43).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(error(sealer, [0, 1] + bytes[2...]) == .invalid)
        }
    }

    @Test func `a ticket expires`() {
        let sealer = TicketSealer(keys)
        let sealed = sealer.seal(ticket)
        #expect(error(sealer, sealed, now: 1_800_000_059) == nil)
        #expect(error(sealer, sealed, now: 1_800_000_060) == .expired)
    }

    @Test func `a ticket that was sealed while the clock was ahead is not good for so long`() {
        let sealer = TicketSealer(keys)
        let (lifetime, day): (UInt64, UInt64) = (30 * 86_400, 86_400)
        for (ahead, expected) in [(0, nil), (day, nil), (day + 1, TicketError.expired), (30 * 365 * day, .expired)]
            as [(UInt64, TicketError?)]
        {
            let sealed = sealer.seal(Ticket(session: .init(rawValue: 0xA1_0001), expires: UInt32(now + ahead + lifetime), flags: []))
            #expect(error(sealer, sealed) == expected, "\(ahead)")
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

    @Test func `as many keys are kept as a ticket can live through`() {
        #expect(TicketKeys.keptMax(lifetimeSeconds: 30 * 86400, periodSeconds: 86400) == 31)
        #expect(TicketKeys.keptMax(lifetimeSeconds: 86400, periodSeconds: 30 * 86400) == 2)
        #expect(TicketKeys.keptMax(lifetimeSeconds: 86401, periodSeconds: 86400) == 3)
    }

    @Test func `a key file is read as it was written, and a damaged one isn't`() {
        var keys = keys
        keys.rotate(secret: [UInt8](repeating: 9, count: 32), now: 77, keptMax: 3)
        #expect(TicketKeys(fileText: keys.fileText) == keys)
        let lines = keys.fileText.split(separator: "\n")
        for damaged in [
            "", "holdfast ticket keys 2\n", "holdfast ticket keys 1\n", keys.fileText + "x\n", String(keys.fileText.dropLast(3)),
            [lines[0], lines[2], lines[1]].joined(separator: "\n"), [lines[0], lines[1], lines[1]].joined(separator: "\n"),
        ] {
            #expect(TicketKeys(fileText: damaged) == nil)
        }
    }

    // MARK: The file

    @Test func `keys outlive a restart, and a period brings a new one`() throws {
        let folder = try TemporaryFolder()
        func open(wall: UInt64) throws -> TicketKeyFile {
            try TicketKeyFile(data: folder.path, ticketDays: 30, keyHours: 24, wallSeconds: wall, monotonicSeconds: 100)
        }
        let first = try open(wall: now)
        #expect(first.keys.generations.count == 1)
        #expect(try open(wall: now + 86_399).keys == first.keys)
        #expect(try !first.rotateIfDue(wallSeconds: now, monotonicSeconds: 100 + 86_399))
        #expect(try first.rotateIfDue(wallSeconds: now, monotonicSeconds: 100 + 86_400))
        #expect(first.keys.generations.count == 2)
        #expect(try open(wall: now).keys == first.keys)
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/ticket-keys")
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func `a clock that jumps retires no key early`() throws {
        let folder = try TemporaryFolder()
        func open(wall: UInt64) throws -> TicketKeyFile {
            try TicketKeyFile(data: folder.path, ticketDays: 30, keyHours: 24, wallSeconds: wall, monotonicSeconds: 0)
        }
        let sealed = TicketSealer(try open(wall: now).keys).seal(ticket)
        // Ten years forward and back, again and again: each start makes one key at most.
        for _ in 0..<10 {
            _ = try open(wall: now + 10 * 365 * 86400)
            #expect(error(TicketSealer(try open(wall: now).keys), sealed) == nil)
        }
        // A running gateway counts its own time only.
        let running = try open(wall: now)
        #expect(try !running.rotateIfDue(wallSeconds: now + 10 * 365 * 86400, monotonicSeconds: 10))
    }

    @Test func `a key that was made while the clock was ahead serves its period from now on`() throws {
        let folder = try TemporaryFolder()
        func open(wall: UInt64) throws -> TicketKeyFile {
            try TicketKeyFile(data: folder.path, ticketDays: 30, keyHours: 24, wallSeconds: wall, monotonicSeconds: 0)
        }
        let sealed = TicketSealer(try open(wall: now + 30 * 365 * 86_400).keys).seal(ticket)
        #expect(try open(wall: now).keys.generations.count == 1)
        #expect(try open(wall: now + 86_399).keys.generations.count == 1)
        #expect(try open(wall: now + 86_400).keys.generations.count == 2)
        #expect(error(TicketSealer(try open(wall: now + 86_400).keys), sealed) == nil)
    }

    @Test func `a damaged key file is told, not replaced`() throws {
        let folder = try TemporaryFolder()
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: folder.path + "/ticket-keys"))
        #expect(throws: GatewayError.self) {
            try TicketKeyFile(data: folder.path, ticketDays: 30, keyHours: 24, wallSeconds: 1, monotonicSeconds: 0)
        }
    }

    private func error(_ sealer: TicketSealer, _ sealed: [UInt8], now: UInt64 = 1_800_000_000) -> TicketError? {
        do throws(TicketError) {
            try sealer.open(sealed.span).requireGood(now: now, lifetimeSeconds: 30 * 86_400)
            return nil
        } catch {
            return error
        }
    }
}

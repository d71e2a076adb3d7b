import Foundation
import HoldfastConnection
import HoldfastWire
import Testing

@testable import HoldfastGateway

@Suite struct TicketKeyFileTests {
    private let now: UInt64 = 1_800_000_000
    private let ticket = Ticket(session: .init(rawValue: 0xA1_0001), expires: 1_800_000_060, flags: [.sendOnly])

    @Test func `a key file is read as it was written, and a damaged one isn't`() {
        var keys = TicketKeys(firstSecret: [UInt8](repeating: 3, count: 32), now: 1)
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
            #expect(try TicketSealer(open(wall: now).keys).open(sealed.span) == ticket)
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
        #expect(try TicketSealer(open(wall: now + 86_400).keys).open(sealed.span) == ticket)
    }

    @Test func `a damaged key file is told, not replaced`() throws {
        let folder = try TemporaryFolder()
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: folder.path + "/ticket-keys"))
        #expect(throws: GatewayError.self) {
            try TicketKeyFile(data: folder.path, ticketDays: 30, keyHours: 24, wallSeconds: 1, monotonicSeconds: 0)
        }
    }
}

import HoldfastCore
import HoldfastWire

/// A core with tiny limits over storage in RAM: whatever commands come in whatever order, it doesn't trap, gives all credits back, and
/// comes back after a crash.
func fuzzCore(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var configuration = CoreConfiguration()
    configuration.checkpointEntries = 6
    configuration.checkpointSliceRows = 2
    configuration.turnSteps = 3
    configuration.batchBytesMax = 150
    configuration.cachedUsersMax = 2
    configuration.cachedLookupsMax = 4
    configuration.inboxMessagesMax = 4
    configuration.creditMessages = 2
    configuration.pageMessagesMax = 2
    configuration.devicesPerUserMax = 3
    configuration.inboxDays = 1
    configuration.expiryMilliseconds = 1_000
    configuration.expirySliceMessages = 2
    if input.byte() & 1 == 1 { configuration.inboxPolicy = .evictWithGap }
    var storage = MemoryStorage()
    var now = CoreTime(wall: 1_000_000, monotonic: 0)
    var driver = try? FuzzedCore(storage: storage, configuration: configuration, now: now)
    while !input.isEmpty, driver != nil {
        let step = UInt64(input.byte())
        now.monotonic += step == 255 ? 50_000_000 : step * 10
        now.wall = input.byte() == 255 ? input.number(6) : now.wall + 10
        if input.byte() == 254 {
            storage = storage.crashCopy()
            driver = nil
            driver = try? FuzzedCore(storage: storage, configuration: configuration, now: now)
            precondition(driver != nil, "no start after a crash")
        }
        driver?.give(makeBatch(&input), now: now)
        driver?.work(steps: Int(input.byte() & 7), now: now)
    }
    driver?.work(steps: 10_000, now: now)
    precondition(driver?.creditsOut == 0, "credits were lost")
}

private func makeBatch(_ input: inout FuzzInput) -> CommandBatch {
    var batch = CommandBatch(loop: 0)
    for _ in 0..<(input.byte() & 3) {
        let connection = ConnectionHandle(loop: 0, generation: 1, slot: UInt32(input.byte() & 7))
        // Most numbers are such that something comes of them; some are at the ends of their ranges.
        let edges = input.byte()
        func number() -> UInt64 { edges & 7 == 7 ? input.extreme() : input.number(1) }
        let session = SessionID(
            rawValue: edges & 15 == 15 ? input.extreme() : (1 + UInt64(input.byte() & 3)) << 24 | (1 + UInt64(input.byte() & 3)))
        let attach = AttachNumber(rawValue: UInt32(truncatingIfNeeded: number()))
        // What the connection machine lets through.
        func sequence() -> MessageSequence { MessageSequence(rawValue: min(number(), MessageSequence.max.rawValue)) }
        let origin = Origin(connection: connection, session: session, attach: attach)
        let state = PresentedState(
            session: session, attach: attach, position: Position(rawValue: number()), lastSequence: sequence())
        func text(_ name: String) -> ByteRange {
            let start = batch.bytes.count
            batch.bytes.append(contentsOf: Array(name.utf8))
            return start..<batch.bytes.count
        }
        let user = text("user\(input.byte() & 3)")
        switch input.byte() % 10 {
        case 0:
            batch.commands.append(
                .hello(
                    connection: connection, user: user, device: text("device\(input.byte() & 3)"), isSendOnly: input.byte() & 3 == 0,
                    isService: false, state: input.byte() & 1 == 0 ? nil : state))
        case 1: batch.commands.append(.resume(connection: connection, state: state))
        case 2:
            batch.commands.append(
                .send(
                    origin, sequence(), .text, ConversationNumber(rawValue: edges & 7 == 7 ? input.extreme() : input.number(1) & 7),
                    body: text("b")))
        case 3: batch.commands.append(.sendTo(origin, sequence(), .text, user: user, body: text("body")))
        case 4: batch.commands.append(.acknowledge(origin, ShortPosition(rawValue: number())))
        case 5:
            batch.commands.append(
                .credit(origin, messages: UInt32(truncatingIfNeeded: number()), bytes: UInt32(truncatingIfNeeded: number())))
        case 6: batch.commands.append(.lookup(origin, ConversationNumber(rawValue: edges & 7 == 7 ? input.extreme() : input.number(1) & 7)))
        case 7: batch.commands.append(.logout(origin))
        case 8: batch.commands.append(.authenticate(origin, user: user, device: input.byte() & 1 == 0 ? 0..<0 : text("device0")))
        default: batch.commands.append(.detach(connection: connection, session: session))
        }
    }
    return batch
}

/// Every job is done at once.
private final class FuzzedCore {
    private var core: CoreTurn
    private let storage: MemoryStorage
    private(set) var creditsOut = 0

    init(storage: MemoryStorage, configuration: CoreConfiguration, now: CoreTime) throws {
        self.storage = storage
        core = CoreTurn(try Core.recover(storage: storage, configuration: configuration, loops: 1, now: now, writesCheckpoints: true))
    }

    func give(_ batch: CommandBatch, now: CoreTime) {
        creditsOut += batch.commands.count
        core.take(.commands(batch, done: nil), now: now)
    }

    func work(steps: Int, now: CoreTime) {
        var now = now
        do {
            try core.settle(on: storage, now: &now, stepMilliseconds: 200, stepsMax: steps) { _, effects in
                creditsOut -= effects.creditsReturned
            }
            if let violation = core.violation { preconditionFailure(violation) }
        } catch {
            preconditionFailure("the storage failed: \(error)")
        }
    }
}

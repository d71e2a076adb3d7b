import HoldfastTestSupport
import HoldfastWire

@testable import HoldfastCore

/// An effect with the bytes that it points to.
struct Output {
    var effect: Effect
    /// The body of a delivery, the name of a conversation's peer.
    var bytes: [UInt8] = []
}

/// Drives a core over storage in RAM as the gateway's threads do, but in one thread: which of the pending jobs runs or is answered
/// next is chosen by a seed, so that answers come late and in every order. A crash at any point is the storage's copy and a recovery.
final class CoreHarness {
    /// A job that was taken from the core: first it runs on the storage, later the core hears of it. Between the core and a journal that may be in
    /// doubt stands a `JournalWriter`.
    private enum Job {
        case taken(CoreJob)
        case done(CoreMessage)
        case asked(JournalWriter.Step)
        case answered(CommitAnswer, number: UInt64)
        case looked(JournalPlace?, number: UInt64)
    }

    private var turn: CoreTurn
    var core: Core {
        _read { yield turn.core }
        _modify { yield &turn.core }
    }
    private(set) var storage: MemoryStorage
    var configuration: CoreConfiguration
    let loops: Int
    /// The loops, and a port.
    private var doors: Int { loops + 1 }
    var random: SeededRandom
    var now = CoreTime(wall: 1_700_000_000_000, monotonic: 5_000)
    private(set) var stored = StoredRecords()
    private(set) var problems: [String] = []
    private(set) var trace: [String] = []
    private(set) var checkpointsWritten = 0
    private(set) var recordsTrimmed = 0
    private(set) var crashes = 0
    private(set) var readsRun = 0
    /// Called with each effect when its loop comes to it.
    var receive: (ConnectionHandle, Output) -> Void = { _, _ in }

    private var jobs: [Job] = []
    /// Of the journal's requests and answers so many are lost; nil: it is a disk, which answers once and surely.
    private let doubt: Double?
    private var writer: JournalWriter
    /// The journal stores what it is offered and says nothing.
    var isJournalSilent = false
    /// Answers that covered more than one batch, and batches that were found where they were looked for.
    private(set) var joinedAnswers = 0
    private(set) var settledDoubts = 0
    private(set) var refusals = 0
    private(set) var batchesInFlightMax = 0
    private var incoming: [CommandBatch]
    private var outgoing: [[Output]]
    private var creditsGiven: [Int]
    private var bytesGiven: [Int]
    private var creditsReturned: [Int]
    private var bytesReturned: [Int]
    private var nextSlot: UInt32 = 1
    private var lastReply: UInt64 = 0
    /// What the port was answered.
    private(set) var answers: [ReplyID: PortAnswer] = [:]

    init(
        _ configuration: CoreConfiguration = CoreConfiguration(), seed: UInt64 = 1, loops: Int = 2,
        storage: MemoryStorage = MemoryStorage(),
        doubt: Double? = nil
    ) throws {
        self.doubt = doubt
        writer = Self.makeWriter(storage)
        self.configuration = configuration
        self.storage = storage
        self.loops = loops
        random = SeededRandom(seed: seed)
        turn = CoreTurn(
            try Core.recover(storage: storage, configuration: configuration, loops: loops, ports: 1, now: now, writesCheckpoints: true),
            ports: 1)
        incoming = (0...loops).map { CommandBatch(door: $0) }
        outgoing = Array(repeating: [], count: loops)
        creditsGiven = Array(repeating: 0, count: loops + 1)
        bytesGiven = creditsGiven
        creditsReturned = creditsGiven
        bytesReturned = creditsGiven
    }

    private static func makeWriter(_ storage: MemoryStorage) -> JournalWriter {
        JournalWriter(window: storage.window, answerMilliseconds: 400, pauseMilliseconds: 30)
    }

    // MARK: Talking

    func newConnection(loop: Int? = nil) -> ConnectionHandle {
        defer { nextSlot += 1 }
        return ConnectionHandle(loop: loop ?? random.below(loops), generation: 1, slot: nextSlot)
    }

    /// Puts a command into its door's batch; `texts` become ranges of the batch's bytes.
    func submit(to door: Int, texts: [[UInt8]] = [], _ command: ([ByteRange]) -> Command) {
        var ranges: [ByteRange] = []
        for text in texts {
            let start = incoming[door].bytes.count
            incoming[door].bytes += text
            ranges.append(start..<start + text.count)
        }
        let command = command(ranges)
        incoming[door].commands.append(command)
        creditsGiven[door] += command.credits
        bytesGiven[door] += command.byteCount
    }

    func newReply() -> ReplyID {
        lastReply += 1
        return ReplyID(door: loops, number: lastReply)
    }

    /// A message by the port.
    @discardableResult
    func push(
        from account: String, to names: [String], _ text: String, mustExist: Bool = false, upload: ReplyID? = nil, tag: String = "",
        key: UInt64? = nil, fingerprint: UInt64 = 0, line: UInt32 = 0, timeToLive: UInt32 = 0, isTracked: Bool = false
    ) -> ReplyID {
        let reply = newReply()
        let recipients = names.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        submit(to: loops, texts: [Array(account.utf8), recipients, Array(tag.utf8), Array("\(text).".utf8)]) {
            .push(
                PushCommand(
                    reply: reply, order: OrderKey(upload ?? reply), account: $0[0], recipients: $0[1], recipientCount: names.count,
                    mustExist: mustExist, key: RequestKey(high: 7, low: key ?? reply.number), fingerprint: fingerprint, line: line,
                    timeToLive: timeToLive, isTracked: isTracked, kind: .text, tag: $0[2], body: $0[3]))
        }
        return reply
    }

    /// A question by the port.
    func ask(_ texts: [String] = [], _ question: ([ByteRange]) -> Question) -> ReplyID {
        let reply = newReply()
        submit(to: loops, texts: texts.map { Array($0.utf8) }) { .ask(reply, question($0)) }
        return reply
    }

    /// The same of a question that puts its names into the batch itself.
    func ask(encoding make: (inout CommandBatch) -> Question) -> ReplyID {
        let reply = newReply()
        submit(to: loops, encoding: { .ask(reply, make(&$0)) })
        return reply
    }

    /// Puts a command into its door's batch, which it puts its texts into itself.
    func submit(to door: Int, encoding make: (inout CommandBatch) -> Command) {
        let command = make(&incoming[door])
        submit(to: door, texts: []) { _ in command }
    }

    func fail(_ problem: String) {
        problems.append(problem)
        note("PROBLEM \(problem)")
    }

    func note(_ event: @autoclosure () -> String) {
        if trace.count >= 400 { trace.removeFirst(200) }
        trace.append(event())
    }

    func hold(_ request: HoldRequest) -> ReplyID {
        let reply = newReply()
        let command = incoming[loops].append(request)
        submit(to: loops) { _ in .hold(reply, command) }
        return reply
    }

    /// Something that an operator does.
    func act(_ act: Act, on user: String = "", by actor: Actor = .token(Array("ops".utf8)), requestID: String = "r1") -> ReplyID {
        let reply = newReply()
        let command = incoming[loops].append(act, on: Array(user.utf8), by: actor, requestID: Array(requestID.utf8))
        submit(to: loops) { _ in .act(reply, command) }
        return reply
    }

    // MARK: Steps

    private enum Step {
        case submit(Int), output(Int), run, takeJob, job(Int)
    }

    /// What can be done now.
    private var steps: [Step] {
        var steps: [Step] = [.run, .takeJob]
        for loop in 0..<loops {
            if !incoming[loop].commands.isEmpty { steps.append(.submit(loop)) }
            if !outgoing[loop].isEmpty { steps.append(.output(loop)) }
        }
        if !incoming[loops].commands.isEmpty { steps.append(.submit(loops)) }
        for index in jobs.indices { steps.append(.job(index)) }
        return steps
    }

    /// Whether anything was taken and not answered, or said and not heard.
    var isBusy: Bool {
        turn.hasMore || !jobs.isEmpty || incoming.contains { !$0.commands.isEmpty } || outgoing.contains { !$0.isEmpty }
    }

    /// Does one thing, chosen by the seed.
    /// - Parameter reading: whether it may be that the readers are asked.
    /// - Returns: whether there was anything to do in the step.
    @discardableResult
    func step(reading: Bool = true) throws -> Bool {
        let steps = steps
        let did = try perform(steps[random.below(steps.count)], reading: reading)
        drainCore()
        return did
    }

    private func perform(_ step: Step, reading: Bool) throws -> Bool {
        switch step {
        case .submit(let door):
            let batch = incoming[door]
            incoming[door] = CommandBatch(door: door)
            turn.take(.commands(batch, done: nil), now: now)
        case .output(let loop):
            let count = 1 + random.below(min(8, outgoing[loop].count))
            let outputs = outgoing[loop].prefix(count)
            outgoing[loop].removeFirst(count)
            for output in outputs { receive(output.effect.connection, output) }
        case .run:
            guard turn.hasMore else { return false }
            run()
        case .takeJob:
            guard let job = reading ? turn.takeJob(now: now) : core.takeBatch(now: now).map(CoreJob.commit) else { return false }
            if case .commit(let batch) = job, doubt != nil {
                writer.take(batch)
                batchesInFlightMax = max(batchesInFlightMax, writer.count)
                askJournal()
            } else {
                jobs.append(.taken(job))
            }
        case .job(let index): try advance(index)
        }
        return true
    }

    private func run(roomBytes: Int = .max) {
        let isLow = storage.isSpaceLow
        turn.run(now: now) { _ in isLow ? 0 : roomBytes }
        if let violation = turn.violation { fail(violation) }
    }

    /// The core hears a message, and does all that it can.
    func hear(_ message: CoreMessage) {
        turn.take(message, now: now)
        while turn.hasMore { run() }
    }

    private func advance(_ index: Int) throws {
        switch jobs[index] {
        case .done(let message):
            jobs.remove(at: index)
            turn.take(message, now: now)
        case .asked(.offer(let batch, let number)):
            jobs.remove(at: index)
            guard !isLost else { return }
            let answer = try store(batch)
            if !isLost, !isJournalSilent { jobs.append(.answered(isLost ? .unknown : answer, number: number)) }
        case .asked(.look(let batch, let number)):
            jobs.remove(at: index)
            guard !isLost, !isJournalSilent else { return }
            let place = try storage.place(of: batch)
            jobs.append(.looked(isLost ? nil : place, number: number))
        case .answered(let answer, let number):
            jobs.remove(at: index)
            if answer == .refused { refusals += 1 }
            hear(writer.answered(answer, number: number, now: now.monotonic))
        case .looked(let place, let number):
            jobs.remove(at: index)
            if place == .batch { settledDoubts += 1 }
            hear(try writer.looked(place, number: number, now: now.monotonic))
        case .taken(let job):
            let message = try job.run(on: storage)
            switch job {
            case .commit(let batch): noteStored(batch)
            case .writeCheckpoint(let job):
                checkpointsWritten += 1
                note("checkpoint through \(job.through.rawValue)")
            case .read: readsRun += 1
            case .planTrim, .planExpiry, .query, .sweepAudit, .sweepLedger, .giveMemoryBack: break
            }
            if let message { jobs[index] = .done(message) } else { jobs.remove(at: index) }
        }
    }

    // MARK: A journal in doubt

    private var isLost: Bool { doubt.map { random.chance($0) } ?? false }

    private func askJournal() {
        while let step = writer.nextStep(now: now.monotonic) { jobs.append(.asked(step)) }
    }

    private func store(_ batch: JournalBatch) throws -> CommitAnswer {
        let answer = try storage.commit(batch)
        if answer == .synced { noteStored(batch) }
        return answer
    }

    private func noteStored(_ batch: JournalBatch) {
        stored.committed(batch)
        recordsTrimmed += batch.deletions.count
        note("commit \(batch.firstPosition.rawValue)...\(batch.lastPosition.rawValue), -\(batch.deletions.count)")
    }

    private func hear(_ through: Position?) {
        defer { askJournal() }
        guard let through else { return }
        if core.batches.line.batches[0].journal.lastPosition < through { joinedAnswers += 1 }
        turn.take(.committed(through: through), now: now)
    }

    func tick(milliseconds: UInt64 = 100, roomBytes: Int = .max) {
        now.monotonic += milliseconds
        now.wall &+= milliseconds
        core.advance(now)
        core.ticked(isSpaceLow: storage.isSpaceLow, roomBytes: roomBytes)
        run(roomBytes: roomBytes)
        askJournal()
        drainCore()
    }

    /// Takes what the core has to say, and checks what may leave.
    private func drainCore() {
        for door in 0..<doors {
            while let (batch, _) = turn.takeEffects(door: door) {
                creditsReturned[door] += batch.creditsReturned
                bytesReturned[door] += batch.bytesReturned
                for effect in batch.effects {
                    checkDurable(effect)
                    outgoing[door].append(Output(effect: effect, bytes: bytes(of: effect, batch)))
                }
                for reply in batch.replies {
                    checkDurable(reply.answer)
                    if answers.updateValue(reply.answer, forKey: reply.id) != nil { fail("request \(reply.id.number) is answered twice") }
                }
            }
        }
    }

    private func checkDurable(_ answer: PortAnswer) {
        if let position = answer.position, position >= storage.nextPosition { fail("answered before its commit: \(position.rawValue)") }
    }

    private func bytes(of effect: Effect, _ batch: EffectBatch) -> [UInt8] {
        switch effect {
        case .deliver(_, let delivery):
            Array(batch.sources[Int(delivery.source)][Int(delivery.offset)..<Int(delivery.offset + delivery.count)])
        case .conversation(_, _, _, let peer): Array(batch.bytes[peer])
        default: []
        }
    }

    /// G1: nothing leaves before what it is derived from is synced.
    private func checkDurable(_ effect: Effect) {
        let next = storage.nextPosition
        switch effect {
        case .sent(_, _, let position) where position >= next: fail("SENT before its commit, position \(position.rawValue)")
        case .deliver(_, let delivery) where delivery.position >= next: fail("delivered before its commit: \(delivery.position.rawValue)")
        case .skip(_, _, let through) where through >= next: fail("skipped before its commit: \(through.rawValue)")
        case .gap(_, _, let through, _, _) where through >= next: fail("gap before its commit: \(through.rawValue)")
        case .welcome(_, let attached):
            if let stored = self.stored.stored[attached.session] {
                if Int(attached.lastSequence.rawValue) > stored.count { fail("WELCOME names a sequence that isn't stored") }
            } else {
                fail("WELCOME names a session that isn't stored")
            }
        default: break
        }
    }

    // MARK: Runs

    /// Runs everything until nothing happens any more; time passes so that acknowledgements are recorded.
    func settle(stepsMax: Int = 40_000) throws {
        var idle = 0
        for _ in 0..<stepsMax {
            if try step() || isBusy {
                idle = 0
            } else {
                idle += 1
                if idle.isMultiple(of: 16) { tick() }
                if idle > 48, turn.isStored { return }
            }
        }
        fail("not settled after \(stepsMax) steps: \(core.counts)")
    }

    /// Writes a checkpoint of everything and trims what can be trimmed.
    func settleToDisk() throws {
        for _ in 0..<3 {
            try settle()
            core.requestCheckpoint()
            for _ in 0..<20 { tick() }
            try settle()
        }
    }

    /// The process is killed: what was committed is there, all else is gone.
    func crash() throws {
        crashes += 1
        note("CRASH")
        // What is on its way to a log gets there or not.
        jobs.shuffle(using: &random)
        for case .asked(.offer(let batch, _)) in jobs where random.chance(0.5) { _ = try store(batch) }
        storage = storage.crashCopy()
        jobs = []
        writer = Self.makeWriter(storage)
        outgoing = Array(repeating: [], count: loops)
        for door in 0..<doors {
            incoming[door] = CommandBatch(door: door)
            creditsGiven[door] = 0
            bytesGiven[door] = 0
            creditsReturned[door] = 0
            bytesReturned[door] = 0
        }
        // Another boot: the monotonic clock begins anew.
        now.monotonic = UInt64(random.below(10_000))
        turn = CoreTurn(
            try Core.recover(storage: storage, configuration: configuration, loops: loops, ports: 1, now: now, writesCheckpoints: true),
            ports: 1)
    }

    /// What must hold when everything is settled.
    func checkSettled() {
        for door in 0..<doors {
            if creditsReturned[door] != creditsGiven[door] {
                fail("door \(door) gave \(creditsGiven[door]) credits and got \(creditsReturned[door]) back")
            }
            if bytesReturned[door] != bytesGiven[door] {
                fail("door \(door) gave \(bytesGiven[door]) bytes and got \(bytesReturned[door]) back")
            }
        }
        problems += stored.problems
    }
}

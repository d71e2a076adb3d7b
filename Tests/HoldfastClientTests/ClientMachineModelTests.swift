import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastClient

/// The machine and its state file against a model gateway, with connections cut at any byte and crashes that lose unsynced writes.
@Suite struct ClientMachineModelTests {
    @Test(arguments: 0..<150)
    func `each message once and in order, whatever is cut`(seed: UInt64) throws {
        var run = try ModelRun(seed: seed)
        for _ in 0..<400 { try run.step() }
        try run.finish()
        #expect(run.gateway.errors.isEmpty, "seed \(seed)")
        #expect(run.faults.isEmpty, "seed \(seed)")
        run.checkEnd()
    }
}

private struct ModelRun {
    let seed: UInt64
    var random: SeededRandom
    var gateway = ModelGateway()
    var faults: [String] = []
    private let storage = FaultyStorage()
    private var rig: MachineRig
    /// On the way to the client.
    private var down: [UInt8] = []
    private var isUp = false
    /// Messages that the app gave, by recipient, as far as their being on the disk was told: the app's own record.
    private var given: [String: [String]] = [:]
    private var nextText = 0
    private var pushed: [UInt64: String] = [:]
    /// The app's own record of the stream: what it has dealt with, and acknowledged.
    private var seen: [UInt64] = []
    private var seenSet: Set<UInt64> = []
    private var acknowledged: UInt64 = 0
    private var handedCount = 0
    private var outcomes: [String: SendOutcome] = [:]
    private var texts: [UInt64: String] = [:]

    init(seed: UInt64) throws {
        self.seed = seed
        random = SeededRandom(seed: seed)
        rig = try MachineRig.persistent(storage)
        rig.random = SeededRandom(seed: seed ^ 0xABCD)
    }

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<14: give()
        case 14..<28:
            let peer = ["bob", "carol", "dave"].randomElement(using: &random) ?? "bob"
            gateway.push("p\(UInt64.random(in: 0...9_999, using: &random))", from: peer, &random)
        case 28..<72: exchange(whole: false)
        case 72..<84: acknowledgeSome()
        case 84..<92: rig.advance(by: UInt64.random(in: 1...4_000, using: &random))
        case 92..<96: cut()
        case 96..<98: try crash(losesPower: false)
        default: try crash(losesPower: true)
        }
        connect()
        observe()
    }

    /// No more faults: everything gets where it belongs.
    mutating func finish() throws {
        for _ in 0..<2_000 {
            connect()
            exchange(whole: true)
            observe()
            if let last = rig.handed.last?.delivery, case .message(let message) = last { rig.acknowledge(message.position.rawValue) }
            rig.advance(by: 300)
            if rig.machine.outboxCounts == (0, 0) && seenSet.count == gateway.stream.count(where: { !$0.isOwn }) { return }
        }
        faults.append("it doesn't come to an end: \(rig.machine.outboxCounts), \(rig.machine.phase)")
    }

    func checkEnd() {
        for (user, texts) in given {
            let sent = gateway.taken.filter { $0.hasPrefix(user) }
            let expected = texts.filter { !gateway.refused.contains($0) }
            #expect(sent.filter { texts.contains($0) } == expected, "seed \(seed), to \(user)")
            #expect(Set(sent).count == sent.count, "seed \(seed): stored twice")
        }
        #expect(seen == gateway.stream.filter { !$0.isOwn }.map(\.position), "seed \(seed)")
    }

    private mutating func give() {
        let user = ["bob", "carol"].randomElement(using: &random) ?? "bob"
        nextText += 1
        let text = "\(user) \(nextText)"
        let id = rig.send(text, to: .user(user))
        texts[id] = text
        // The flush has put it on the disk: the app may rely on it.
        given[user, default: []].append(text)
    }

    private mutating func connect() {
        if rig.machine.phase == .idle { rig.connect() }
        if rig.wantsToken { rig.provideToken() }
        if rig.machine.phase == .connecting {
            isUp = true
            down = []
            gateway.connect()
            rig.openTransport()
        }
        if !rig.isTransportOpen { isUp = false }
    }

    /// Lets bytes through in both directions: all, or any number of them.
    private mutating func exchange(whole: Bool) {
        guard isUp else { return }
        let count = whole ? rig.sent.count : Int.random(in: 0...rig.sent.count, using: &random)
        let bytes = Array(rig.sent[..<count])
        rig.sent.removeFirst(count)
        let goesOn = gateway.receive(bytes, &random, to: &down)
        if goesOn { gateway.deliver(&random, to: &down) }
        let downCount = whole || !goesOn ? down.count : Int.random(in: 0...down.count, using: &random)
        let part = Array(down[..<downCount])
        down.removeFirst(downCount)
        if !part.isEmpty { rig.receive(part) }
        if !goesOn && rig.isTransportOpen { cut() }
    }

    private mutating func cut() {
        guard isUp else { return }
        isUp = false
        down = []
        if rig.isTransportOpen { rig.closeTransport() }
    }

    private mutating func crash(losesPower: Bool) throws {
        observe()
        storage.crash(losesPower: losesPower, using: &random)
        let now = rig.now
        // Those with an outcome have left the outbox; the others must come back.
        rig = try MachineRig.persistent(storage)
        rig.now = now
        rig.random = SeededRandom(seed: random.next())
        handedCount = 0
        isUp = false
    }

    private mutating func acknowledgeSome() {
        observe()
        guard let position = seen.filter({ $0 > acknowledged }).randomElement(using: &random) else { return }
        acknowledged = position
        rig.acknowledge(position)
        // As the public call does: it returns when the disk has it.
        try? rig.file?.sync()
    }

    /// What was handed over since the last time: in order, and only repeated after a crash, and then marked.
    private mutating func observe() {
        while handedCount < rig.handed.count {
            let entry = rig.handed[handedCount]
            handedCount += 1
            guard case .message(let message) = entry.delivery else { continue }
            let position = message.position.rawValue
            if seenSet.contains(position) {
                if position <= acknowledged { faults.append("\(position) again, though acknowledged") }
                if !message.isRepeat { faults.append("\(position) again, and not marked") }
            } else {
                if let last = seen.last, position < last { faults.append("\(position) after \(last)") }
                seen.append(position)
                seenSet.insert(position)
            }
            let original = gateway.stream.first { $0.position == position }
            if original?.text != String(decoding: entry.body, as: UTF8.self) { faults.append("\(position) has another body") }
        }
    }
}

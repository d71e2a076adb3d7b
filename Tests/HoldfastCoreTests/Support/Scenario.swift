import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

/// A harness with a few phones, for tests that tell one story.
struct Scenario {
    let harness: CoreHarness
    let phones: Phones

    init(
        seed: UInt64 = 7, storage: MemoryStorage = MemoryStorage(), doubt: Double? = nil,
        _ configure: (inout CoreConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = CoreConfiguration()
        configuration.checkpointMilliseconds = .max
        configure(&configuration)
        harness = try CoreHarness(configuration, seed: seed, storage: storage, doubt: doubt)
        phones = Phones(harness)
    }

    /// A phone that is connected.
    func online(_ user: String, _ device: String = "phone", isSendOnly: Bool = false) throws -> Phone {
        let phone = phones.add(user, device: device, isSendOnly: isSendOnly)
        phone.hello()
        try settle()
        return phone
    }

    /// A phone that was there once and is away.
    func offline(_ user: String, _ device: String = "phone") throws -> Phone {
        let phone = try online(user, device)
        phone.drop()
        try settle()
        return phone
    }

    func settle() throws { try harness.settle() }

    /// Everything to the store, and what nothing needs out of the journal.
    func toDisk() throws { try harness.settleToDisk() }

    func days(_ count: UInt64) { harness.tick(milliseconds: count * 86_400_000) }

    /// Nothing was noticed that must not be.
    func check(_ location: SourceLocation = #_sourceLocation) {
        harness.checkSettled()
        #expect(harness.problems.isEmpty, "\(harness.trace.suffix(40).joined(separator: "\n"))", sourceLocation: location)
    }

    func texts(_ range: ClosedRange<Int>) -> [String] { range.map { "t\($0)" } }
}

extension Phone {
    func send(_ range: ClosedRange<Int>, to user: String, size: Int = 8) {
        for number in range { send("t\(number)", to: user, size: size) }
    }

    /// Connects and lets everything happen.
    func comeBack() throws {
        hello()
        try harness.settle()
    }

    func leave() throws {
        drop()
        try harness.settle()
    }
}

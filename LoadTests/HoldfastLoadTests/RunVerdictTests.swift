import Testing

@testable import holdfast_load

/// What a report says bound the run, what it holds for lost, and what grows.
@Suite struct RunVerdictTests {
    private func reading(server: Double?, generator: Double, lag: Double? = nil, others: Double = 0) -> Stopwatch.Reading {
        Stopwatch.Reading(
            seconds: 10, cpu: .init(server: server, generator: generator), othersCores: others, lagMicrosecondsP99: lag)
    }

    @Test func `a generator that was late by itself is named`() {
        #expect(reading(server: 1, generator: 1, lag: 50_000).bound.hasPrefix("generator"))
        #expect(!reading(server: 1, generator: 1, lag: 5_000).bound.hasPrefix("generator"))
        #expect(reading(server: 1, generator: 1, lag: 50_000, others: 1).bound.hasPrefix("other programs"))
        #expect(reading(server: 1, generator: 9.5, lag: 50_000, others: 1).bound.hasPrefix("generator"))
    }

    @Test func `a generator that is busy without a server known is named`() {
        #expect(reading(server: nil, generator: 9.5).bound == "generator")
    }

    @Test func `parts of a run are put together`() {
        let whole = reading(server: 1, generator: 2, others: 0.5) + reading(server: 3, generator: 4)
        #expect(whole.seconds == 20 && whole.cpu.server == 4 && whole.cpu.generator == 6 && whole.othersCores == 0.25)
        #expect((reading(server: nil, generator: 1) + reading(server: 1, generator: 1)).cpu.server == nil)
    }

    @Test func `bystanders' messages cost what they did when nothing else happened`() {
        #expect(Bystanders.serverSeconds(of: 50, if: 100, took: 2) == 1)
        #expect(Bystanders.serverSeconds(of: 50, if: 0, took: 2) == nil)
    }

    @Test func `what is stored for users who are away isn't lost until they have fetched theirs`() {
        let away = AwayUsers(users: 10..<20)
        #expect(away.contains(12) && !away.contains(9))
        away.fetch(12..<14)
        #expect(!away.contains(12) && !away.contains(13) && away.contains(14))
    }

    @Test func `a sample of users is spread over all, and all are all`() {
        #expect(AwayUsers.blocks(count: 4_500, sample: 4_500) == [0..<2_000, 2_000..<4_000, 4_000..<4_500])
        let blocks = AwayUsers.blocks(count: 100_000, sample: 1_000)
        #expect(blocks.count == 20 && blocks.allSatisfy { $0.count == 50 })
        #expect(blocks.first?.lowerBound == 0 && blocks.last?.upperBound == 100_000)
        #expect(AwayUsers.blocks(count: 10, sample: 1) == [0..<1])
    }

    @Test func `the trend is that of the second half`() {
        let samples = (0...100).map { (index: Int) -> Sample in
            let second = Double(index)
            let bytes: Double = index < 50 ? second * 1_000_000 : 50_000_000 + (second - 50) * 10
            return Sample(seconds: second, values: ["serverPrivateBytes": bytes])
        }
        #expect(Sample.bytesPerHour(samples).map { abs($0 - 36_000) < 1 } == true)
        #expect(Sample.bytesPerHour(Array(samples.prefix(50))) == nil)
    }
}

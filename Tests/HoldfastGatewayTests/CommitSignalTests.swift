import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

@Suite(.takesTurns, .timeLimit(.minutes(10))) struct CommitSignalTests {
    private func position(_ number: UInt64) -> Position { Position(rawValue: number) }

    @Test func `what is synced already is not waited for`() async {
        let signal = CommitSignal(committed: position(5))
        await signal.wait(behind: position(4), atMost: .seconds(3_600))
    }

    @Test func `who waits is woken by the first position behind his own`() async {
        let signal = CommitSignal(committed: position(5))
        await withTaskGroup { group in
            for number: UInt64 in [5, 6, 7] {
                group.addTask { await signal.wait(behind: self.position(number), atMost: .seconds(3_600)) }
            }
            // Whatever comes first, the wait or the position: nobody waits for ever.
            for number: UInt64 in [5, 6, 7, 8] {
                await Task.yield()
                signal.advance(to: position(number))
            }
        }
    }

    @Test func `a position at or before his own wakes nobody`() async {
        let signal = CommitSignal(committed: position(5))
        let start = ContinuousClock.now
        async let waiting: Void = signal.wait(behind: position(5), atMost: .milliseconds(50))
        for _ in 0..<1_000 {
            await Task.yield()
            signal.advance(to: position(5))
        }
        await waiting
        #expect(ContinuousClock.now - start >= .milliseconds(50))
    }

    @Test func `a task that is cancelled waits no longer`() async {
        let signal = CommitSignal()
        let task = Task { await signal.wait(behind: .zero, atMost: .seconds(3_600)) }
        await Task.yield()
        task.cancel()
        await task.value
        let late = Task {
            while !Task.isCancelled { await Task.yield() }
            await signal.wait(behind: .zero, atMost: .seconds(3_600))
        }
        late.cancel()
        await late.value
    }

    @Test func `after the end nobody waits, and who does is woken`() async {
        let signal = CommitSignal()
        let task = Task { await signal.wait(behind: .zero, atMost: .seconds(3_600)) }
        await Task.yield()
        signal.stop()
        await task.value
        await signal.wait(behind: .zero, atMost: .seconds(3_600))
    }

    @Test func `no wake-up is lost between many who wait and many positions`() async {
        let signal = CommitSignal()
        let count: UInt64 = 2_000
        await withTaskGroup { group in
            for reader in 0..<8 {
                group.addTask {
                    var place: UInt64 = UInt64(reader)
                    while place < count {
                        await signal.wait(behind: self.position(place), atMost: .seconds(3_600))
                        place += 8
                    }
                }
            }
            group.addTask {
                for number in 1...count {
                    signal.advance(to: self.position(number))
                    await Task.yield()
                }
            }
        }
    }
}

import HoldfastConnection
import HoldfastCore
import Testing

@Suite struct OpeningQueueTests {
    private func handle(_ slot: UInt32) -> ConnectionHandle { ConnectionHandle(loop: 0, generation: 1, slot: slot) }

    @Test func `slots go first, then who has messages, then resumes, then logins; each in its order`() {
        var queue = OpeningQueue()
        let ranks: [OpeningQueue.Rank] = [.login, .resume, .slot, .undelivered, .resume, .slot]
        for (index, rank) in ranks.enumerated() { queue.append(handle(UInt32(index)), rank) }
        var order: [UInt32] = []
        while let connection = queue.pop() { order.append(connection.slot) }
        #expect(order == [2, 5, 3, 1, 4, 0])
        #expect(queue.pop() == nil)
    }

    @Test func `logins are not forgotten while resumes keep coming`() {
        var queue = OpeningQueue()
        queue.append(handle(1_000), .login)
        for slot in 0..<20 { queue.append(handle(UInt32(slot)), .resume) }
        let first = (0..<8).compactMap { _ in queue.pop()?.slot }
        #expect(first.contains(1_000))
    }
}

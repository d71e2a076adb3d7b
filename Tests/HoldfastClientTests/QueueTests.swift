import HoldfastTestSupport
import Testing

@testable import HoldfastClient

@Suite struct QueueTests {
    @Test(arguments: 0..<50)
    func `behaves as an array does`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = Queue<Int>()
        var model: [Int] = []
        for step in 0..<400 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                queue.append(step)
                model.append(step)
            case 2: #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            case 3: #expect(queue.popLast() == model.popLast())
            case 4:
                queue.prepend(step)
                model.insert(step, at: 0)
            default:
                guard let index = model.indices.randomElement(using: &random) else { continue }
                #expect(queue[index] == model[index])
                #expect(queue.remove(at: index) == model.remove(at: index))
            }
            #expect(queue.array == model && queue.count == model.count && queue.first == model.first && queue.last == model.last)
        }
    }
}

// Two threads change a number without a lock: the thread sanitizer must see it.
import Dispatch

final class Counter: @unchecked Sendable { var value = 0 }
let counter = Counter()
DispatchQueue.concurrentPerform(iterations: 64) { _ in for _ in 0..<1000 { counter.value += 1 } }

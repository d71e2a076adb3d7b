// Threads change an array under a mutex that is hardly ever free: the thread sanitizer must be quiet.
import Dispatch
import Synchronization

final class Counter: Sendable { let values = Mutex<[Int]>([]) }
let counter = Counter()
DispatchQueue.concurrentPerform(iterations: 64) { number in
    for _ in 0..<2000 {
        counter.values.withLock { values in
            values.append(number)
            if values.count > 100 { values = [] }
        }
    }
}

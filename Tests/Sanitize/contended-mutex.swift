// Threads change an array under a mutex that is hardly ever free: the thread sanitizer must be quiet.
import Foundation
import Synchronization

final class Counter: Sendable { let values = Mutex<[Int]>([]) }
let counter = Counter()
let done = DispatchSemaphore(value: 0)
for number in 0..<4 {
    Thread.detachNewThread {
        for _ in 0..<20_000 {
            counter.values.withLock { values in
                values.append(number)
                if values.count > 100 { values = [] }
            }
        }
        done.signal()
    }
}
for _ in 0..<4 { done.wait() }

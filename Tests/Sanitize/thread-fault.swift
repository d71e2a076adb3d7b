// Two threads change a number without a lock: the thread sanitizer must see it.
import Foundation

final class Counter: @unchecked Sendable { var value = 0 }
let counter = Counter()
for _ in 0..<2 { Thread.detachNewThread { for _ in 0..<1000 { counter.value += 1 } } }
Thread.sleep(forTimeInterval: 0.5)

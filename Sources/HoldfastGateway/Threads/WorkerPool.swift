internal import HoldfastIO

/// Threads that carry out jobs in the order in which they came: one for the journal, some for reads, some for tokens.
final class WorkerPool<Job: Sendable>: Sendable {
    private let jobs = JobQueue<Job>()
    private let threads: [ThreadHandle]

    /// Starts `count` threads; `perform` runs on them.
    init(name: String, count: Int, _ perform: @escaping @Sendable (Job) -> Void) throws(IOError) {
        var threads: [ThreadHandle] = []
        let jobs = jobs
        for index in 0..<count {
            let thread = try startThread(name: count == 1 ? name : "\(name)-\(index)") {
                while let job = jobs.next() { perform(job) }
            }
            threads.append(thread)
        }
        self.threads = threads
    }

    /// Never waits.
    func post(_ job: Job) { jobs.post(job) }

    /// Lets the threads finish what was posted, and waits for them. Once, and not from one of them.
    func stop() {
        jobs.stop(receivers: threads.count)
        for thread in threads { thread.join() }
    }

    /// The same, but waits not longer than until a time of the monotonic clock, in milliseconds.
    /// - Returns: false when a thread still runs.
    func stop(until end: UInt64) -> Bool {
        jobs.stop(receivers: threads.count)
        return threads.reduce(true) { $1.join(until: end) && $0 }
    }
}

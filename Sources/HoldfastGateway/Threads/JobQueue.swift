internal import Dispatch
internal import Synchronization

/// Jobs from any thread, each taken by one of several.
final class JobQueue<Job: Sendable>: Sendable {
    private struct State {
        var jobs: ContiguousArray<Job> = []
        var head = 0
        var isStopping = false
    }

    private let state = Mutex(State())
    private let semaphore = DispatchSemaphore(value: 0)

    func post(_ job: Job) {
        state.withLock { $0.jobs.append(job) }
        semaphore.signal()
    }

    /// Makes `next` return nil once all jobs are taken.
    func stop(receivers: Int) {
        state.withLock { $0.isStopping = true }
        for _ in 0..<receivers { semaphore.signal() }
    }

    /// The next job, as soon as there is one; nil: the queue has stopped.
    func next() -> Job? {
        while true {
            semaphore.wait()
            let (job, isStopping) = state.withLock { state -> (Job?, Bool) in
                guard state.head < state.jobs.count else { return (nil, state.isStopping) }
                let job = state.jobs[state.head]
                state.head += 1
                if state.head == state.jobs.count {
                    state.jobs.removeAll(keepingCapacity: true)
                    state.head = 0
                }
                return (job, false)
            }
            if let job { return job }
            if isStopping { return nil }
        }
    }
}

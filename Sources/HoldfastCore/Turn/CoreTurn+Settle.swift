extension CoreTurn {
    /// Does everything that there is to do in the caller's thread, until nothing is left: for those who fill a directory, and for tests.
    ///
    /// - Parameters:
    ///   - now: goes on by `stepMilliseconds` with each step, since acknowledgements and checkpoints wait for time.
    ///   - take: told what each door is to do.
    package mutating func settle(
        on storage: any Storage, now: inout CoreTime, stepMilliseconds: UInt64 = 10, stepsMax: Int = .max,
        _ take: (_ door: Int, EffectBatch) throws -> Void
    ) throws {
        for _ in 0..<stepsMax {
            run(now: now) { storage.roomBytes(checkpoint: $0) }
            var isIdle = isStored
            while let job = takeJob(now: now) {
                isIdle = false
                if let message = try job.run(on: storage) { self.take(message, now: now) }
            }
            for door in 0..<doorCount {
                guard let (effects, _) = takeEffects(door: door) else { continue }
                isIdle = false
                try take(door, effects)
            }
            now.monotonic += stepMilliseconds
            if isIdle { return }
        }
    }
}

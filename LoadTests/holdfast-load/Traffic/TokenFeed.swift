/// Makes tokens for users who come once, a little before they come: a million at once would take a minute and a lot of memory.
struct TokenFeed {
    private let task: Task<Void, Never>
    private static let batchCount = 1_000

    /// Begins. `Fleet.newcomers` must be there.
    /// - Parameter ahead: how many tokens there are before they are needed.
    init(_ driver: FleetDriver, ahead: Int) async throws {
        let ahead = max(ahead, 2 * Self.batchCount)
        try await Self.fill(driver, ahead)
        task = Task {
            while !Task.isCancelled {
                // A run that has failed needs no tokens.
                guard (try? await Self.fill(driver, ahead)) != nil else { return }
                try? await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Ends.
    func stop() async {
        task.cancel()
        await task.value
    }

    private static func fill(_ driver: FleetDriver, _ ahead: Int) async throws {
        while true {
            let (tokens, newcomers) = try await driver.perform { ($0.tokens, $0.newcomers) }
            guard let newcomers, newcomers.tokensEnd - newcomers.nextUser < ahead else { return }
            let batch = try await tokens.makeBatch(newcomers.tokensEnd..<newcomers.tokensEnd + batchCount)
            // A file has no more.
            guard !batch.users.isEmpty else { return }
            try await driver.perform { fleet in
                // A connect that is repeated may need one that was given out before.
                fleet.tokens.add(batch, forgettingBelow: max(0, newcomers.nextUser - ahead))
                fleet.newcomers?.tokensEnd = batch.users.upperBound
            }
        }
    }
}

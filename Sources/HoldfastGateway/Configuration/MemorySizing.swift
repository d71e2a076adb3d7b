/// What a gateway keeps in memory at most, as its configuration sets it or, where that says `auto`, as its memory allows.
///
/// Each of these limits gets a share of the memory; what one of its rows costs was measured and rounded up. With four gigabytes and more every
/// one but `connectionsMax` stands at its greatest, with 24 that too.
package struct MemorySizing: Equatable, Sendable {
    package var connectionsMax = 1_000_000
    package var commandsPerLoopMax = 8192
    package var commandBytesPerLoopMax = 4 << 20
    package var pagesInFlightMax = 256
    package var checkpointEntriesMax = 1_000_000
    package var checkpointEntries = 500_000
    package var cachedUsersMax = 200_000
    package var cachedLookupsMax = 200_000

    /// The greatest values.
    package init() {}

    /// - Parameters:
    ///   - memoryBytes: what the process may take.
    ///   - loops: how many event loops there are.
    ///   - hasTLS: whether TLS is spoken at all.
    package init(memoryBytes: Int, loops: Int, hasTLS: Bool) {
        let greatest = MemorySizing()
        let bytes = max(memoryBytes - Self.programBytes, memoryBytes / 4)
        func count(_ share: Int, each: Int, atLeast least: Int, atMost most: Int) -> Int {
            min(most, max(least, bytes / Self.shares * share / each))
        }
        // What the others leave when they stand at their greatest is for connections as well, but for a quarter.
        let connectionBytes = max(bytes / Self.shares * 10, (bytes - Self.otherBytesMax) / 4 * 3)
        connectionsMax = min(
            greatest.connectionsMax, max(100, connectionBytes / (hasTLS ? Self.tlsConnectionBytes : Self.connectionBytes)))
        cachedUsersMax = count(3, each: Self.userBytes, atLeast: 1_000, atMost: greatest.cachedUsersMax)
        cachedLookupsMax = count(3, each: Self.lookupBytes, atLeast: 1_000, atMost: greatest.cachedLookupsMax)
        commandBytesPerLoopMax = count(
            2, each: Self.commandByteCopies * loops, atLeast: 1 << 20, atMost: greatest.commandBytesPerLoopMax)
        pagesInFlightMax = count(2, each: Self.pageBytes, atLeast: 16, atMost: greatest.pagesInFlightMax)
        // LMDB keeps the pages that a checkpoint changes in memory until they are written, up to a bound of its own. What can take that needs
        // no other; else no checkpoint may have more rows than pages fit, since each may lie on one of its own.
        let share = bytes / Self.shares * 12
        if share >= Self.checkpointPagesMax * Self.checkpointPageBytes + greatest.checkpointEntriesMax * Self.changedRowBytes {
            checkpointEntriesMax = greatest.checkpointEntriesMax
        } else {
            checkpointEntriesMax = min(
                greatest.checkpointEntriesMax, max(2_000, share / (Self.checkpointPageBytes + Self.changedRowBytes)))
        }
        checkpointEntries = checkpointEntriesMax / 2
        // What is under way when senders are stopped comes on top: each command may change a few rows.
        commandsPerLoopMax = min(greatest.commandsPerLoopMax, max(64, checkpointEntriesMax / 16 / loops))
    }

    /// Ten for connections, three each for users and lookups, two each for commands and pages, twelve for checkpoints.
    private static let shares = 32
    /// The program itself, its threads, and what the kernel counts for its files.
    private static let programBytes = 24 << 20
    /// What all but the connections take at most.
    private static let otherBytesMax = 1_200 << 20
    /// A connection with its user's rows, and with TLS's buffers and keys.
    private static let connectionBytes = 1_200
    private static let tlsConnectionBytes = 16_000
    /// A user and a session, with their places in the tables, which double when they grow.
    private static let userBytes = 400
    /// A row of each of the five tables of names, pairs, conversations and devices.
    private static let lookupBytes = 800
    /// The bodies lie in the loop's batch, in the open batch, in the one that is synced and its pages, and in what is delivered of it.
    private static let commandByteCopies = 6
    /// A page of replay.
    private static let pageBytes = 64 << 10
    /// Of LMDB's list of changed pages.
    private static let checkpointPagesMax = 1 << 17
    private static let checkpointPageBytes = 4_096
    /// A changed row, its copy for the checkpoint, and its entries.
    private static let changedRowBytes = 300
}

extension Configuration {
    /// The limits as they are set, and for those that are `auto` what the memory allows.
    /// - Parameters:
    ///   - memoryBytes: what the process may take; nil: unknown, and taken for enough.
    ///   - loops: how many event loops there are.
    package func sizing(memoryBytes: Int? = nil, loops: Int = 1) -> MemorySizing {
        let allowed = memoryBytes.map { MemorySizing(memoryBytes: $0, loops: max(1, loops), hasTLS: !tlsListen.isEmpty) } ?? MemorySizing()
        var sizing = MemorySizing()
        sizing.connectionsMax = connectionsMax ?? allowed.connectionsMax
        sizing.commandsPerLoopMax = commandsPerLoopMax ?? allowed.commandsPerLoopMax
        // Frames of the greatest length have to fit, whatever the memory is.
        sizing.commandBytesPerLoopMax = commandBytesPerLoopMax ?? max(allowed.commandBytesPerLoopMax, 4 * frameBytesMax)
        sizing.pagesInFlightMax = pagesInFlightMax ?? allowed.pagesInFlightMax
        sizing.cachedUsersMax = cachedUsersMax ?? allowed.cachedUsersMax
        sizing.cachedLookupsMax = cachedLookupsMax ?? allowed.cachedLookupsMax
        // Of a pair of which one is set the other follows.
        sizing.checkpointEntriesMax = checkpointEntriesMax ?? max(allowed.checkpointEntriesMax, 2 * (checkpointEntries ?? 0))
        sizing.checkpointEntries = checkpointEntries ?? min(allowed.checkpointEntries, sizing.checkpointEntriesMax / 2)
        return sizing
    }

    /// With the values of `sizing` in place of `auto`.
    package func sized(memoryBytes: Int?, loops: Int) -> Configuration {
        let values = sizing(memoryBytes: memoryBytes, loops: loops)
        var sized = self
        sized.connectionsMax = values.connectionsMax
        sized.commandsPerLoopMax = values.commandsPerLoopMax
        sized.commandBytesPerLoopMax = values.commandBytesPerLoopMax
        sized.pagesInFlightMax = values.pagesInFlightMax
        sized.cachedUsersMax = values.cachedUsersMax
        sized.cachedLookupsMax = values.cachedLookupsMax
        sized.checkpointEntriesMax = values.checkpointEntriesMax
        sized.checkpointEntries = values.checkpointEntries
        return sized
    }

    /// The keys that are `auto`, with their values in `sized`: "cachedUsersMax 200000, …".
    package func automaticText(_ sized: Configuration) -> String {
        ConfigurationKey.all.compactMap { key in
            guard case .automatic(let path, _) = key.form, self[keyPath: path] == nil else { return nil }
            return "\(key.name) \(key.text(in: sized))"
        }.joined(separator: ", ")
    }
}

internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO

extension Metric {
    /// The event loops, the core's thread, and what waits between them.
    static let core: [Metric] = [
        Metric(
            .histogram, "holdfast_loop_lag_seconds",
            "How late timers of event loops have their turn, ten times a second each; 1 ms is the grain."
        ) {
            figures in
            .histogram(figures.sum(\.lag))
        },
        Metric(.counter, "holdfast_loop_iterations_total", ["loop"], "How often an event loop has looked for events.") { figures in
            samples("loop", figures.loops.enumerated().map { ($0, $1.io.iterationCount) })
        },
        Metric(.gauge, "holdfast_loop_connections", ["loop"], "Connections of an event loop that are up.") { figures in
            figures.loops.enumerated().map { index, loop in
                let table = loop.table
                let count = [table.opening, table.open, table.closing].reduce(0) { $0 + $1.plain + $1.tls }
                return Sample(.of(count), [("loop", "\(index)")])
            }
        },
        Metric(
            .gauge, "holdfast_loop_paused_connections",
            "Connections that aren't read because their event loop has no command credits: their senders are held back."
        ) { figures in .of(figures.sum { $0.table.paused }) },
        Metric(
            .gauge, "holdfast_credits", ["door"],
            "Command credits that a door of the core has left: an event loop's (commandsPerLoopMax), or the control API's (port)."
        ) { figures in
            figures.loops.enumerated().map { Sample(.of($1.table.creditsLeft), [("door", "loop-\($0)")]) }
                + [Sample(.of(figures.port.creditsLeft), [("door", "port")])]
        },
        Metric(.gauge, "holdfast_credit_bytes", ["door"], "The same for bytes of bodies and names (commandBytesPerLoopMax).") { figures in
            figures.loops.enumerated().map { Sample(.of($1.table.bytesLeft), [("door", "loop-\($0)")]) }
                + [Sample(.of(figures.port.bytesLeft), [("door", "port")])]
        },
        Metric(
            .gauge, "holdfast_port_requests", ["state"],
            "Requests of the control API to the core: waiting (for credits) and under_way (those included)."
        ) { figures in
            [
                Sample(.of(figures.port.waiting), [("state", "waiting")]), Sample(.of(figures.port.underWay), [("state", "under_way")]),
            ]
        },
        Metric(
            .histogram, "holdfast_core_mailbox_seconds",
            "How long a batch of commands of an event loop lies before the core's thread takes it."
        ) {
            .histogram($0.core.mailbox)
        },
        Metric(.histogram, "holdfast_core_turn_seconds", "What a turn of the core's thread takes: so long nothing else is heard.") {
            .histogram($0.core.turns)
        },
        Metric(
            .gauge, "holdfast_core_queue_length", ["queue"],
            "What waits in the core: commands of event loops (loops) and of the control API (port), commands for rows from disk (rows), "
                + "answers of readers (answers), pages on their way from disk (pages), batches that aren't synced (batches)."
        ) { figures in
            guard let core = figures.core.core else { return [] }
            let loops = core.doorCommands.prefix(figures.loops.count).reduce(0, +)
            return [
                ("loops", loops), ("port", core.doorCommands.dropFirst(figures.loops.count).reduce(0, +)),
                ("rows", core.counts.waitingCommands), ("answers", core.answers), ("pages", core.counts.pagesInFlight),
                ("batches", core.counts.unsyncedBatches),
            ].map { Sample(.of($0.1), [("queue", $0.0)]) }
        },
        Metric(
            .counter, "holdfast_core_commands_total", ["rows"],
            "Commands that the core ran: with all rows in memory (memory), or after it waited for the disk (disk)."
        ) { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("rows", [("memory", totals.commandsAtOnce), ("disk", totals.commandsAfterReads)])
        },
        Metric(
            .gauge, "holdfast_core_rows", ["kind"],
            "What the core has in memory: users, sessions, entries (of inboxes, since the last checkpoint), deliveries (unacknowledged)."
        ) { figures in
            guard let counts = figures.core.core?.counts else { return [] }
            return [
                ("users", counts.users), ("sessions", counts.sessions), ("entries", counts.entries), ("deliveries", counts.deliveries),
            ].map { Sample(.of($0.1), [("kind", $0.0)]) }
        },
        Metric(
            .counter, "holdfast_cache_hits_total", ["cache"],
            "Rows that commands found in memory, of commands that waited for none, by table."
        ) { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("cache", CoreCache.allCases.map { ($0, totals.cacheHits[$0]) })
        },
        Metric(.counter, "holdfast_cache_misses_total", ["cache"], "Rows that were read from disk for commands, by table.") { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("cache", CoreCache.allCases.map { ($0, totals.cacheMisses[$0]) })
        },
        Metric(
            .counter, "holdfast_thread_cpu_seconds_total", ["thread"],
            "Time on a CPU of an event loop's thread, and of the core's: near one second a second it is the bottleneck."
        ) { figures in
            let threads = figures.loops.enumerated().map { ("loop-\($0)", $1.cpuNanoseconds) } + [("core", figures.core.cpuNanoseconds)]
            return threads.map { Sample(.seconds($0.1, per: 1_000_000_000), [("thread", $0.0)]) }
        },
        Metric(
            .gauge, "holdfast_report_age_seconds", ["part"],
            "How old the figures of an event loop or of the core are: more than a second when its thread stands still."
        ) { figures in
            let parts = figures.loops.enumerated().map { ("loop-\($0)", $1.countedAt) } + [("core", figures.core.countedAt)]
            return parts.map { Sample(.seconds(figures.now - min(figures.now, $0.1), per: 1_000), [("part", $0.0)]) }
        },
    ]
}

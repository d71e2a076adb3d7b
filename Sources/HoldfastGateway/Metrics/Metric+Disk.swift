internal import HoldfastCore

extension Metric {
    /// Journal, checkpoints, and the files.
    static let disk: [Metric] = [
        Metric(.histogram, "holdfast_journal_commit_seconds", "What a commit to the journal takes, its sync included.") {
            .histogram($0.disk.commits)
        },
        Metric(.histogram, "holdfast_journal_commit_records", "Records in a commit.") { .histogram($0.disk.commitRecords) },
        Metric(.histogram, "holdfast_journal_commit_bytes", "Bytes in a commit.") { .histogram($0.disk.commitBytes) },
        Metric(.counter, "holdfast_journal_trimmed_records_total", "Records that nothing needs any more and that were deleted.") {
            figures in
            figures.core.core.map { .counted($0.totals.trimmedRecords) }
        },
        Metric(.gauge, "holdfast_journal_holds", "Holds that keep records from being deleted.") { figures in
            figures.core.core.map { .of($0.holds) }
        },
        Metric(.gauge, "holdfast_journal_era", "The era of new positions: a restore or a repair raises it.") { figures in
            figures.core.core.map { .of(Int($0.era)) }
        },
        Metric(.histogram, "holdfast_checkpoint_seconds", "What writing a checkpoint takes.") { .histogram($0.disk.checkpoints) },
        Metric(.gauge, "holdfast_checkpoint_age_seconds", "Since the last checkpoint began; without changes there is none.") { figures in
            figures.core.core.map { .counted($0.secondsSinceCheckpoint) }
        },
        Metric(.gauge, "holdfast_checkpoint_running", "1 from when a checkpoint begins until its rows are let go of.") { figures in
            figures.core.core.map { .of($0.isCheckpointing) }
        },
        Metric(
            .gauge, "holdfast_checkpoint_pending_entries",
            "What the next checkpoint has to write; it is due at checkpointEntries, and at checkpointEntriesMax senders are slowed."
        ) { figures in figures.core.core.map { .of($0.counts.changedEntries) } },
        Metric(.histogram, "holdfast_disk_read_seconds", "What a job of a reader takes: rows, pages, plans for trimming and expiry.") {
            .histogram($0.disk.reads)
        },
        Metric(
            .gauge, "holdfast_storage_file_bytes", ["environment"],
            "How far a file of the data directory was ever used, by environment: journal, store."
        ) { environments($0.storage, \.fileBytes) },
        Metric(.gauge, "holdfast_storage_free_bytes", ["environment"], "Pages in that file that can be used again.") {
            environments($0.storage, \.freeBytes)
        },
        Metric(.gauge, "holdfast_storage_limit_bytes", ["environment"], "What that file may hold, by storageBytesMax or the system.") {
            environments($0.storage, \.limitBytes)
        },
        Metric(.gauge, "holdfast_storage_filesystem_available_bytes", "What is free on the file system of the data directory.") { figures in
            figures.storage.availableBytes.map { .of($0) }
        },
        Metric(.gauge, "holdfast_storage_reserve_held", "1 while the reserve (reserveBytes) is kept back; 0: it had to be given up.") {
            figures in
            figures.storage.isReserveHeld.map { .of($0) }
        },
    ]

    private static func environments(_ storage: StorageFigures, _ value: (StorageFigures.Environment) -> Int) -> [Sample] {
        [("journal", storage.journal), ("store", storage.store)].compactMap { name, environment in
            environment.map { Sample(.of(value($0)), [("environment", name)]) }
        }
    }
}

/// What happens to a message for a full inbox.
package enum InboxPolicy: String, CaseIterable, Sendable {
    /// The sender is refused with `inboxFull`: nothing that was accepted is lost.
    case refuseSender
    /// The oldest messages make room; the recipient is told by a `GAP`.
    case evictWithGap
}

/// The core's limits. Every queue and table of the core has its bound here.
package struct CoreConfiguration: Sendable {
    /// An inbox is full at this many messages that not all devices have acknowledged.
    package var inboxMessagesMax: UInt32 = 200_000
    /// An inbox is full at this many bytes of bodies. Below 2 GiB, because the counters wrap.
    package var inboxBytesMax: UInt32 = 64 << 20
    /// Messages older than this leave the inbox with a `GAP`; 0 keeps them.
    package var inboxDays: UInt32 = 30
    package var inboxPolicy = InboxPolicy.refuseSender
    /// A session that was away for longer is ended at its next attach.
    package var sessionDays: UInt32 = 30
    /// Live sessions of one user; one more device is refused. At most 200, because a user's row counts its sessions in a byte.
    package var devicesPerUserMax = 32
    package var bodyBytesMax = 60 << 10
    /// The window of a session, until the client asks for a smaller one.
    package var creditMessages: UInt32 = 256
    package var creditBytes: UInt32 = 256 << 10
    /// One page of replay.
    package var pageMessagesMax = 128
    package var pageBytesMax = 64 << 10
    /// Sessions whose page is being read.
    package var pagesInFlightMax = 256
    /// Bytes of a batch for the journal at most, or one record. Where a batch is a message of a replicated log, the log's bound of a message.
    package var batchBytesMax = 8 << 20
    /// Users in RAM beyond which clean rows of users who are away are dropped.
    package var cachedUsersMax = 200_000
    /// Cached names, pairs, devices and conversations, each.
    package var cachedLookupsMax = 200_000
    /// Rows that one reader is asked for at once.
    package var readKeysMax = 512
    /// Cursors that wait for a record; beyond, they don't wait for a message's batch to ride with.
    package var cursorsPerBatchMax = 8_192
    /// Changed entries at which a checkpoint is due, and at which senders wait for it.
    package var checkpointEntries = 500_000
    package var checkpointEntriesMax = 1_000_000
    /// A checkpoint is due after this time when anything changed.
    package var checkpointMilliseconds: UInt64 = 300_000
    /// So many changed entries don't wait for that when nothing has been stored for this time: who is idle is on disk.
    package var checkpointQuietEntries = 1_000
    package var checkpointQuietMilliseconds: UInt64 = 1_000
    /// Checkpoints that are due for want of room keep this distance.
    package var checkpointRoomMilliseconds: UInt64 = 1_000
    /// Rows copied for a checkpoint in one step of the core.
    package var checkpointSliceRows = 1_000
    /// Steps of each kind of work in one run of the core: a command is two, a pushed message one, a row that was read four. So many take a few
    /// hundred microseconds.
    package var turnSteps = 1_024
    /// Deletions of records that nothing needs, in one commit.
    package var trimSliceRecords = 5_000
    /// The same while room is low.
    package var trimSliceLowRecords = 1_000
    /// With less room than this, holds are given up, so that no message has to be refused for them.
    package var holdRoomBytes = 256 << 20
    /// How often messages that are too old are looked for, and how many messages are looked at in one step.
    package var expiryMilliseconds: UInt64 = 60_000
    package var expirySliceMessages = 1_000
    /// Rows of the audit log are kept so long; 0: for ever.
    package var auditDays: UInt32 = 400
    /// How often rows that are too old are looked for, and how many are deleted in one step.
    package var auditSweepMilliseconds: UInt64 = 3_600_000
    package var auditSweepRows = 1_000
    /// Acknowledgements wait at most this long for a batch to ride with.
    package var acknowledgementDelayMilliseconds: UInt64 = 100
    /// Which times of the machine's clock are believed.
    package var clock = ClockRule()
    /// Where names and numbers lie in tables, and what full caches keep. A gateway draws its key at each start.
    package var hash = KeyedHash(low: 0, high: 0)
    /// Keys of requests that are kept. A key is kept for `keySeconds` while the ledger is below half of that, for less as it fills, down to
    /// `keySecondsMin`; when it is full, requests with new keys are refused.
    package var idempotencyKeysMax = 10_000_000
    package var keySeconds: UInt32 = 7 * 86_400
    package var keySecondsMin: UInt32 = 86_400
    /// How often keys that have outlived their promise are looked for, and how many keys are looked at in one step.
    package var keySweepMilliseconds: UInt64 = 600_000
    package var keySweepSliceRows = 4_096
    /// What a refused sender is told to wait.
    package var retryAfterMilliseconds: UInt32 = 2_000
    package init() {}

    /// How many messages one eviction takes: some more than one, so that a full inbox doesn't evict with each message.
    var evictionMessages: Int { max(1, Int(inboxMessagesMax) / 64) }
}

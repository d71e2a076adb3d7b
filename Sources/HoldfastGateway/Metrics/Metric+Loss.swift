internal import HoldfastCore
internal import HoldfastWire

extension Metric {
    /// How far the gateway is from losing messages.
    static let loss: [Metric] = [
        Metric(
            .gauge, "holdfast_undelivered_oldest_age_seconds",
            "Age of the oldest message that some inbox on disk holds, as of the last checkpoint; 0: none waits."
        ) { figures in
            guard let core = figures.core.core else { return nil }
            return .of(figures.core.oldest.map { Int(core.age - min(core.age, $0.age)) } ?? 0)
        },
        Metric(
            .gauge, "holdfast_undelivered_expiry_seconds",
            "Age at which an inbox lets go of a message, and its recipient gets a GAP (inboxDays)."
        ) { $0.core.core.map { .of(Int($0.expirySeconds)) } },
        Metric(
            .gauge, "holdfast_inboxes_near_limit", ["limit"],
            "Inboxes that are filled to more than 80 % of a limit, by the limit: messages (inboxMessagesMax), bytes (inboxBytesMax)."
        ) { figures in
            guard let inboxes = figures.core.core?.inboxes, inboxes.isKnown else { return [] }
            return [
                Sample(.of(Int(inboxes.nearMessages)), [("limit", "messages")]), Sample(.of(Int(inboxes.nearBytes)), [("limit", "bytes")]),
            ]
        },
        Metric(.gauge, "holdfast_undelivered_messages", "Places of messages in all inboxes: each until all devices of its user have it.") {
            figures in
            figures.core.core.flatMap { $0.inboxes.isKnown ? .counted($0.inboxes.messages) : nil }
        },
        Metric(.gauge, "holdfast_undelivered_bytes", "Bytes of the bodies of these messages, counted for each inbox.") { figures in
            figures.core.core.flatMap { $0.inboxes.isKnown ? .counted($0.inboxes.bytes) : nil }
        },
        Metric(
            .counter, "holdfast_messages_lost_total", ["reason"],
            "Messages that left an inbox before all devices had them, and are covered by a GAP, by its reason: evicted, expired."
        ) { figures in
            guard let lost = figures.core.core?.totals.lost else { return [] }
            return samples("reason", [.evicted, .expired].map { ($0, lost[$0]) })
        },
        Metric(
            .counter, "holdfast_damaged_reads_total",
            "Reads that met a damaged record, for which the recipient gets a GAP, or one that is missing, for which the inbox waits."
        ) { .counted($0.core.damagedReads) },
        Metric(
            .gauge, "holdfast_storage_room_bytes",
            "Bytes of records that may be stored before new messages are refused with storageFull: of disk, limits and map the narrowest."
        ) { figures in figures.core.core.flatMap { $0.roomBytes == .max ? nil : .of($0.roomBytes) } },
        Metric(.gauge, "holdfast_storage_refusing", "1 while new messages are refused for want of room.") { figures in
            figures.core.core.map { .of($0.isSpaceLow) }
        },
    ]
}

internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastWire

extension Metric {
    /// Messages on their way in, to the disk, and out.
    static let messages: [Metric] = [
        Metric(.counter, "holdfast_messages_received_total", "Messages that clients sent, repeats and refused ones included.") { figures in
            .counted(figures.sum { $0.table.messagesIn })
        },
        Metric(.counter, "holdfast_messages_received_bytes_total", "Bytes of the bodies of these messages.") { figures in
            .counted(figures.sum { $0.table.messageBytesIn })
        },
        Metric(
            .counter, "holdfast_messages_stored_total", ["source"],
            "Messages for which a record was made, one for all recipients, by who sent it: client, backend."
        ) { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("source", [("client", totals.storedForClients.count), ("backend", totals.storedForBackends.count)])
        },
        Metric(.counter, "holdfast_messages_stored_bytes_total", ["source"], "Bytes of the bodies of these messages.") { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("source", [("client", totals.storedForClients.bytes), ("backend", totals.storedForBackends.bytes)])
        },
        Metric(
            .counter, "holdfast_inbox_entries_total",
            "Places that stored messages took in inboxes: one for each recipient, and one for the sender's other devices."
        ) { figures in figures.core.core.map { .counted($0.totals.entries) } },
        Metric(
            .counter, "holdfast_pushes_total", ["outcome"],
            "Messages that backends pushed: stored, replayed (answered by what is stored under their key), or why nothing was stored."
        ) { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            return samples("outcome", PushOutcome.allCases.map { ($0, totals.pushes[$0]) })
        },
        Metric(.gauge, "holdfast_ledger_keys", "Keys of requests that the ledger keeps.") { figures in
            figures.core.core.map { .of($0.ledgerKeys) }
        },
        Metric(.gauge, "holdfast_ledger_keys_limit", "Keys that it may keep; then pushes are refused with keysFull (idempotencyKeysMax).") {
            figures in
            figures.core.core.map { .of($0.ledgerKeysMax) }
        },
        Metric(.gauge, "holdfast_ledger_key_seconds", "How long the key of a request that is stored now is kept; less as the ledger fills.")
        { figures in
            figures.core.core.map { .of(Int($0.ledgerKeySeconds)) }
        },
        Metric(.counter, "holdfast_messages_confirmed_total", "Messages that were confirmed to their clients by SENT.") { figures in
            .counted(figures.sum { $0.table.messagesConfirmed })
        },
        Metric(
            .counter, "holdfast_messages_refused_total", ["source", "code"],
            "Messages that were not stored, by who sent them (client, backend) and why; of a backend's, each recipient to whom a stored one was refused."
        ) { figures in
            guard let totals = figures.core.core?.totals else { return [] }
            // What the core can't know, a client is told by its connection.
            let toClients = RefusalCode.allCases.map { code in (code, figures.sum { $0.table.refusals[code] }) }
            let toBackends = RefusalCode.allCases.map { ($0, totals.refusedToBackends[$0]) }
            return samples("code", toClients, [("source", "client")]) + samples("code", toBackends, [("source", "backend")])
        },
        Metric(.counter, "holdfast_messages_delivered_total", "Messages written to devices, repeats included.") { figures in
            .counted(figures.sum { $0.table.messagesDelivered })
        },
        Metric(.counter, "holdfast_messages_delivered_bytes_total", "Bytes of the bodies of these messages.") { figures in
            .counted(figures.sum { $0.table.messageBytesDelivered })
        },
        Metric(
            .histogram, "holdfast_sent_latency_seconds",
            "From when an event loop took a client's message in until it wrote its SENT; messages that came and were confirmed together count "
                + "with one time."
        ) { figures in .histogram(figures.sum(\.sent)) },
        Metric(.counter, "holdfast_sessions_begun_total", "Sessions that began.") { figures in
            figures.core.core.map { .counted($0.totals.sessionsBegun) }
        },
        Metric(.counter, "holdfast_sessions_ended_total", "Sessions that ended: logged out, expired, replaced or revoked.") { figures in
            figures.core.core.map { .counted($0.totals.sessionsEnded) }
        },
        Metric(.counter, "holdfast_acts_total", "Acts of operators that were recorded for the audit log, whatever their outcome.") {
            figures in
            figures.core.core.map { .counted($0.totals.acts) }
        },
    ]
}

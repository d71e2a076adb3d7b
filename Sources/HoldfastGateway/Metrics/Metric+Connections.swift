internal import HoldfastConnection
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastWire

extension Metric {
    /// Connections, from accept to their end, and who is let in.
    static let connections: [Metric] = [
        Metric(
            .gauge, "holdfast_connections", ["state", "transport"],
            "Connections by state (handshake: TLS or PROXY header; opening: up, and no WELCOME yet; open; closing) and transport (plain, tls)."
        ) { figures in
            let states: [(String, (LoopFigures) -> (plain: Int, tls: Int))] = [
                ("handshake", { ($0.io.pendingPlainCount, $0.io.pendingTLSCount) }),
                ("opening", { ($0.table.opening.plain, $0.table.opening.tls) }), ("open", { ($0.table.open.plain, $0.table.open.tls) }),
                ("closing", { ($0.table.closing.plain, $0.table.closing.tls) }),
            ]
            return states.flatMap { state, count in
                [
                    Sample(.of(figures.sum { count($0).plain }), [("state", state), ("transport", "plain")]),
                    Sample(.of(figures.sum { count($0).tls }), [("state", state), ("transport", "tls")]),
                ]
            }
        },
        Metric(.gauge, "holdfast_connections_limit", "Connections that there may be at once (connectionsMax).") {
            .of($0.connectionsMax)
        },
        Metric(.counter, "holdfast_connections_accepted_total", "Connections taken from listeners, refused ones included.") { figures in
            .counted(figures.sum { $0.io.acceptedCount })
        },
        Metric(
            .counter, "holdfast_connections_refused_total", ["reason"],
            "Connections turned away before anything was read: no_room (descriptors, slots, or handshakes of one address), handshake_backlog."
        ) { figures in
            samples(
                "reason",
                [
                    ("no_room", figures.sum { $0.io.refusedCount }), ("handshake_backlog", figures.sum { $0.io.shedHandshakeCount }),
                ])
        },
        Metric(
            .counter, "holdfast_handshakes_total", ["outcome"],
            "TLS handshakes, and PROXY headers that failed, by outcome: full, resumed, failed, timed_out."
        ) { figures in
            let finished = figures.sum { $0.io.finishedHandshakeCount }
            let resumed = figures.sum { $0.io.resumedHandshakeCount }
            let timedOut = figures.sum { $0.io.timedOutHandshakeCount }
            let failed = figures.sum { $0.io.failedHandshakeCount }
            return samples(
                "outcome",
                [
                    ("full", finished - min(finished, resumed)), ("resumed", resumed), ("failed", failed - min(failed, timedOut)),
                    ("timed_out", timedOut),
                ])
        },
        Metric(.gauge, "holdfast_handshakes_waiting", "TLS handshakes whose first step waits for its turn.") { figures in
            .of(figures.sum { $0.io.waitingHandshakeCount })
        },
        Metric(
            .counter, "holdfast_openings_total", ["outcome"],
            "First frames (HELLO, RESUME) by what became of them: ticket and token (WELCOME), deferred (overloaded, told when to come back), "
                + "refused (another code), lost (the client went away)."
        ) { figures in
            samples(
                "outcome",
                [
                    ("ticket", figures.sum { $0.table.servedByTicket }), ("token", figures.sum { $0.table.servedByToken }),
                    ("deferred", figures.sum { $0.table.openingsDeferred }), ("refused", figures.sum { $0.table.openingsRefused }),
                    ("lost", figures.sum { $0.table.openingsLost }),
                ])
        },
        Metric(.gauge, "holdfast_storm_in_flight", "Openings between admission and WELCOME.") { figures in
            .of(figures.sum { $0.table.storm.inFlight })
        },
        Metric(.gauge, "holdfast_storm_in_flight_limit", "How many the storm control admits at once; it falls while messages suffer.") {
            figures in
            .of(figures.sum { $0.table.storm.inFlightLimit })
        },
        Metric(.gauge, "holdfast_storm_waiting", "Openings that wait for their turn.") { figures in
            .of(figures.sum { $0.table.storm.waiting })
        },
        Metric(.gauge, "holdfast_storm_openings_per_second", "Openings a second that the storm control reckons with.") { figures in
            .of(figures.sum { $0.table.storm.perSecond })
        },
        Metric(.gauge, "holdfast_storm_slots", "Sessions that were told when to come back and haven't come (slotsMax).") {
            .of($0.slots)
        },
        Metric(.counter, "holdfast_closes_total", ["code"], "Connections that the gateway closed, by the code of CLOSED.") { figures in
            samples("code", CloseCode.allCases.map { code in (code, figures.sum { $0.table.closes[code] }) })
        },
        Metric(.counter, "holdfast_connections_ended_total", ["reason"], "Connections that were up and ended, by how their socket ended.") {
            figures in
            samples("reason", DisconnectReason.allCases.map { reason in (reason, figures.sum { $0.ends[reason] }) })
        },
        Metric(.counter, "holdfast_network_received_bytes_total", "Bytes read from clients' sockets.") { figures in
            .counted(figures.sum { $0.io.receivedBytes })
        },
        Metric(.counter, "holdfast_network_sent_bytes_total", "Bytes written to clients' sockets.") { figures in
            .counted(figures.sum { $0.io.sentBytes })
        },
        Metric(
            .counter, "holdfast_token_checks_total", ["outcome"],
            "Checks of tokens that clients show: good, the code that a refused one is answered with, or overloaded (tokenChecksMax)."
        ) { figures in
            var codes: [CloseCode] = []
            for code in TokenError.allCases.map(\.closeCode) where !codes.contains(code) { codes.append(code) }
            return samples(
                "outcome",
                [("good", figures.tokens.good), ("overloaded", figures.tokens.overloaded)]
                    + codes.map { ("\($0)", figures.tokens.refused[$0]) })
        },
        Metric(.histogram, "holdfast_token_check_seconds", "What a check of a token takes, without its wait.") {
            .histogram($0.tokens.checks)
        },
        Metric(.gauge, "holdfast_token_checks_waiting", "Tokens that wait for their check, or are being checked.") {
            .of($0.tokens.waiting)
        },
        Metric(
            .gauge, "holdfast_tls_certificate_expiry_timestamp_seconds",
            "When the certificate that is shown to clients ends, since 1970; nothing without a TLS listener."
        ) { $0.certificate.map { .whole($0.last) } },
    ]
}

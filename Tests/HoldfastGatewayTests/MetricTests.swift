import Foundation
import HoldfastCore
import HoldfastWire
import TestTraits
import Testing

@testable import HoldfastGateway

/// The metrics of a gateway that serves, by their values.
@Suite(.takesTurns, .timeLimit(.minutes(10))) struct MetricTests {
    /// A scrape: samples by name and labels.
    private struct Scrape {
        var values: [String: MetricFamily.Value] = [:]

        init(_ gateway: TestGateway) async throws {
            let figures = try #require(await gateway.gateway.figures())
            for metric in Metric.all {
                for sample in metric.family(figures).samples {
                    values[MetricTests.key(metric.name, sample.labels.map { "\($0.name)=\($0.value)" })] = sample.value
                }
            }
        }

        func number(_ name: String, _ labels: String...) -> Int {
            switch values[MetricTests.key(name, labels)] {
            case .whole(let number): Int(number)
            case .counted(let number): Int(number)
            default: -1
            }
        }

        func count(_ name: String) -> Int {
            guard case .histogram(let histogram) = values[name] else { return -1 }
            return Int(histogram.count)
        }
    }

    private static func key(_ name: String, _ labels: [String]) -> String { ([name] + labels).joined(separator: " ") }

    @Test func `messages, connections and commits are counted where they happen`() async throws {
        let gateway = try await TestGateway {
            $0.tlsListen = ["127.0.0.1:0"]
            $0.inboxMessagesMax = 10
        }
        let (alice, _) = try await gateway.connect("alice")
        let (bob, _) = try await gateway.connect("bob")
        for sequence in UInt64(1)...9 { try alice.sendTo("carol", "carol \(sequence)", sequence) }
        for sequence in UInt64(10)...12 { try alice.sendTo("bob", "bob \(sequence)", sequence) }
        #expect(try alice.waitForSent(12))
        #expect(try bob.receive(3).count == 3)
        let scrape = try await Scrape(gateway)
        #expect(scrape.number("holdfast_connections", "state=open", "transport=plain") == 2)
        #expect(scrape.number("holdfast_connections", "state=opening", "transport=plain") == 0)
        #expect(scrape.number("holdfast_openings_total", "outcome=token") == 2)
        #expect(scrape.number("holdfast_sessions_begun_total") == 2)
        #expect(scrape.number("holdfast_messages_received_total") == 12)
        #expect(scrape.number("holdfast_messages_stored_total", "source=client") == 12)
        #expect(scrape.number("holdfast_messages_stored_bytes_total", "source=client") == 9 * 7 + 3 * 6)
        #expect(scrape.number("holdfast_messages_confirmed_total") == 12)
        #expect(scrape.number("holdfast_messages_delivered_total") == 3)
        #expect(scrape.count("holdfast_sent_latency_seconds") == 12, "each message has its time")
        #expect(scrape.number("holdfast_undelivered_messages") == 12, "nobody has acknowledged")
        #expect(scrape.number("holdfast_inboxes_near_limit", "limit=messages") == 1)
        #expect(scrape.number("holdfast_messages_refused_total", "source=client", "code=inboxFull") == 0)
        #expect(scrape.count("holdfast_journal_commit_seconds") > 0)
        #expect(scrape.count("holdfast_token_check_seconds") == 2)
        #expect(scrape.number("holdfast_token_checks_total", "outcome=good") == 2)
        #expect(scrape.number("holdfast_tls_certificate_expiry_timestamp_seconds") > 1_700_000_000)
        #expect(scrape.number("process_open_fds") > 5 && scrape.number("process_resident_memory_bytes") > 1 << 20)
        #expect(scrape.number("holdfast_credits", "door=loop-0") > 0)

        // A refused message, a refused token, and connections that end.
        for sequence in UInt64(13)...14 { try alice.sendTo("carol", "more", sequence) }
        var (isRefused, isSent) = (false, false)
        while !isRefused || !isSent {
            switch try alice.next() {
            case .refused?: isRefused = true
            case .sent?: isSent = true
            case nil: throw Unexpected(nil)
            default: break
            }
        }
        let stranger = try gateway.hello(token: Array("no token".utf8))
        while let frame = try stranger.next() { if case .closed = frame { break } }
        bob.disconnect()
        var after = try await Scrape(gateway)
        while after.number("holdfast_connections", "state=open", "transport=plain") > 1 { after = try await Scrape(gateway) }
        #expect(after.number("holdfast_messages_refused_total", "source=client", "code=inboxFull") == 1)
        #expect(after.number("holdfast_closes_total", "code=tokenInvalid") == 1)
        #expect(after.number("holdfast_openings_total", "outcome=refused") == 1)
        #expect(after.number("holdfast_token_checks_total", "outcome=tokenInvalid") == 1)
        #expect(after.number("holdfast_connections_ended_total", "reason=peerClosed") >= 1)
        alice.disconnect()
        #expect(after.number("holdfast_messages_confirmed_total") == 13)
        await gateway.stop()
        #expect(try await Scrape(gateway).number("holdfast_messages_confirmed_total") == 13, "the last figures stay")
    }

    @Test func `counters never fall, and no series comes late`() async throws {
        let gateway = try await TestGateway()
        var last = try await Scrape(gateway)
        for round in UInt64(0)..<5 {
            let (alice, _) = try await gateway.connect("alice\(round)")
            for sequence in UInt64(1)...20 { try alice.sendTo("bob", "text", sequence) }
            #expect(try alice.waitForSent(20))
            alice.disconnect()
            let next = try await Scrape(gateway)
            for metric in Metric.all where metric.kind != .gauge {
                for (key, value) in next.values where key.split(separator: " ").first.map(String.init) == metric.name {
                    let before = try #require(last.values[key], "\(key) was not there before")
                    #expect(Self.isRisen(from: before, to: value), "\(key) fell from \(before) to \(value)")
                }
            }
            last = next
        }
        await gateway.stop()
    }

    private static func isRisen(from before: MetricFamily.Value, to after: MetricFamily.Value) -> Bool {
        switch (before, after) {
        case (.counted(let before), .counted(let after)): before <= after
        case (.whole(let before), .whole(let after)): before <= after
        case (.real(let before), .real(let after)): before <= after
        case (.histogram(let before), .histogram(let after)):
            before.sum <= after.sum && zip(before.counts, after.counts).allSatisfy { $0 <= $1 }
        default: false
        }
    }

    @Test func `names and labels follow the rules of Prometheus, and tell of nobody`() async throws {
        #expect(Set(Metric.all.map(\.name)).count == Metric.all.count, "a name is one metric's")
        let name = /(holdfast|process)_[a-z][a-z0-9_]*/
        let forbidden: Set = ["user", "device", "address", "token", "session", "name", "le"]
        for metric in Metric.all {
            #expect(metric.name.wholeMatch(of: name) != nil, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            #expect(metric.help.hasSuffix(".") && !metric.help.contains("|"), "\(metric.name)")
            for label in metric.labels { #expect(!forbidden.contains(label) && label.wholeMatch(of: /[a-z_]+/) != nil, "\(metric.name)") }
        }
        let gateway = try await TestGateway()
        let figures = try #require(await gateway.gateway.figures())
        for metric in Metric.all {
            let family = metric.family(figures)
            #expect(Set(family.samples.map { $0.labels.map(\.value) }).count == family.samples.count, "\(metric.name) says something twice")
            for sample in family.samples {
                #expect(sample.labels.map(\.name) == metric.labels, "\(metric.name)")
                if case .histogram = sample.value { #expect(metric.kind == .histogram) } else { #expect(metric.kind != .histogram) }
            }
        }
        await gateway.stop()
    }

    @Test func `the runbook has the table of metrics as it is`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let runbook = try String(contentsOf: root.appendingPathComponent("Sources/holdfast/RUNBOOK.md"), encoding: .utf8)
        #expect(runbook.contains(Metric.markdownTable), "RUNBOOK.md needs this table:\n\(Metric.markdownTable)")
    }
}

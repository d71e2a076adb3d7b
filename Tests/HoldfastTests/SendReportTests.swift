import HoldfastClient
import Testing

@testable import holdfast

@Suite struct SendReportTests {
    @Test func `neighbours with one reason are one entry, and what wasn't read comes last`() {
        let report = SendReport(
            durableCount: 4, skippedCount: 2, failures: [3: .bodyTooLarge, 4: .bodyTooLarge, 9: .inboxFull], pending: [10, 11, 12],
            unreadFrom: 13, waiting: .kept)
        #expect(!report.isComplete)
        #expect(
            report.lines(noun: "line") == [
                "lines 3-4: bodyTooLarge: longer than the gateway takes (bodyBytesMax)", "line 9: inboxFull: the recipient's inbox is full",
                "lines 10-12: not stored yet; kept in the outbox", "line 13 and what follows: not read",
            ])
        #expect(
            report.json.string
                == """
                {"complete":false,"durable":4,"skipped":2,"notDurable":[{"first":3,"last":4,"reason":"bodyTooLarge: longer than the \
                gateway takes (bodyBytesMax)"},{"first":9,"last":9,"reason":"inboxFull: the recipient's inbox is full"},\
                {"first":10,"last":12,"reason":"not stored yet; kept in the outbox"},{"first":13,"reason":"not read"}]}
                """)
    }

    @Test func `what an interruption left is not called late`() {
        let report = SendReport(durableCount: 1, skippedCount: 0, failures: [:], pending: [2, 3], unreadFrom: nil, waiting: .interrupted)
        #expect(report.lines(noun: "line") == ["lines 2-3: interrupted; if it was on its way it may be stored"])
    }

    @Test func `progress has a share where the size of the input is known, and is never all before the end`() {
        var ledger = SendLedger(now: .now)
        ledger.skipped(bytes: 30)
        ledger.skippedCount = 3
        ledger.began(2, now: .now)
        ledger.stored(bytes: 20, now: .now)
        #expect(ledger.progress(of: nil) == "1 stored, 1 on their way, 3 of an earlier run")
        #expect(ledger.progress(of: 200) == "25 %, 1 stored, 1 on their way, 3 of an earlier run")
        ledger.failed(5, .inboxFull, bytes: 150, now: .now)
        #expect(ledger.progress(of: 200) == "99 %, 1 stored, 0 on their way, 3 of an earlier run")
        #expect(ledger.progress(of: 0) == "1 stored, 0 on their way, 3 of an earlier run")
    }

    @Test func `nothing missing is complete`() {
        let report = SendReport(durableCount: 1, skippedCount: 0, failures: [:], pending: [], unreadFrom: nil, waiting: .tooLate)
        #expect(report.isComplete)
        #expect(report.json.string == #"{"complete":true,"durable":1,"skipped":0,"notDurable":[]}"#)
    }

    @Test func `what is stored is what the outbox has let go of, whoever has heard of it`() {
        var ledger = SendLedger(now: .now)
        ledger.takenBefore = 10
        ledger.pendingBefore = [9, 10]
        // 11 to 100 were handed over, and 9 and 10 were there: 20 wait, one failed, and one failure is an earlier run's.
        #expect(ledger.storedCount(taken: 100, pending: Array(81...100), failed: [50, 3]) == 92 - 21)
        #expect(ledger.storedCount(taken: 100, pending: [9] + Array(81...100), failed: []) == 92 - 21)
        #expect(ledger.storedCount(taken: 10, pending: [], failed: []) == 2)
        #expect(SendLedger(now: .now).storedCount(taken: 0, pending: [], failed: []) == 0)
    }
}

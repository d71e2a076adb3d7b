import Testing

@testable import holdfast_load

@Suite struct HostileVerdictTests {
    private static let good = HostileVerdict(
        expects: ["fenced"], bytesPerUnitMax: 1000, answers: ["fenced": 3, "welcome": 4], units: 20_000, bytes: 19e6, bytesPerUnit: 950,
        descriptorsMax: 1000, descriptors: 999)

    @Test func `a run as it should be has no violation`() { #expect(Self.good.violations == []) }

    @Test func `each thing that must not be is a violation of its own`() {
        let changes: [(String, (inout HostileVerdict) -> Void)] = [
            ("the gateway ended", { $0.gatewayDied = true }),
            ("honest clients lost 1 connections", { $0.connectionsLost = 1 }),
            ("honest clients lost 2 messages", { $0.messagesLost = 2 }),
            ("1 honest messages came twice, out of order, damaged or are of unknown fate", { $0.messagesWrong = 1 }),
            ("no honest message came", { $0.delivered = 0 }),
            ("the attack never began", { $0.units = 0 }),
            ("the gateway never answered 'fenced'", { $0.answers["fenced"] = nil }),
            ("the attack holds 1001 of the gateway's descriptors, more than 1000", { $0.descriptors = 1001 }),
            ("the gateway answered 'internalError' 1 times", { $0.answers["internalError"] = 1 }),
            (
                "a unit holds 1100 B of the gateway's memory, more than 1000",
                {
                    $0.bytes = 22e6; $0.bytesPerUnit = 1100
                }
            ),
        ]
        for (text, change) in changes {
            var verdict = Self.good
            change(&verdict)
            #expect(verdict.violations == [text])
        }
    }

    @Test func `what few units hold is the allocator's noise`() {
        var verdict = Self.good
        (verdict.units, verdict.bytes, verdict.bytesPerUnit) = (2, 1e6, 5e5)
        #expect(verdict.violations == [])
    }

    @Test func `every case has a name of its own, and all means all`() throws {
        let names = HostileCase.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(try HostileCase.named("all").count == names.count)
        #expect(try HostileCase.named("silent-tcp,two-phones").map(\.name) == ["silent-tcp", "two-phones"])
        #expect(throws: LoadError.self) { try HostileCase.named("nonsense") }
    }

    @Test func `a tally's difference is what came since`() {
        var tally = AttackTally()
        tally.units = 3
        tally.count("fenced", 2)
        let before = tally
        tally.units += 4
        tally.count("fenced")
        tally.count("welcome")
        let since = tally.since(before)
        #expect(since.units == 4)
        #expect(since.answers == ["fenced": 1, "welcome": 1])
    }

    @Test func `statuses are found wherever the answers are cut`() {
        let text = Array("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 is no line of a status: HTTP/1.1 x00HTTP/1.1 503 \r\n\r\n".utf8)
        for cut in 0...text.count {
            var scanner = StatusScanner()
            let found = [text[..<cut], text[cut...]].flatMap { part in
                let bytes = Array(part)
                return scanner.statuses(in: bytes.span)
            }
            #expect(found == ["200", "503"])
        }
    }
}

import Testing

@testable import holdfast_load

@Suite struct NetworkResultTests {
    private static var good: NetworkResult {
        var result = NetworkResult(name: "address")
        (result.sent, result.acknowledged, result.delivered) = (10, 10, 10)
        return result
    }

    @Test func `a run as it should be has no violation`() {
        #expect(Self.good.judged(recovered: true, halfOpenGone: true, hadEffect: true) == [])
    }

    @Test func `each thing that must not be is a violation of its own`() {
        let changes: [(String, (inout NetworkResult) -> Void)] = [
            ("1 acknowledged messages never came", { $0.lost = 1 }), ("2 messages came twice", { $0.duplicated = 2 }),
            ("1 messages came out of order", { $0.reordered = 1 }),
            ("1 messages were damaged, foreign or never sent", { $0.corrupted = 1 }),
            ("the fate of 1 messages is unknown", { $0.unknown = 1 }), ("1 messages were refused", { $0.refused = 1 }),
            ("no message came", { $0.delivered = 0 }), ("hole in the stream: 1", { $0.faults["hole in the stream"] = 1 }),
        ]
        for (text, change) in changes {
            var result = Self.good
            change(&result)
            #expect(result.judged(recovered: true, halfOpenGone: true, hadEffect: true) == [text])
        }
        #expect(Self.good.judged(recovered: false, halfOpenGone: true, hadEffect: true) == ["not recovered in time"])
        #expect(Self.good.judged(recovered: true, halfOpenGone: false, hadEffect: true).count == 1)
        #expect(Self.good.judged(recovered: true, halfOpenGone: true, hadEffect: false).count == 1)
    }

    @Test func `every case has a name of its own, and all means all`() throws {
        let names = NetworkCase.all.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(try NetworkCase.named("all").count == names.count)
        #expect(try NetworkCase.named("loss,address").map(\.name) == ["loss", "address"])
        #expect(throws: LoadError.self) { try NetworkCase.named("nonsense") }
    }
}

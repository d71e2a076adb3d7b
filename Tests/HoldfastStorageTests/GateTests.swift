import HoldfastCore
import Testing

@testable import HoldfastStorage

@Suite struct GateTests {
    @Test func `after a failure alone nobody gets in any more`() {
        let gate = Gate()
        let failure = StorageError(.system, "gone")
        #expect(throws: Never.self) { try gate.enter { () throws(StorageError) in } }
        #expect(throws: failure) { try gate.alone { () throws(StorageError) in throw failure } }
        #expect(throws: failure) { try gate.enter { () throws(StorageError) in Issue.record("inside") } }
        #expect(throws: failure) { try gate.alone { () throws(StorageError) in Issue.record("inside") } }
    }
}

import HoldfastTestSupport
import HoldfastWire
import Testing

@testable import HoldfastCore

@Suite struct VerificationTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `whatever happens and whenever it crashes, what is on disk is intact`(seed: UInt64) throws {
        let run = try CoreModelRun(seed: seed)
        var operations = 0
        run.observe = { storage in
            operations += 1
            guard operations.isMultiple(of: 8) else { return }
            let findings = try Verification.run(on: storage).findings
            if let finding = findings.first { run.harness.fail("seed \(seed), operation \(operations): \(finding)") }
        }
        try run.run(operations: 200)
        #expect(run.harness.problems.isEmpty, "\(run.harness.problems.first ?? "")")
        #expect(operations == 200)
    }

    @Test func `what was read is counted`() throws {
        let storage = try DamagedStorage(tail: false).storage
        let (findings, counts) = try Verification.run(on: storage)
        #expect(findings.isEmpty, "\(findings)")
        #expect(counts.users == 3 && counts.conversations == 2 && counts.inboxEntries == 8)
        #expect(counts.records == storage.recordCount)
    }

    @Test(arguments: StorageDamage.allCases) func `each damage is found, and named`(damage: StorageDamage) throws {
        let damaged = try DamagedStorage(tail: damage.isOfTail)
        try damaged.apply(damage)
        let findings = try Verification.run(on: damaged.storage).findings
        #expect(findings.contains { $0.kind == damage.finding }, "\(findings)")
        #expect(findings.allSatisfy { !$0.problem.isEmpty && !$0.effect.isEmpty && !$0.advice.isEmpty })
        let place = damage.place(in: damaged)
        #expect(findings.contains { $0.table == place.table && (place.row == nil || $0.row == place.row) }, "\(findings)")
        #expect(findings.contains { place.position == nil || $0.position == place.position?.rawValue }, "\(findings)")
        // Whom it concerns is said where it can be known.
        if damage.concernsBob { #expect(findings.contains { $0.users.contains("bob") }, "\(findings)") }
    }
}

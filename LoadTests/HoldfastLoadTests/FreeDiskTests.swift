import Foundation
import Testing

@testable import holdfast_load

/// Room on the disk: what a run is taken to need, and what it is told when there isn't that much.
@Suite struct FreeDiskTests {
    @Test func `a run needs what its gateway, messages and users take`() {
        #expect(FreeDisk.need(messages: 0, bodyBytes: 100) == 128 << 20)
        #expect(FreeDisk.need(messages: 1_000, bodyBytes: 100, users: 10) == 128 << 20 + 1_000 * 525 + 15_000)
        // Nobody's disk has that: it's refused, not wrapped around.
        #expect(FreeDisk.need(messages: 1e300, bodyBytes: 100) > 1 << 55)
    }

    @Test func `a rate needs its messages, and the highest one as many as there may be`() {
        #expect(FreeDisk.messages(.perSecond(50), seconds: 4) == 200)
        #expect(FreeDisk.messages(.max, seconds: 2) == 400_000)
    }

    @Test func `a disk without the room is named, also for a folder that isn't there yet`() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/not/there/yet"
        let error = #expect(throws: LoadError.self) { try FreeDisk.check(folder, bytes: 1 << 60) }
        for part in ["MB free", "this run needs about \(1 << 40) MB", "make room"] {
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)")
        }
        try FreeDisk.check(folder, bytes: 1)
    }
}

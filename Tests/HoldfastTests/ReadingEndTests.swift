import Glibc
import HoldfastIO
import Testing

@testable import holdfast

/// A process that read a directory and ended before it was through: damage, or not.
@Suite struct ReadingEndTests {
    private let memory = MemoryLimit(bytes: 100 << 20, source: "/sys/fs/cgroup/box/memory.max")

    @Test(arguments: [ReadingEnd.exited(73), .exited(76), .signalled(SIGSEGV), .signalled(SIGILL), .signalled(SIGABRT)])
    func `what a damaged page does to it is damage`(end: ReadingEnd) {
        #expect(end.reasonOtherThanDamage(memory, addressSpace: nil) == nil)
    }

    @Test func `a kill is none, and the memory limit is named`() throws {
        let reason = try #require(ReadingEnd.signalled(SIGKILL).reasonOtherThanDamage(memory, addressSpace: nil))
        #expect(reason.contains("signal 9") && reason.contains("100 MiB by /sys/fs/cgroup/box/memory.max"))
        #expect(ReadingEnd.signalled(SIGKILL).reasonOtherThanDamage(nil, addressSpace: nil)?.contains("limit") == false)
    }

    @Test(arguments: [
        ReadingEnd.signalled(SIGTERM), .signalled(SIGXCPU), .signalled(SIGHUP), .exited(72), .exited(75), .exited(127), .exited(0),
    ])
    func `neither is an end by others or by the system`(end: ReadingEnd) {
        #expect(end.reasonOtherThanDamage(memory, addressSpace: nil) != nil)
    }

    @Test func `a crash where the address space is limited says nothing`() {
        #expect(ReadingEnd.signalled(SIGILL).reasonOtherThanDamage(memory, addressSpace: 1 << 30)?.contains("ulimit -v") == true)
    }
}

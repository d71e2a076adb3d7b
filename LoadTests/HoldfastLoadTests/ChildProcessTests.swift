import Foundation
import Glibc
import Testing

@testable import holdfast_load

@Suite struct ChildProcessTests {
    @Test func `a child can be interrupted, whatever the thread that starts it blocks`() throws {
        var blocked = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&blocked)
        unsafe pthread_sigmask(SIG_BLOCK, &blocked, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        let (text, status) = try ChildProcess("/bin/grep", ["SigBlk", "/proc/self/status"]).finish()
        #expect(status == 0 && text == "SigBlk:\t0000000000000000\n")
    }

    @Test func `what this program has started is no stranger`() throws {
        let child = try ChildProcess("/bin/sh", ["-c", "echo; read line"])
        _ = try child.readLine()
        #expect(Stopwatch.family(without: nil)[child.pid] != nil)
        #expect(Stopwatch.family(without: child.pid)[child.pid] == nil)
        #expect(Stopwatch.family(without: nil)[getpid()] == nil)
    }
}

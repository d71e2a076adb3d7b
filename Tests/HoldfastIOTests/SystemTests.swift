import CLinux
import Foundation
import Glibc
import Synchronization
import Testing

@testable import HoldfastIO

@Suite struct SystemTests {
    @Test func `a thread has its name and is joined`() throws {
        let name = Mutex("")
        let handle = try startThread(name: "a-name-that-is-too-long") {
            let text = (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
            name.withLock { $0 = text }
        }
        handle.join()
        #expect(name.withLock { $0 } == "a-name-that-is-\n")
    }

    @Test func `a signal becomes a call, and stop restores what it did`() throws {
        let seen = Mutex<[Signal]>([])
        let came = DispatchSemaphore(value: 0)
        let watcher = try SignalWatcher([.hangUp]) { signal in
            seen.withLock { $0.append(signal) }
            came.signal()
        }
        kill(getpid(), SIGHUP)
        #expect(came.wait(timeout: .now() + 30) == .success)
        #expect(seen.withLock { $0 } == [.hangUp])
        watcher.stop()
        var action = sigaction()
        unsafe sigaction(SIGHUP, nil, &action)
        #expect(unsafe action.__sigaction_handler.sa_handler == nil)
    }

    @Test func `an error says what was tried and why`() {
        #expect(IOError("bind 127.0.0.1:1", errno: EACCES).description == "bind 127.0.0.1:1: Permission denied")
        #expect(IOError("load x", reason: "no PEM").description == "load x: no PEM")
    }
}

import CLinux
import Glibc
import Testing

@testable import HoldfastIO

/// At limits of the system. Each runs in a process of its own, since the limits are the process's.
@Suite struct SystemLimitTests {
    @Test func `a loop without descriptors is an error that names their limit`() async {
        await #expect(processExitsWith: .success) {
            #expect(clinux_set_descriptor_limit(6) == 0)
            while dup(0) >= 0 {}
            do throws(IOError) {
                _ = try EventLoop(EventLoopConfiguration())
                Issue.record("it was made")
            } catch {
                #expect(error.description.contains("the limit of open descriptors is 6"), "\(error)")
            }
        }
    }

    @Test func `a loop without address space is an error that names the limit`() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 1 << 40, rlim_max: 1 << 40)
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            var configuration = EventLoopConfiguration()
            configuration.connectionCountMax = 1 << 35
            do throws(IOError) {
                _ = try EventLoop(configuration)
                Issue.record("it was made")
            } catch {
                #expect(error.description.contains("the limit of address space is \(1 << 40) bytes"), "\(error)")
            }
        }
    }

    @Test func `threads that can't be had are said, and those that can are given back`() async {
        await #expect(processExitsWith: .success) {
            // Each has a stack of some megabytes.
            var limit = rlimit(rlim_cur: 2 << 30, rlim_max: 2 << 30)
            unsafe setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
            for _ in 0..<3 {
                try ThreadLimit.require(4)
                do throws(IOError) {
                    try ThreadLimit.require(4000)
                    Issue.record("there are that many")
                } catch {
                    #expect(error.description.contains("start 4000 threads") && error.description.contains("ulimit -v"), "\(error)")
                }
            }
        }
    }
}

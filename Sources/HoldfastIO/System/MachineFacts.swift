internal import CLinux
internal import Glibc
internal import HoldfastSystem

/// What the system says of itself, as far as a gateway depends on it. What it doesn't say is nil.
package struct MachineFacts: Equatable, Sendable {
    package var kernel: String?
    package var openSSL = ""
    /// Descriptors that this process may have.
    package var descriptorsMax: Int?
    /// Threads that this process may have: by its control groups and by its user's limit.
    package var threadsMax: Int?
    package var somaxconn: Int?
    package var synBacklogMax: Int?
    package var hasSynCookies: Bool?
    /// Ports for outgoing connections.
    package var localPorts: ClosedRange<Int>?
    /// Pages that all TCP sockets may take together.
    package var tcpPagesMax: Int?
    package var pageBytes = 4096
    package var memoryAvailableBytes: Int?
    package var memoryLimit: MemoryLimit?
    /// 0 heuristic, 1 always, 2 never more than there is.
    package var overcommit: Int?
    /// `always`, `madvise` or `never`.
    package var hugePages: String?
    package var isClockSynchronised: Bool?
    /// Seconds since 1970.
    package var wallSeconds: UInt64 = 0

    package init() {}

    /// Asks the system.
    package static func read() -> MachineFacts {
        var facts = MachineFacts()
        facts.kernel = SystemFile.text("/proc/sys/kernel/osrelease")
        facts.openSSL = OpenSSLLibrary.version
        var (soft, hard): (UInt64, UInt64) = (0, 0)
        if unsafe clinux_get_descriptor_limit(&soft, &hard) == 0 { facts.descriptorsMax = Int(clamping: hard) }
        let groups = ControlGroup.all("pids", root: "").compactMap { $0.number("pids.max", root: "") }
        // Root has no limit of its own.
        let user = geteuid() == 0 ? nil : SystemLimit.threads.value
        facts.threadsMax = (groups + [user].compactMap(\.self)).min()
        facts.somaxconn = numbers("/proc/sys/net/core/somaxconn").first
        facts.synBacklogMax = numbers("/proc/sys/net/ipv4/tcp_max_syn_backlog").first
        facts.hasSynCookies = numbers("/proc/sys/net/ipv4/tcp_syncookies").first.map { $0 != 0 }
        let ports = numbers("/proc/sys/net/ipv4/ip_local_port_range")
        if ports.count == 2, ports[0] <= ports[1] { facts.localPorts = ports[0]...ports[1] }
        facts.tcpPagesMax = numbers("/proc/sys/net/ipv4/tcp_mem").last
        facts.pageBytes = max(1, sysconf(Int32(_SC_PAGESIZE)))
        facts.memoryAvailableBytes = memoryAvailable()
        facts.memoryLimit = .read()
        facts.overcommit = numbers("/proc/sys/vm/overcommit_memory").first
        facts.hugePages = SystemFile.text("/sys/kernel/mm/transparent_hugepage/enabled").flatMap(chosen)
        let state = clinux_clock_is_synchronised()
        if state >= 0 { facts.isClockSynchronised = state == 1 }
        facts.wallSeconds = UInt64(max(0, time(nil)))
        return facts
    }

    private static func memoryAvailable() -> Int? {
        let line = (SystemFile.text("/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }

    /// Of "always [madvise] never" what stands in brackets.
    static func chosen(_ text: String) -> String? {
        text.split(separator: " ").first { $0.hasPrefix("[") && $0.hasSuffix("]") }.map { String($0.dropFirst().dropLast()) }
    }

    private static func numbers(_ path: String) -> [Int] {
        (SystemFile.text(path) ?? "").split { $0 == " " || $0 == "\t" || $0 == "\n" }.compactMap { Int($0) }
    }
}

internal import Glibc
internal import HoldfastSystem

/// What the system counts of this process, for metrics. What it doesn't say is nil.
package struct ProcessFigures: Equatable, Sendable {
    /// Of all threads that there were.
    package var cpuNanoseconds: UInt64 = 0
    package var residentBytes: UInt64?
    package var virtualBytes: UInt64?
    package var descriptors: Int?
    package var descriptorsMax: Int?
    /// Since 1970, in milliseconds.
    package var startMilliseconds: UInt64?

    /// Of nothing.
    package init() {}

    /// Asks the system.
    package static func read() -> ProcessFigures {
        var figures = ProcessFigures()
        figures.cpuNanoseconds = cpuNanoseconds(CLOCK_PROCESS_CPUTIME_ID)
        if let fields = SystemFile.text("/proc/self/stat").flatMap(StatLine.init)?.fields, fields.count > 21 {
            figures.virtualBytes = UInt64(fields[20])
            figures.residentBytes = UInt64(fields[21]).map { $0 * UInt64(max(1, getpagesize())) }
        }
        figures.startMilliseconds = start
        figures.descriptors = descriptorCount()
        figures.descriptorsMax = SystemLimit.descriptors.value
        return figures
    }

    /// The line of a process in `/proc`: the fields behind its name, which may hold anything.
    struct StatLine {
        /// From the third field of proc(5) on, the state.
        let fields: [Substring]

        init?(_ text: String) {
            guard let close = text.lastIndex(of: ")") else { return nil }
            fields = text[text.index(after: close)...].split(separator: " ")
        }
    }

    private static let ticksPerSecond = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))

    /// It doesn't change, but for the steps of a clock that is set.
    private static let start: UInt64? = {
        guard let fields = SystemFile.text("/proc/self/stat").flatMap(StatLine.init)?.fields, fields.count > 19,
            let ticks = UInt64(fields[19]),
            let boot = SystemFile.text("/proc/stat")?.split(separator: "\n").first(where: { $0.hasPrefix("btime ") })
                .flatMap({ UInt64($0.dropFirst(6)) })
        else { return nil }
        return boot * 1000 + ticks * 1000 / ticksPerSecond
    }()

    /// Since Linux 6.2 the folder's size says it; before, its names have to be counted.
    private static func descriptorCount() -> Int? {
        var facts = stat()
        guard unsafe stat("/proc/self/fd", &facts) == 0 else { return nil }
        return facts.st_size > 0 ? Int(facts.st_size) : countNames(in: "/proc/self/fd")
    }

    private static func countNames(in folder: String) -> Int? {
        guard let directory = unsafe opendir(folder) else { return nil }
        defer { unsafe closedir(directory) }
        // Its own, the folder's, and the one above.
        var count = -3
        while unsafe readdir(directory) != nil { count += 1 }
        return count
    }

    /// Of the calling thread, on a CPU.
    package static func threadNanoseconds() -> UInt64 { cpuNanoseconds(CLOCK_THREAD_CPUTIME_ID) }

    private static func cpuNanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        guard unsafe clock_gettime(clock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

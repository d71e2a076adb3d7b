internal import HoldfastCore
internal import HoldfastIO

extension Metric {
    /// The program and its process, by the names that other programs use, too.
    static let process: [Metric] = [
        Metric(.gauge, "holdfast_build_info", ["version", "format"], "1; the version of the program and the format of its data directory.")
        { _ in
            [Sample(.of(1), [("version", Release.version), ("format", "\(StorageFormat.current.rawValue)")])]
        },
        Metric(.gauge, "holdfast_draining", "1 once the gateway has begun to stop.") { .of($0.isDraining) },
        Metric(.counter, "process_cpu_seconds_total", "Time on a CPU of the whole process, the system's for it included.") {
            .seconds($0.process.cpuNanoseconds, per: 1_000_000_000)
        },
        Metric(.gauge, "process_resident_memory_bytes", "Memory that the process has, pages of its files included.") { figures in
            figures.process.residentBytes.map { .counted($0) }
        },
        Metric(.gauge, "process_virtual_memory_bytes", "Address space of the process; the maps of journal and store are most of it.") {
            figures in
            figures.process.virtualBytes.map { .counted($0) }
        },
        Metric(.gauge, "process_open_fds", "Descriptors that are open.") { figures in figures.process.descriptors.map { .of($0) } },
        Metric(.gauge, "process_max_fds", "Descriptors that may be.") { figures in figures.process.descriptorsMax.map { .of($0) } },
        Metric(.gauge, "process_start_time_seconds", "When the process began, since 1970.") { figures in
            figures.process.startMilliseconds.map { .seconds($0, per: 1_000) }
        },
    ]
}

internal import Glibc
internal import HoldfastCore
internal import HoldfastIO
internal import HoldfastSystem

/// How a process ended that reads a directory which may be damaged.
enum ReadingEnd: Equatable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var description: String {
        switch self {
        case .exited(let code): "ended with code \(code)"
        case .signalled(let signal): "was ended by signal \(signal)"
        }
    }

    /// The signals that a process raises itself when a page makes no sense.
    private static let crashes = [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE]

    /// What damage ends a reader with.
    private static let damaged = [StorageError.Code.damaged, .newerFormat].map { StorageError($0, "").exitCode }

    /// Why it ended before it had read everything; nil: a damaged page may have been the reason.
    var reasonOtherThanDamage: String? {
        reasonOtherThanDamage(MemoryLimit.read(), addressSpace: SystemLimit.addressSpaceBytes.value)
    }

    /// Why it ended before it had read everything, unless a damaged page may have been the reason.
    /// - Parameters:
    ///   - memory: the most that the process may take.
    ///   - addressSpace: the limit of its address space, if there is one: without memory a process crashes as at a damaged page.
    func reasonOtherThanDamage(_ memory: MemoryLimit?, addressSpace: Int?) -> String? {
        switch self {
        case .exited(let code):
            return Self.damaged.contains(code) ? nil : "The reader \(self) before it had read everything"
        case .signalled(SIGKILL):
            let limit = memory.map { "; likely the memory limit of \($0.bytes >> 20) MiB by \($0.source)" } ?? ""
            return "The reader was killed (signal \(SIGKILL))\(limit)"
        case .signalled(let signal):
            guard Self.crashes.contains(signal) else { return "The reader was killed (signal \(signal))" }
            return addressSpace.map {
                "The reader crashed (signal \(signal)) where the address space is limited to \($0) bytes (ulimit -v), which makes a process crash "
                    + "as damage does"
            }
        }
    }
}

import CLinux
import Glibc
import HoldfastCore

/// A limit of the process or of its user, as an `errno` value names it.
struct SystemLimit {
    var code: StorageError.Code
    /// Which limit it is, and its value.
    var reason: String
    /// How it is raised.
    var advice: String

    /// Nil: the value speaks of no limit, or of one that isn't set.
    init?(_ number: Int32) {
        switch number {
        case EFBIG:
            code = .system
            guard let bytes = Self.fileBytes else {
                reason = "the file system takes no file as large as that"
                advice = "Move the data directory to another file system, and start again."
                return
            }
            reason = "a file would be larger than the \(bytes) bytes that the limit of file sizes allows; the disk isn't full"
            advice = "Raise the limit (ulimit -f, or LimitFSIZE of a systemd unit), and start again."
        case EDQUOT:
            code = .full
            reason = "the disk quota of its user, group or project is used up; the disk needn't be full"
            advice = "Raise the quota, or free some room that it counts, and start again."
        case EMFILE:
            guard let count = Self.value(Int32(RLIMIT_NOFILE.rawValue)) else { return nil }
            code = .system
            reason = "the process has open the \(count) descriptors that its limit allows"
            advice = "Raise the limit (ulimit -n, or LimitNOFILE of a systemd unit), and start again."
        case ENFILE:
            code = .system
            reason = "the system has no more descriptors"
            advice = "Raise fs.file-max, and start again."
        case ENOMEM:
            guard let bytes = Self.addressSpaceBytes else { return nil }
            code = .system
            reason = "it doesn't fit into the \(bytes) bytes that the limit of address space allows"
            advice = "Raise the limit (ulimit -v, or LimitAS of a systemd unit), and start again."
        default: return nil
        }
    }

    /// How long a file may be; nil: as long as the file system lets it be.
    static var fileBytes: Int? { value(Int32(RLIMIT_FSIZE.rawValue)) }

    /// How much address space the process may have; nil: as much as there is.
    static var addressSpaceBytes: Int? { value(Int32(RLIMIT_AS.rawValue)) }

    private static func value(_ resource: Int32) -> Int? {
        let limit = clinux_get_limit(resource)
        return limit == .max ? nil : Int(clamping: limit)
    }
}

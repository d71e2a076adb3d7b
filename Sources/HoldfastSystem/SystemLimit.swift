internal import CLinux
internal import Glibc

/// What the system lets a process have (getrlimit(2)).
package enum SystemLimit {
    case addressSpaceBytes
    case descriptors
    case fileBytes
    /// Of all processes of the user, threads included.
    case threads

    /// Nil: there is no limit.
    package var value: Int? {
        let limit = clinux_get_limit(resource)
        return limit == .max ? nil : Int(clamping: limit)
    }

    private var resource: Int32 {
        switch self {
        case .addressSpaceBytes: Int32(RLIMIT_AS.rawValue)
        case .descriptors: Int32(RLIMIT_NOFILE.rawValue)
        case .fileBytes: Int32(RLIMIT_FSIZE.rawValue)
        case .threads: Int32(__RLIMIT_NPROC.rawValue)
        }
    }

    /// Which limit an `errno` value speaks of, and how it is raised; nil when it speaks of none, or of one that isn't set.
    package static func reached(_ code: Int32) -> (reason: String, advice: String)? {
        switch code {
        case EMFILE:
            descriptors.value.map {
                ("the limit of open descriptors is \($0)", "raise it with ulimit -n, or LimitNOFILE of a systemd unit")
            }
        case ENFILE: ("the whole system has no more descriptors", "raise fs.file-max")
        case ENOMEM:
            addressSpaceBytes.value.map {
                ("the limit of address space is \($0) bytes", "raise it with ulimit -v, or LimitAS of a systemd unit")
            }
        case EFBIG:
            fileBytes.value.map {
                (
                    "the limit of a file's size is \($0) bytes; the disk isn't full",
                    "raise it with ulimit -f, or LimitFSIZE of a systemd unit"
                )
            } ?? ("the file system takes no file as large as that", "use another one")
        case EDQUOT:
            (
                "the disk quota of the user, group or project is used up; the disk needn't be full",
                "raise it, or free some room that it counts"
            )
        default: nil
        }
    }
}

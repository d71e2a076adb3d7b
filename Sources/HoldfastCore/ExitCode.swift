/// How the programs end: one table for all of them, which `--help` prints and README has (a test compares).
package enum ExitCode: Int32, CaseIterable, Sendable {
    case done = 0
    case failed = 1
    case usage = 64
    case file = 66
    case unavailable = 69
    case noRoom = 71
    case system = 72
    case damaged = 73
    case inUse = 74
    case readOnly = 75
    case newerFormat = 76
    case storeAhead = 77
    case failedCommit = 78
    case olderFormat = 79

    /// What it says, in a few words.
    package var meaning: String {
        switch self {
        case .done: "done; for a gateway: drained after SIGTERM or SIGINT"
        case .failed: "not done, or not wholly; the message says what is left"
        case .usage: "wrong use or configuration, or a target that isn't empty"
        case .file: "a file or directory that was named isn't there, or can't be used"
        case .unavailable: "no gateway, or it refuses this client; serve: no address, no thread"
        case .noRoom: "no room on the disk, or storageBytesMax is used up"
        case .system: "the system refused to read, write or sync the data directory"
        case .damaged: "a record or a row is damaged"
        case .inUse: "another process has the data directory"
        case .readOnly: "the data directory can't be written"
        case .newerFormat: "the data directory is of a newer version"
        case .storeAhead: "the store is ahead of the journal"
        case .failedCommit: "a commit failed in the last run, and damage was found since"
        case .olderFormat: "the data directory is of an earlier version: serve --migrate changes it"
        }
    }

    /// The table for `--help`: a line for each.
    package static var help: String {
        "EXIT CODES\n" + allCases.map { "  \($0.rawValue)\($0.rawValue < 10 ? " " : "") \($0.meaning)" }.joined(separator: "\n")
    }
}

internal import HoldfastCore

/// Why a command failed: what offends, which limit it breaks, and what to do; and the exit code.
struct CommandFailure: Error, Equatable, CustomStringConvertible {
    /// In words; empty when all has been said already.
    var message: String
    /// Not 0.
    var exitCode: Int32

    /// A failure with a message.
    init(_ message: String, exitCode: Int32 = Self.failed) {
        self.message = message
        self.exitCode = exitCode
    }

    /// In words.
    var description: String { message }

    /// The work was not, or not wholly, done.
    static let failed = ExitCode.failed.rawValue
    /// What was asked for makes no sense.
    static let usage = ExitCode.usage.rawValue
    /// A file of the user's can't be used.
    static let file = ExitCode.file.rawValue
    /// The gateway can't be reached, or doesn't let this client in.
    static let unavailable = ExitCode.unavailable.rawValue
}

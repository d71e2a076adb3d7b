internal import HoldfastCore
internal import HoldfastIO

/// Why a gateway can't start: in words for whoever started it, with the exit code of the process.
package struct GatewayError: Error, Equatable, CustomStringConvertible, Sendable {
    /// What is wrong, where, and what to do.
    package var description: String
    /// Of its own for each cause that a script may want to tell apart.
    package var exitCode: Int32

    package static let configurationExitCode = ExitCode.usage.rawValue
    package static let fileExitCode = ExitCode.file.rawValue
    package static let systemExitCode = ExitCode.unavailable.rawValue

    /// A file that the gateway needs and can't use.
    static func file(_ error: some Error) -> GatewayError {
        var failure = GatewayError(error)
        failure.exitCode = fileExitCode
        return failure
    }

    /// Any error of a start.
    package init(_ error: any Error) {
        description = "\(error)"
        switch error {
        case let error as StorageError: exitCode = error.exitCode
        case let error as ConfigurationError: exitCode = error.isFileUnusable ? Self.fileExitCode : Self.configurationExitCode
        case let error as GatewayError: exitCode = error.exitCode
        default: exitCode = Self.systemExitCode
        }
    }
}

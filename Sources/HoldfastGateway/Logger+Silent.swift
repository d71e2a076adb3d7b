package import Logging

extension Logger {
    /// Says nothing: for a gateway inside another program, a test for instance.
    package static var silent: Logger { Logger(label: "silent") { _ in SwiftLogNoOpLogHandler() } }
}

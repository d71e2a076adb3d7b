/// Why a client can't work.
public struct ClientError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What happened.
    public enum Code: String, Sendable, CaseIterable {
        /// The client stopped; see the connection state.
        case stopped
        /// The client was closed.
        case closed
        /// There is no connection.
        case notConnected
        /// Another process uses this state.
        case stateInUse
        /// The state belongs to another user or device.
        case stateOfAnother
        /// The state can't be read or written.
        case stateUnusable
        /// The state was written by a newer version.
        case stateTooNew
        /// A name or a limit in the configuration is not valid.
        case configuration
    }
    /// What happened.
    public var code: Code
    /// More about it, for a log: what the gateway or the system said.
    public var message: String
    /// With `stopped`: why.
    public var stopReason: StopReason?

    init(_ code: Code, _ message: String, stopReason: StopReason? = nil) {
        self.code = code
        self.message = message
        self.stopReason = stopReason
    }

    /// What happened, and more about it.
    public var description: String { "\(code.rawValue): \(message)" }
}

internal import CLinux
internal import HoldfastSystem

/// A system or library call that failed where it shouldn't: what was tried, and what was said.
package struct IOError: Error, Equatable, CustomStringConvertible, Sendable {
    /// What was tried: `bind 127.0.0.1:7400`, `load certificate /x/y.pem`.
    package var operation: String
    /// The `errno` value, 0 if the failure isn't the system's.
    package var code: Int32
    /// The reason in words.
    package var reason: String

    /// A failure that isn't the system's.
    package init(_ operation: String, reason: String) {
        self.operation = operation
        self.code = 0
        self.reason = reason
    }

    /// A failure of the system, named by its `errno` value.
    package init(_ operation: String, errno code: Int32) {
        self.operation = operation
        self.code = code
        self.reason = Self.text(of: code) + (SystemLimit.reached(code).map { " (\($0.reason); \($0.advice))" } ?? "")
    }

    package var description: String { "\(operation): \(reason)" }

    /// The system's words for an `errno` value.
    static func text(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        // XSI strerror_r fills the buffer; it is cut at its end, never overrun.
        let status = unsafe strerror_r(code, &buffer, buffer.count)
        guard status == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

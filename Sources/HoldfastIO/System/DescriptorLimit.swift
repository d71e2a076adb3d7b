internal import CLinux
internal import Glibc

/// How many descriptors the process may have open.
package enum DescriptorLimit {
    /// Raises the limit as far as the system lets an ordinary process go.
    /// - Returns: the limit now.
    @discardableResult
    package static func raiseToMaximum() throws(IOError) -> Int {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        guard unsafe clinux_get_descriptor_limit(&soft, &hard) == 0 else { throw IOError("read the descriptor limit", errno: errno) }
        if soft < hard {
            guard clinux_set_descriptor_limit(hard) == 0 else { throw IOError("raise the descriptor limit", errno: errno) }
        }
        return Int(clamping: hard)
    }
}

internal import Foundation
internal import HoldfastIO
internal import Logging

/// What the log says of the certificate's times: each state once a day, until it is renewed. Confined to one thread.
struct CertificateNotices {
    private var said: CertificateTimes.State?
    private var saidAt: UInt64 = 0

    private static let repeatSeconds: UInt64 = 86_400

    /// Looks at what is shown to clients, not at the file: that may be newer, and reading it could wait.
    /// - Parameter seconds: since 1970.
    mutating func look(at tls: TLSServerContext, _ seconds: UInt64, _ logger: Logger) {
        guard let times = tls.certificateTimes, let state = update(times.state(at: seconds), seconds) else { return }
        Self.write(state, times, tls.certificateChainFile, logger)
    }

    /// What is to be said now.
    mutating func update(_ state: CertificateTimes.State, _ seconds: UInt64) -> CertificateTimes.State? {
        guard state != .good else {
            said = nil
            return nil
        }
        guard state != said || seconds >= saidAt + Self.repeatSeconds else { return nil }
        said = state
        saidAt = seconds
        return state
    }

    private static func write(_ state: CertificateTimes.State, _ times: CertificateTimes, _ path: String, _ logger: Logger) {
        let (level, message): (Logger.Level, String) =
            switch state {
            case .good: (.info, "the certificate is good")
            case .ending: (.warning, "the certificate ends soon: clients will refuse it then")
            case .expired: (.error, "the certificate has expired: clients refuse it")
            case .notYetValid: (.error, "the certificate isn't valid yet: clients refuse it")
            }
        logger.log(
            level: level, "\(message)",
            metadata: [
                "file": "\(path)", "from": "\(text(times.first))", "through": "\(text(times.last))",
                "do": "put a new certificate there, with its key, and send SIGHUP",
            ])
    }

    private static func text(_ seconds: Int64) -> String { Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601) }
}

internal import Foundation
internal import HoldfastCore
internal import Logging

/// What the log says of the machine's clock: once when something has changed, with what to do.
enum ClockLog {
    static func write(_ notice: ClockNotice, to logger: Logger) {
        switch notice {
        case .disbelieved(let wall, let time):
            logger.error(
                "the machine's clock is not believed: messages, tokens and tickets go by the last time that was known",
                metadata: [
                    "clock": "\(text(wall))", "time": "\(text(time))",
                    "do": "set the clock, the gateway follows it; if it is right, raise clockAheadYearsMax",
                ])
        case .believed(let wall):
            logger.notice("the machine's clock is believed again", metadata: ["clock": "\(text(wall))"])
        case .set(let from, let to):
            logger.warning(
                "the machine's clock was set: the times of messages follow it", metadata: ["from": "\(text(from))", "to": "\(text(to))"])
        case .behindStored(let stored, let wall):
            logger.warning(
                "the machine's clock is behind the last stored time: new messages bear the clock's, stored ones keep theirs",
                metadata: ["clock": "\(text(wall))", "stored": "\(text(stored))"])
        }
    }

    private static func text(_ milliseconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}

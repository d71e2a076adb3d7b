import ArgumentParser

/// The versions of MQTT that the client speaks; the raw value is the protocol level of CONNECT.
enum MQTTVersion: UInt8, Sendable {
    /// OASIS standard of 2014.
    case v311 = 4
    /// OASIS standard of 2019.
    case v5 = 5
}

extension MQTTVersion: ExpressibleByArgument {
    /// As `--mqtt` takes it.
    init?(argument: String) {
        switch argument {
        case "3.1.1": self = .v311
        case "5": self = .v5
        default: return nil
        }
    }

    var defaultValueDescription: String { self == .v5 ? "5" : "3.1.1" }

    static var allValueStrings: [String] { ["3.1.1", "5"] }
}

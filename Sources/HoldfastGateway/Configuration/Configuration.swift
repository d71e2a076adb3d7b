package import HoldfastCore
package import HoldfastIO

/// Everything that can be set about a gateway. A default-made value is a gateway for one machine with one disk.
///
/// The names are those of the keys of the configuration file; `ConfigurationKey.all` describes each. Quantities carry their unit last.
/// A number that is nil is `auto`: it follows from the memory that the gateway may take (`MemorySizing`).
package struct Configuration: Sendable {
    package var data = "./holdfast-data"
    package var listen = ["127.0.0.1:7400"]
    package var tlsListen = ["127.0.0.1:7443"]
    package var allowPlaintext = false
    package var freeBind = false
    package var proxyProtocolFrom: [String] = []
    package var goAwayAddress = ""

    package var tlsCertificate = ""
    package var tlsKey = ""
    package var tlsVersionMin = TLSVersion.tls13

    package var tokenSecretFile = ""
    package var tokenPublicKeyFile = ""
    package var tokenKeySetFile = ""
    package var tokenIssuer = ""
    package var tokenAudience = ""
    package var tokenClockSeconds = 30
    package var tokenWarningSeconds = 60
    package var tokenChecksMax = 4096

    package var controlListen = "127.0.0.1:7480"
    package var controlSocket = "DATA/control.sock"
    package var controlClientCA = ""
    package var controlNames: [String] = []
    package var controlRequestsMax = 1_200_000
    package var controlRequestsSeconds = 60
    package var metricsListen = ""
    package var auditFile = "DATA/audit.log"
    package var auditDays = 400
    package var eventSource = "/holdfast"
    package var consumerHours = 72
    package var consumerBytesMax = 10 << 30

    package var loops = 0
    package var readers = 2
    package var commandsPerLoopMax: Int?
    package var commandBytesPerLoopMax: Int?
    package var pagesInFlightMax: Int?
    package var drainSeconds = 4
    package var logUsers = LogUsers.hash

    package var connectionsMax: Int?
    package var connectionsPerAddressMax = 20_000
    package var handshakeSeconds = 10
    package var firstFrameSeconds = 10
    package var heartbeatSecondsMin = 30
    package var heartbeatSecondsMax = 300
    package var paceSecondsMax = 3600
    package var frameBytesMax = 64 << 10
    package var bodyBytesMax = 60 << 10
    package var sendsInFlightMax = 127
    package var creditMessages = 1024
    package var creditBytes = 1 << 20
    package var controlFramesPerSecondMax = 200
    package var controlFramesBurstMax = 2000
    package var bytesPerSecondMax = 64 << 20
    package var unsentBytesMax = 4 << 20
    package var stallSeconds = 30
    package var retryAfterSeconds = 5

    package var stormControl = true
    package var openingsInFlightMax = 512
    package var openingWaitSeconds = 5
    package var slotsMax = 262_144
    package var listenBacklog = 65_535
    package var acceptsPerTurnMax = 64
    package var handshakeStepsPerTurnMax = 4
    package var handshakeBacklogSeconds = 5

    package var sessionDays = 30
    package var devicesPerUserMax = 32
    package var ticketDays = 30
    package var ticketKeyHours = 24

    package var inboxMessagesMax = 200_000
    package var inboxBytesMax = 64 << 20
    package var inboxDays = 30
    package var idempotencyKeysMax = 10_000_000
    package var inboxPolicy = InboxPolicy.refuseSender
    package var clockAheadYearsMax = 10

    package var storageBytesMax = 1 << 40
    package var checkpointEntries: Int?
    package var checkpointEntriesMax: Int?
    package var reserveBytes = 64 << 20
    package var cachedUsersMax: Int?
    package var cachedLookupsMax: Int?

    package init() {}

    /// How the log names users and their addresses.
    package enum LogUsers: String, CaseIterable, Sendable {
        /// Not at all.
        case none
        /// By a keyed hash, the same in every log of a data directory; addresses as networks.
        case hash
        /// By name; addresses whole.
        case name
    }
}

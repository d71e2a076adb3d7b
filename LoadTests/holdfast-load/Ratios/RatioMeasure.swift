/// What `ratios` measures, by the names that `--only` takes.
enum RatioMeasure: String, CaseIterable, Sendable {
    case idle
    case tls
    case connect
    case tlsConnect = "tls-connect"
    case heartbeat
    case throughput
    case service
    case storm
    case restart

    /// Its goals: each has a row, measured or not.
    var goals: [RatioGoal] {
        switch self {
        case .idle: [.idle]
        case .tls: [.idleTLS]
        case .connect: [.connect]
        case .tlsConnect: [.handshake(resumes: false), .handshake(resumes: true)]
        case .heartbeat: [.heartbeat(1), .heartbeat(16)]
        case .throughput: [.throughput, .sentWait]
        case .service: [.service]
        case .storm: [.stormLosses]
        case .restart: [.restart("Warm"), .restart("Cold")]
        }
    }
}

/// A figure's goal.
struct RatioGoal: Sendable {
    var name: String
    var atMost: Double?
    var atLeast: Double?

    static let idle = RatioGoal(name: "idle, plain: private bytes a connection", atMost: 400)
    static let idleTLS = RatioGoal(name: "idle, TLS: private bytes a connection", atMost: 14_500)
    static let connect = RatioGoal(name: "connect with a ticket: CPU to the floor's connect", atMost: 1.4)
    static let throughput = RatioGoal(name: "throughput: delivered to appends of the probe", atLeast: 0.43)
    static let sentWait = RatioGoal(name: "throughput: p99 of SENT at half load to a commit of the probe", atMost: 4)
    static let service = RatioGoal(
        name: "service, four sessions through the client library: acknowledged to appends of the probe", atLeast: 0.29)
    static let stormLosses = RatioGoal(name: "storm: lost, doubled, out of order, damaged", atMost: 0)

    static func handshake(resumes: Bool) -> RatioGoal {
        RatioGoal(name: "TLS handshake, \(resumes ? "resumed" : "full"): CPU to bare OpenSSL's", atMost: 1.1)
    }

    static func heartbeat(_ outstanding: Int) -> RatioGoal {
        RatioGoal(name: "heartbeat, \(outstanding) outstanding: CPU to the floor's", atMost: 1.2)
    }

    /// - Parameter cache: `Warm` or `Cold`.
    static func restart(_ cache: String) -> RatioGoal {
        RatioGoal(name: "restart, 10,000,000 queued, \(cache.lowercased()) cache: seconds to the first phone's messages", atMost: 2)
    }
}

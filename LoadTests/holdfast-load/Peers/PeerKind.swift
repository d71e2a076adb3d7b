/// The servers that a comparison knows, by the names that `--servers` takes.
enum PeerKind: String, CaseIterable, Sendable {
    case holdfast
    case mosquitto
    case mosquittoDurable = "mosquitto-durable"
    case rabbitmq
    case nats
    case natsSynced = "nats-synced"
    case natsPlain = "nats-plain"
    case ejabberd

    /// A server that hasn't started. Throws if its program isn't installed, with the command that mends it.
    func make(_ workshop: Workshop, _ options: PeerOptions) throws -> any PeerServer {
        switch self {
        case .holdfast: try HoldfastServer(workshop)
        case .mosquitto: try MosquittoServer(workshop, savesOnChanges: false, options)
        case .mosquittoDurable: try MosquittoServer(workshop, savesOnChanges: true, options)
        case .rabbitmq: try RabbitMQServer(workshop)
        case .nats: try NATSServer(workshop, .consumers)
        case .natsSynced: try NATSServer(workshop, .synced)
        case .natsPlain: try NATSServer(workshop, .subscriptions)
        case .ejabberd: try EjabberdServer(workshop)
        }
    }
}

/// What a user may choose for all peers.
struct PeerOptions: Sendable {
    /// The MQTT version spoken to peers that speak several.
    var mqtt = MQTTVersion.v311
    /// MQTT's quality of service: 0 or 1.
    var qos: UInt8 = 1
}

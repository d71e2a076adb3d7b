import HoldfastClient
import HoldfastGateway
import HoldfastWire

/// What is fuzzed: every parser of bytes that come from outside, and sequences of operations on the two machines. A target
/// must not trap and must keep what it says of itself below; libFuzzer finds inputs (`Tests/Fuzz/run.sh`), and the corpus
/// and every crash are replayed by `swift test`.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// Frames of a client, whole and cut in two: the same frames and the same error.
    case clientFrames
    /// Frames of the gateway, with the entries of `DELIVER`.
    case serverFrames
    /// A record of the journal: what decodes encodes to the same bytes.
    case records
    /// The client's state file, as it is and with its checksums repaired.
    case clientState
    /// A ticket, and the file with the keys of tickets.
    case ticket
    /// The gateway's configuration file.
    case configuration
    /// A PROXY protocol header.
    case proxyHeader
    /// `HOST:PORT` and address ranges.
    case addresses
    /// A connection machine that a hostile client talks to.
    case connection
    /// A client machine that a hostile gateway talks to.
    case clientMachine
    /// JSON as bodies of the control API have it.
    case json
    /// The body of a push, and a line of an upload.
    case messageBody
    /// Request targets of the control API: paths and queries.
    case requestTarget
    /// Headers of its requests that are taken apart here.
    case requestHeaders
    /// What a token says, whatever its signature is.
    case tokens
    /// A file with the keys of token issuers.
    case keySet
    /// Operations on the core over storage in RAM, with crashes.
    case core

    package func run(_ bytes: [UInt8]) {
        switch self {
        case .clientFrames: fuzzClientFrames(bytes)
        case .serverFrames: fuzzServerFrames(bytes)
        case .records: fuzzRecords(bytes)
        case .clientState: fuzzClientState(bytes)
        case .ticket: fuzzTicket(bytes)
        case .configuration: _ = try? Configuration(yaml: String(decoding: bytes, as: UTF8.self), source: "fuzz")
        case .proxyHeader: fuzzProxyHeader(bytes)
        case .addresses: fuzzAddresses(bytes)
        case .connection: fuzzConnection(bytes)
        case .clientMachine: fuzzClientMachine(bytes)
        case .json: fuzzJSON(bytes)
        case .messageBody: fuzzMessageBody(bytes)
        case .requestTarget: fuzzRequestTarget(bytes)
        case .requestHeaders: fuzzRequestHeaders(bytes)
        case .tokens: fuzzTokens(bytes)
        case .keySet: fuzzKeySet(bytes)
        case .core: fuzzCore(bytes)
        }
    }
}

/// Reads choices from a fuzzer's bytes; zeros when they are used up.
struct FuzzInput {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isEmpty: Bool { offset >= bytes.count }

    mutating func byte() -> UInt8 {
        guard offset < bytes.count else { return 0 }
        offset += 1
        return bytes[offset - 1]
    }

    mutating func number(_ count: Int) -> UInt64 { (0..<count).reduce(0) { value, _ in value << 8 | UInt64(byte()) } }

    mutating func take(_ count: Int) -> [UInt8] { (0..<min(count, max(0, bytes.count - offset))).map { _ in byte() } }
}

internal import HoldfastIO

extension Configuration {
    /// The path of the control API's unix socket; nil: there is none.
    package var controlSocketPath: String? { path(controlSocket) }

    /// The path of the file of operators' acts; nil: there is none.
    package var auditFilePath: String? { path(auditFile) }

    private func path(_ value: String) -> String? {
        guard !value.isEmpty else { return nil }
        return value.hasPrefix(Self.dataPrefix) ? data + "/" + value.dropFirst(Self.dataPrefix.count) : value
    }

    /// Whether the control API's address is spoken to by TLS: beyond loopback, and where client certificates are demanded.
    package var controlUsesTLS: Bool {
        guard !controlListen.isEmpty else { return false }
        return !controlClientCA.isEmpty || (try? SocketAddress(parsing: controlListen))?.isLoopback != true
    }

    /// The longest body of a request to the control API, in bytes: it holds a message's body, as base64 or with escapes, and a thousand names.
    package var controlBodyBytesMax: Int { 512 << 10 + 2 * bodyBytesMax }

    /// Whether TLS 1.2 is spoken, too.
    package var allowsTLS12: Bool { tlsVersionMin == .tls12 }

    /// What a path begins with that lies in the data directory.
    private static let dataPrefix = "DATA/"
    /// The longest address of a unix socket, without the 0 at its end: `sockaddr_un` has room for no more.
    private static let socketPathBytesMax = 107

    /// What is wrong with the keys of the control API.
    func controlProblems(source: String) -> [ConfigurationError] {
        var problems: [ConfigurationError] = []
        func add(_ key: String, _ value: String, _ problem: String, _ advice: String) {
            problems.append(ConfigurationError(source: source, key: key, value: value, problem: problem, advice: advice))
        }
        for (key, value) in [("controlListen", controlListen), ("metricsListen", metricsListen)] where !value.isEmpty {
            do { _ = try SocketAddress(parsing: value) } catch {
                add(key, value, "is not ADDRESS:PORT: \(error)", "Write an address, such as 127.0.0.1:7480 or [::1]:7480")
            }
        }
        if let path = controlSocketPath, path.utf8.count > Self.socketPathBytesMax {
            add(
                "controlSocket", path, "has \(path.utf8.count) bytes; the system takes \(Self.socketPathBytesMax)",
                "Name a shorter path, such as /run/holdfast/control.sock, or leave it empty")
        }
        if !controlClientCA.isEmpty && controlListen.isEmpty {
            add("controlClientCA", controlClientCA, "is set without controlListen", "Set controlListen, too, or leave it empty")
        }
        for name in controlNames where name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F || $0 == 0x3A || $0 == 0x2F }) {
            add("controlNames", name, "is not a host name", "Write it without scheme and port, such as gateway.example.com")
        }
        if eventSource.isEmpty || !eventSource.utf8.allSatisfy(Self.isInURI) {
            add("eventSource", eventSource, "is not a URI or a path", "Write it in ASCII without spaces, such as /holdfast/eu-1")
        }
        return problems
    }

    /// Whether a reference to a URI can have the character (RFC 3986, 2).
    private static func isInURI(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~:/?#[]@!$&'()*+,;=%".utf8.contains(byte)
        }
    }
}

/// `HOST:PORT` as it is written on a command line; an IPv6 address stands in brackets.
struct ServerAddress: Equatable, Sendable {
    /// A name or an address, without brackets.
    var host: String
    var port: UInt16

    /// The parts of `text`.
    init(parsing text: String, option: String) throws(CommandFailure) {
        func failure(_ problem: String) -> CommandFailure {
            CommandFailure(
                "\(option): \"\(text)\" \(problem). Write HOST:PORT, such as 127.0.0.1:7400 or [::1]:7400.", exitCode: CommandFailure.usage)
        }
        guard let colon = text.lastIndex(of: ":") else { throw failure("has no port") }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }), let port = UInt16(digits), port > 0 else {
            throw failure("has no port from 1 to 65535")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw failure("has an IPv6 address without brackets")
        }
        guard !host.isEmpty else { throw failure("has no host") }
        self.host = String(host)
        self.port = port
    }
}

/// What a NATS server says to a client (docs.nats.io, "Client Protocol"). Ranges are positions in the bytes that were read.
enum NATSMessage: Equatable {
    case info
    case ping
    case pong
    case ok
    /// `-ERR`, with its text.
    case error(Range<Int>)
    /// MSG, or HMSG, whose headers may begin with a status such as 503.
    case message(subject: Range<Int>, subscription: Int, reply: Range<Int>?, status: Int?, payload: Range<Int>)
}

/// Why bytes from a server can't be read.
enum NATSError: Error, Equatable {
    /// No end of the line within the limit.
    case lineTooLong
    /// A longer message than the client takes.
    case tooLarge(Int)
    case unknownOperation
    /// The operation's arguments, or what follows them, aren't as they must be.
    case malformed
}

/// Reads what comes from a server. Any bytes may come: none make it trap.
enum NATSReader {
    /// INFO is the longest line.
    static let lineBytesMax = 32 << 10
    static let payloadBytesMax = 1 << 20

    /// Reads one message that begins at `start`.
    /// - Returns: the message and where it ends; nil if it isn't there wholly.
    static func read(_ bytes: Span<UInt8>, from start: Int) throws(NATSError) -> (message: NATSMessage, end: Int)? {
        var at = start
        while at < bytes.count && bytes[at] != UInt8(ascii: "\r") {
            guard at - start < lineBytesMax else { throw .lineTooLong }
            // A line feed of its own ends nothing.
            guard bytes[at] != UInt8(ascii: "\n") else { throw .malformed }
            at += 1
        }
        guard at + 1 < bytes.count else { return nil }
        guard bytes[at + 1] == UInt8(ascii: "\n") else { throw .malformed }
        let (words, end) = (words(bytes, start..<at), at + 2)
        guard let operation = words.first else { throw .unknownOperation }
        switch text(bytes, operation) {
        case "MSG": return try message(bytes, words, hasHeaders: false, end)
        case "HMSG": return try message(bytes, words, hasHeaders: true, end)
        case "PING" where words.count == 1: return (.ping, end)
        case "PONG" where words.count == 1: return (.pong, end)
        case "+OK" where words.count == 1: return (.ok, end)
        case "-ERR": return (.error(operation.upperBound..<at), end)
        case "INFO" where words.count > 1: return (.info, end)
        case "PING", "PONG", "+OK", "INFO": throw .malformed
        default: throw .unknownOperation
        }
    }

    /// `subject sid [reply] [headerBytes] bytes`, and on the next line the headers and the payload.
    private static func message(
        _ bytes: Span<UInt8>, _ words: [Range<Int>], hasHeaders: Bool, _ start: Int
    ) throws(NATSError) -> (message: NATSMessage, end: Int)? {
        let sizes = hasHeaders ? 2 : 1
        guard (3 + sizes...4 + sizes).contains(words.count), let subscription = number(bytes, words[2]),
            let total = number(bytes, words[words.count - 1]), let headerBytes = hasHeaders ? number(bytes, words[words.count - 2]) : 0,
            headerBytes <= total
        else { throw .malformed }
        guard total <= payloadBytesMax else { throw .tooLarge(total) }
        let end = start + total
        guard end + 2 <= bytes.count else { return nil }
        guard bytes[end] == UInt8(ascii: "\r"), bytes[end + 1] == UInt8(ascii: "\n") else { throw .malformed }
        let status = hasHeaders ? try status(bytes, start..<start + headerBytes) : nil
        return (
            .message(
                subject: words[1], subscription: subscription, reply: words.count == 4 + sizes ? words[3] : nil, status: status,
                payload: start + headerBytes..<end), end + 2
        )
    }

    /// Of headers: `NATS/1.0`, and perhaps a number after it.
    private static func status(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(NATSError) -> Int? {
        var end = range.lowerBound
        while end < range.upperBound && bytes[end] != UInt8(ascii: "\r") { end += 1 }
        let words = words(bytes, range.lowerBound..<end)
        guard let first = words.first, text(bytes, first) == "NATS/1.0" else { throw .malformed }
        guard words.count > 1 else { return nil }
        guard let status = number(bytes, words[1]) else { throw .malformed }
        return status
    }

    private static func words(_ bytes: Span<UInt8>, _ line: Range<Int>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        for index in line {
            let isSpace = bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t")
            if isSpace, let begin = start {
                words.append(begin..<index)
                start = nil
            } else if !isSpace && start == nil {
                // The text of an INFO or an error isn't taken apart; nothing else has more words.
                guard words.count < 7 else { return words }
                start = index
            }
        }
        if let start { words.append(start..<line.upperBound) }
        return words
    }

    /// Digits only, at most nine.
    static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard (1...9).contains(range.count) else { return nil }
        var value = 0
        for index in range {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - UInt8(ascii: "0"))
        }
        return value
    }

    /// What stands there, as text.
    static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        var text: [UInt8] = []
        text.append(bytes.extracting(range))
        return String(decoding: text, as: UTF8.self)
    }
}

internal import HoldfastGateway
internal import HoldfastIO
internal import Logging

/// A line of the log: `2026-01-31T23:59:59.123Z warning what happened key=value other="some words"`, the message before its particulars.
enum LogLine {
    /// The line, without its end. What a peer or a file's name brings into it can't end it, nor move a cursor.
    static func text(_ level: Logger.Level, _ message: String, _ metadata: [String: String]) -> String {
        var line = "\(Timestamp.text(SystemTime.wallNanoseconds() / 1_000_000)) \(level) \(VisibleText.of(message))"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(quoted(VisibleText.of(value)))" }
        return line
    }

    /// As it is when it is one word, else in quotes.
    private static func quoted(_ value: String) -> String {
        guard value.isEmpty || value.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" || $0 == "\\" }) else { return value }
        return "\"" + value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}

/// Hands the lines of a logger to a writer.
struct LineLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let writer: LogWriter

    init(_ level: Logger.Level, _ writer: LogWriter) {
        logLevel = level
        self.writer = writer
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        writer.write(LogLine.text(event.level, "\(event.message)", all.mapValues { "\($0)" }))
    }
}

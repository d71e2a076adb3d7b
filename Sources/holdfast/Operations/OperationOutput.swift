internal import Foundation
internal import HoldfastCore
internal import HoldfastGateway

/// What the commands for operators say: results on standard output, how far they are on standard error.
struct OperationOutput {
    let isJSON: Bool
    private let isWatched = StandardStreams.canOverwrite(STDERR_FILENO)
    private static let interval = Duration.seconds(5)

    /// The time of the last sign of life.
    private final class LastTime {
        var value = ContinuousClock.now
        var isShown = false
    }
    private let last = LastTime()

    init(isJSON: Bool) { self.isJSON = isJSON }

    /// Says how far it is: at once for somebody who looks at it, now and then for a log.
    func progress(_ text: String) {
        if isWatched {
            StandardStreams.progress(text)
            last.isShown = true
        } else if ContinuousClock.now - last.value >= Self.interval {
            last.value = .now
            StandardStreams.error("holdfast: \(text)")
        }
    }

    /// Removes the last state.
    func endProgress() {
        if last.isShown { StandardStreams.progress("") }
        last.isShown = false
    }

    /// A line for people.
    func line(_ text: String) throws(CommandFailure) {
        if !isJSON { try StandardStreams.output(line: text) }
    }

    /// The one object for programs.
    func json(_ body: (inout JSONText) -> Void) throws(CommandFailure) {
        if isJSON { try StandardStreams.output(line: JSONText.object(body).string) }
    }

    static func json(_ finding: Finding) -> JSONText {
        JSONText.object { object in
            object.add("kind", finding.kind.rawValue)
            object.add("table", finding.table)
            if let position = finding.position { object.add("position", position) }
            if let row = finding.row { object.add("row", row) }
            object.add("users", texts: finding.users)
            object.add("problem", finding.problem)
            object.add("effect", finding.effect)
            object.add("do", finding.advice)
        }
    }

    static func line(_ finding: Finding) -> String {
        var place = finding.table
        if let position = finding.position { place += " position \(position)" }
        if let row = finding.row, row != finding.position.map({ "\($0)" }) { place += " row \(VisibleText.of(row))" }
        let users = finding.users.isEmpty ? "" : " (\(finding.users.prefix(20).map(VisibleText.of).joined(separator: ", ")))"
        return "\(place): \(finding.problem)\(users); \(finding.effect)."
    }

    static func json(_ loss: Loss) -> JSONText {
        JSONText.object { object in
            object.add("kind", loss.kind.rawValue)
            if let position = loss.position { object.add("position", position) }
            object.add("from", loss.from)
            object.add("to", texts: loss.to)
            object.add("time", loss.time.map(Timestamp.text))
            object.add("count", loss.count)
            object.add("text", loss.text)
        }
    }

    static func line(_ loss: Loss) -> String {
        "lost: \(VisibleText.of(loss.text))" + (loss.time.map { ", sent \(Timestamp.text($0))" } ?? "")
    }
}

extension JSONText {
    /// Adds a member that is a list of texts.
    mutating func add(_ name: StaticString, texts: [String]) {
        add(name, list: texts.map { JSONText.quoted($0) })
    }
}

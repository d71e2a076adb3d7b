internal import HoldfastClient

/// Draws a chat: finished lines scroll away upwards; below them are the messages that wait, and the line that is being written. Pure: the
/// result is what goes to the terminal.
struct ChatScreen {
    /// The terminal's columns.
    var columns: Int
    /// Rows of the last drawing that are drawn anew; the cursor is in the last one.
    private var liveRows = 0
    private static let waitingRowsMax = 5

    /// A screen on which nothing was drawn.
    init(columns: Int) { self.columns = columns }

    /// The bytes that bring the terminal up to date.
    mutating func draw(_ lines: [ChatModel.Line], _ model: ChatModel, _ editor: LineEditor) -> String {
        var out = erase()
        for line in lines { out += styled(line) + "\r\n" }
        let hidden = max(0, model.waiting.count - Self.waitingRowsMax)
        if hidden > 0 { out += "\u{1B}[2m\(row("… \(hidden) more wait to be sent"))\u{1B}[0m\r\n" }
        for message in model.waiting.dropFirst(hidden) {
            out += "\u{1B}[2m\(row("\(message.time) \(message.text) …"))\u{1B}[0m\r\n"
        }
        liveRows = min(model.waiting.count, Self.waitingRowsMax) + (hidden > 0 ? 1 : 0)

        let sign = model.connection == .connected ? "\u{1B}[32m●\u{1B}[0m " : "\u{1B}[31m○\u{1B}[0m "
        let state = model.connectionText.isEmpty ? "" : " (\(model.connectionText))"
        let prompt = DisplayWidth.prefix("\(VisibleText.of(model.peer))\(state)> ", columns: max(4, columns / 2))
        let promptColumns = 2 + DisplayWidth.of(prompt)
        let visible = editor.visible(columns: columns - promptColumns)
        return out + sign + prompt + visible.text + "\r\u{1B}[\(promptColumns + visible.column)C"
    }

    /// The bytes that remove what would be drawn anew: for the end.
    mutating func erase() -> String {
        let up = liveRows > 0 ? "\u{1B}[\(liveRows)A" : ""
        liveRows = 0
        return "\r\(up)\u{1B}[J"
    }

    private func row(_ text: String) -> String { DisplayWidth.prefix(text, columns: columns - 1) }

    private func styled(_ line: ChatModel.Line) -> String {
        switch line.style {
        case .theirs: "\u{1B}[1m\(line.text)\u{1B}[0m"
        case .mine: line.text
        case .failed: "\u{1B}[31m\(line.text)\u{1B}[0m"
        case .notice: "\u{1B}[2m\(line.text)\u{1B}[0m"
        }
    }
}

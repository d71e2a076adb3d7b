internal import HoldfastClient

/// Draws a chat: finished lines scroll away upwards; below them are the messages that wait, and what is being written. Pure: the result is what
/// goes to the terminal.
struct ChatScreen {
    private var columns: Int
    private var rows: Int
    /// Colours and weights are used.
    private let isStyled: Bool
    /// Rows of the last drawing that are drawn anew; the cursor is in the one below them.
    private var liveRows = 0
    /// Nothing is known of what the terminal shows.
    private var isStale = false
    /// The newest finished lines, for a drawing from nothing.
    private var recent: [ChatModel.Line] = []
    private static let waitingRowsMax = 5
    private static let draftRowsMax = 8
    private static let recentMax = 500

    /// A screen on which nothing was drawn.
    init(columns: Int, rows: Int = 24, isStyled: Bool = true) {
        self.columns = columns
        self.rows = rows
        self.isStyled = isStyled
    }

    /// The terminal has another size: it may have wrapped what stood there, or not, so that all of it is drawn anew.
    mutating func resize(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        isStale = true
    }

    /// Everything is drawn anew the next time.
    mutating func refresh() { isStale = true }

    /// The bytes that bring the terminal up to date.
    mutating func draw(_ lines: [ChatModel.Line], _ model: ChatModel, _ editor: LineEditor) -> String {
        recent.append(contentsOf: lines)
        if recent.count > Self.recentMax { recent.removeFirst(recent.count - Self.recentMax) }
        let live = waitingRows(model) + draftRows(editor)
        var out: String
        if isStale {
            out = "\u{1B}[H\u{1B}[J"
            for line in fitting(max(1, rows - live.count - 1)) { out += styled(line) + "\r\n" }
            isStale = false
        } else {
            out = erase()
            for line in lines { out += styled(line) + "\r\n" }
        }
        for row in live { out += styled("2", DisplayWidth.prefix(row, columns: columns - 1)) + "\r\n" }
        liveRows = live.count

        let sign = model.connection == .connected ? styled("32", "●") + " " : styled("31", "○") + " "
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

    private func waitingRows(_ model: ChatModel) -> [String] {
        let hidden = max(0, model.waiting.count - Self.waitingRowsMax)
        let rows = model.waiting.dropFirst(hidden).map { "\($0.time) \($0.text) …" }
        return hidden > 0 ? ["… \(hidden) more wait to be sent"] + rows : rows
    }

    /// A message of several lines, as it would be sent.
    private func draftRows(_ editor: LineEditor) -> [String] {
        guard editor.text.contains("\n") else { return [] }
        let lines = editor.text.split(separator: "\n", omittingEmptySubsequences: false)
        // Nobody looks at more of a line than the row holds.
        var rows = lines.prefix(Self.draftRowsMax).map { "| " + VisibleText.of(String($0.prefix(columns))) }
        if lines.count > rows.count { rows.append("| … \(lines.count - rows.count) more lines") }
        return rows + ["\(lines.count) lines, one message: Enter sends it, Control-U removes it."]
    }

    /// The newest lines that so many rows have room for, as the terminal wraps them.
    private func fitting(_ rows: Int) -> [ChatModel.Line] {
        var left = rows
        let start = recent.lastIndex { line in
            left -= max(1, (DisplayWidth.of(line.text) + columns - 1) / columns)
            return left < 0
        }
        let fitting = recent[(start.map { $0 + 1 } ?? 0)...]
        guard fitting.isEmpty, var newest = recent.last else { return Array(fitting) }
        // One that is longer than the whole screen is shown as far as it goes.
        newest.text = DisplayWidth.prefix(newest.text, columns: columns * rows)
        return [newest]
    }

    private func styled(_ line: ChatModel.Line) -> String {
        switch line.style {
        case .theirs: styled("1", line.text)
        case .mine: line.text
        case .failed: styled("31", line.text)
        case .notice: styled("2", line.text)
        }
    }

    private func styled(_ code: String, _ text: String) -> String { isStyled ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
}

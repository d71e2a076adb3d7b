/// The line that is being written.
struct LineEditor {
    /// What a key leads to, beyond a changed line.
    enum Action: Equatable, Sendable {
        case none
        /// The line is finished; it isn't empty.
        case submit(String)
        /// Control-D on an empty line, or Control-C.
        case end
        /// Control-L: the screen is to be drawn anew.
        case redraw
        /// It would be longer than a message can be, and was not put in.
        case tooLong(bytes: Int)
    }

    /// The line.
    private(set) var text: [Character] = []
    /// Before which character the next one is put.
    private(set) var cursor = 0
    private var history: [[Character]] = []
    /// Which line of the history is shown; its count: the one that is being written.
    private var historyIndex = 0
    private var draft: [Character] = []
    private static let historyMax = 200

    /// Takes a key.
    mutating func take(_ key: Key) -> Action {
        switch key {
        case .text(let new), .paste(let new):
            let bytes = new.utf8.count + text.reduce(0) { $0 + $1.utf8.count }
            guard bytes <= MessageSource.bodyBytesMax else { return .tooLong(bytes: bytes) }
            text.insert(contentsOf: Array(new), at: cursor)
            cursor += new.count
        case .enter: return submit()
        case .backspace, .control("h"):
            if cursor > 0 {
                cursor -= 1
                text.remove(at: cursor)
            }
        case .delete: if cursor < text.count { text.remove(at: cursor) }
        case .left, .control("b"): cursor = max(0, cursor - 1)
        case .right, .control("f"): cursor = min(text.count, cursor + 1)
        case .home, .control("a"): cursor = 0
        case .end, .control("e"): cursor = text.count
        case .up, .control("p"): recall(historyIndex - 1)
        case .down, .control("n"): recall(historyIndex + 1)
        case .control("u"):
            text.removeSubrange(..<cursor)
            cursor = 0
        case .control("k"): text.removeSubrange(cursor...)
        case .control("w"): removeWord()
        case .control("c"): return .end
        case .control("d"):
            // As in a shell: nobody ends by it who only wanted to remove one character more.
            if text.isEmpty { return .end }
            if cursor < text.count { text.remove(at: cursor) }
        case .control("l"): return .redraw
        case .control: break
        }
        return .none
    }

    /// The part of the line that fits into `columns`, with the cursor in it, and the column of the cursor.
    func visible(columns: Int) -> (text: String, column: Int) {
        // One column stays free for the cursor behind the last character.
        let room = max(1, columns - 1)
        var before: [String] = []
        var width = 0
        for character in text[..<cursor].reversed() {
            let shown = VisibleText.of(String(character))
            guard width + DisplayWidth.of(shown) <= room else { break }
            width += DisplayWidth.of(shown)
            before.append(shown)
        }
        let column = width
        var after = ""
        for character in text[cursor...] {
            let shown = VisibleText.of(String(character))
            guard width + DisplayWidth.of(shown) <= room else { break }
            width += DisplayWidth.of(shown)
            after += shown
        }
        return (before.reversed().joined() + after, column)
    }

    private mutating func submit() -> Action {
        let line = text
        text = []
        cursor = 0
        historyIndex = history.count
        guard line.contains(where: { !$0.isWhitespace }) else { return .none }
        if history.last != line { history.append(line) }
        if history.count > Self.historyMax { history.removeFirst() }
        historyIndex = history.count
        return .submit(String(line))
    }

    private mutating func recall(_ index: Int) {
        guard 0...history.count ~= index, index != historyIndex else { return }
        if historyIndex == history.count { draft = text }
        historyIndex = index
        text = index == history.count ? draft : history[index]
        cursor = text.count
    }

    private mutating func removeWord() {
        var start = cursor
        while start > 0, text[start - 1].isWhitespace { start -= 1 }
        while start > 0, !text[start - 1].isWhitespace { start -= 1 }
        text.removeSubrange(start..<cursor)
        cursor = start
    }
}

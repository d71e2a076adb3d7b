import HoldfastClient
import Testing

@testable import holdfast

@Suite struct ChatTests {
    private func keys(_ text: String) -> [Key] {
        var decoder = KeyDecoder()
        return decoder.decode(Array(text.utf8))
    }

    private func edited(_ text: String) -> LineEditor {
        var editor = LineEditor()
        for key in keys(text) { _ = editor.take(key) }
        return editor
    }

    @Test func `letters that come together are one text`() {
        #expect(keys("héllo 你") == [.text("héllo 你")])
        #expect(keys("a\rb") == [.text("a"), .enter, .text("b")])
    }

    @Test func `keys are found in any pieces`() {
        let bytes = Array("a\u{1B}[Dé\u{1B}[3~\u{1B}OH\u{1}\u{7F}\u{1B}[1;5Cz".utf8)
        for split in 0...bytes.count {
            var decoder = KeyDecoder()
            let keys = decoder.decode(Array(bytes[..<split])) + decoder.decode(Array(bytes[split...]))
            #expect(keys == [.text("a"), .left, .text("é"), .delete, .home, .control("a"), .backspace, .right, .text("z")])
        }
    }

    @Test func `bytes that are no keys don't get stuck`() {
        #expect(keys("\u{1B}x\u{0}a") == [.text("a")])
        var decoder = KeyDecoder()
        #expect(decoder.decode([0xFF, 0xC3, 0x28, 0x61]) == [.text("(a")])
        #expect(decoder.decode(Array("\u{1B}[999999999999999999".utf8)).isEmpty)
        #expect(decoder.decode([0x61]) == [.text("a")])
    }

    @Test func `a line is edited where the cursor is`() {
        #expect(String(edited("helo\u{1B}[Dl").text) == "hello")
        #expect(String(edited("abc\u{1B}[D\u{7F}").text) == "ac")
        #expect(String(edited("one two  \u{17}").text) == "one ")
        #expect(String(edited("one two\u{1B}[D\u{1B}[D\u{15}").text) == "wo")
        #expect(String(edited("one\u{1}\u{B}two").text) == "two")
    }

    @Test func `a finished line is submitted once, blank ones never`() {
        var editor = edited("hi")
        #expect(editor.take(.enter) == .submit("hi"))
        #expect(editor.take(.enter) == .none)
        _ = editor.take(.text("  "))
        #expect(editor.take(.enter) == .none)
    }

    @Test func `the history keeps what is being written`() {
        var editor = edited("one\rtwo\rdraft")
        _ = editor.take(.up)
        #expect(String(editor.text) == "two")
        _ = editor.take(.up)
        _ = editor.take(.up)
        #expect(String(editor.text) == "one")
        _ = editor.take(.down)
        _ = editor.take(.down)
        #expect(String(editor.text) == "draft")
    }

    @Test func `Control-D ends only on an empty line`() {
        var editor = edited("a")
        #expect(editor.take(.control("d")) == .none)
        _ = editor.take(.backspace)
        #expect(editor.take(.control("d")) == .end)
    }

    @Test func `a long line shows the part around the cursor`() {
        let editor = edited("abcdefghij")
        #expect(editor.visible(columns: 5).text == "ghij")
        #expect(editor.visible(columns: 5).column == 4)
        let home = edited("abcdefghij\u{1}")
        #expect(home.visible(columns: 5).text == "abcd")
        #expect(home.visible(columns: 5).column == 0)
        #expect(edited("你好吗").visible(columns: 5).text == "好吗")
        #expect(edited("你好吗").visible(columns: 5).column == 4)
    }

    @Test func `width counts what a terminal shows`() {
        #expect(DisplayWidth.of("abc") == 3)
        #expect(DisplayWidth.of("你好") == 4)
        #expect(DisplayWidth.of("e\u{301}") == 1)
        #expect(DisplayWidth.of("😀") == 2)
        #expect(DisplayWidth.prefix("hello", columns: 5) == "hello")
        #expect(DisplayWidth.prefix("hello!", columns: 5) == "hell…")
    }

    @Test func `a message waits below, then moves up with its mark`() {
        var model = ChatModel(user: "alice", peer: "bob")
        var screen = ChatScreen(columns: 40)
        let id = model.wrote("hi", time: "12:00")
        #expect(screen.draw(model.takeFinished(), model, LineEditor()).contains("12:00 hi …"))
        model.settled(id, nil)
        model.connection = .connected
        let drawn = screen.draw(model.takeFinished(), model, LineEditor())
        // One row up, everything below removed, the line, the prompt.
        #expect(drawn.hasPrefix("\r\u{1B}[1A\u{1B}[J12:00 alice: hi ✓\r\n"))
        #expect(drawn.contains("●\u{1B}[0m bob> "))
        #expect(!screen.draw([], model, LineEditor()).contains("[1A"))
    }

    @Test func `the prompt says what the connection does`() {
        var model = ChatModel(user: "alice", peer: "bob")
        var screen = ChatScreen(columns: 80)
        model.connection = .waiting(milliseconds: 2_500)
        #expect(screen.draw([], model, LineEditor()).contains("○\u{1B}[0m bob (reconnecting in 3 s)> "))
    }

    @Test func `many waiting messages don't fill the screen`() {
        var model = ChatModel(user: "alice", peer: "bob")
        var screen = ChatScreen(columns: 40)
        for number in 1...8 { _ = model.wrote("m\(number)", time: "12:00") }
        let drawn = screen.draw([], model, LineEditor())
        #expect(drawn.contains("3 more wait"))
        #expect(!drawn.contains("m3 "))
        #expect(drawn.contains("m4 "))
        #expect(screen.erase().contains("\u{1B}[6A"))
    }

    @Test func `a paste is one text with its lines, in any pieces, and sent by Enter alone`() {
        let pasted = (1...100).map { "line \($0)" }
        let bytes = Array(("a\u{1B}[200~" + pasted.joined(separator: "\r") + "\r\u{1B}[201~\r").utf8)
        for split in [0, 1, 3, 5, 8, 20, bytes.count - 8, bytes.count - 3, bytes.count] {
            var decoder = KeyDecoder()
            let keys = decoder.decode(Array(bytes[..<split])) + decoder.decode(Array(bytes[split...]))
            #expect(keys == [.text("a"), .paste(pasted.joined(separator: "\n")), .enter], "\(split)")
            var editor = LineEditor()
            let actions = keys.map { editor.take($0) }
            #expect(actions == [.none, .none, .submit("a" + pasted.joined(separator: "\n"))])
        }
        #expect(keys("\u{1B}[200~one\r\ntwo\u{1B}[31m\u{7}\tthree\u{1B}[201~x") == [.paste("one\ntwo[31m\tthree"), .text("x")])
    }

    @Test func `a paste that no message can hold is refused whole`() {
        var editor = edited("a")
        let action = editor.take(.paste(String(repeating: "x", count: (1 << 21) - 1)))
        #expect(action == .tooLong(bytes: 1 << 21))
        #expect(String(editor.text) == "a")
    }

    @Test func `a message of several lines is shown before it is sent`() {
        var screen = ChatScreen(columns: 80)
        let editor = edited("\u{1B}[200~" + (1...10).map { "l\($0)" }.joined(separator: "\r") + "\u{1B}[201~")
        let drawn = screen.draw([], ChatModel(user: "alice", peer: "bob"), editor)
        for text in ["| l1", "| l8", "| … 2 more lines", "10 lines, one message", "> l1⏎l2⏎"] { #expect(drawn.contains(text), "\(text)") }
        #expect(!drawn.contains("| l9"))
        #expect(screen.erase().contains("\u{1B}[10A"))
    }

    @Test func `another size draws everything anew, each line once and as many as fit`() {
        var model = ChatModel(user: "alice", peer: "bob")
        var screen = ChatScreen(columns: 80, rows: 24)
        for number in 1...30 { model.notice("notice \(number) " + String(repeating: "x", count: 50)) }
        _ = model.wrote("waits", time: "12:00")
        _ = screen.draw(model.takeFinished(), model, LineEditor())
        screen.resize(columns: 40, rows: 10)
        let drawn = screen.draw(model.takeFinished(), model, LineEditor())
        #expect(drawn.hasPrefix("\u{1B}[H\u{1B}[J"), "nothing of what stood there stays")
        // One row for what waits, one for the prompt, two for each line.
        for number in 27...30 { #expect(drawn.contains("notice \(number) ")) }
        #expect(!drawn.contains("notice 26 "))
        #expect(drawn.contains("12:00 waits …"))
        #expect(!screen.draw([], model, LineEditor()).contains("notice"))
        screen.refresh()
        #expect(screen.draw([], model, LineEditor()).contains("notice 30 "))
    }

    @Test func `a message that is longer than the screen is shown as far as it goes`() {
        var model = ChatModel(user: "alice", peer: "bob")
        var screen = ChatScreen(columns: 40, rows: 10)
        model.notice("long " + String(repeating: "x", count: 1000))
        _ = screen.draw(model.takeFinished(), model, LineEditor())
        screen.refresh()
        let drawn = screen.draw([], model, LineEditor())
        #expect(drawn.contains("-- long xxx") && drawn.contains("xxx…"))
    }

    @Test func `NO_COLOR and a dumb terminal are heeded`() {
        var model = ChatModel(user: "alice", peer: "bob")
        model.notice("a")
        _ = model.wrote("b", time: "12:00")
        var screen = ChatScreen(columns: 80, isStyled: false)
        #expect(!screen.draw(model.takeFinished(), model, LineEditor()).contains("m"))
        #expect(!Terminal.isStyled(["NO_COLOR": "1"]) && Terminal.isStyled(["NO_COLOR": ""]) && Terminal.isStyled([:]))
        #expect(Terminal.isDumb(["TERM": "dumb"]) && Terminal.isDumb([:]) && !Terminal.isDumb(["TERM": "xterm"]))
    }

    @Test func `a draft is kept until it is sent`() throws {
        let directory = try TemporaryDirectory()
        let draft = Draft(state: directory.path)
        #expect(draft.read().isEmpty)
        try draft.write("half a\nthought")
        #expect(Draft(state: directory.path).read() == "half a\nthought")
        try draft.write("")
        #expect(draft.read().isEmpty)
    }
}

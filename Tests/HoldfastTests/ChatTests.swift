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
}

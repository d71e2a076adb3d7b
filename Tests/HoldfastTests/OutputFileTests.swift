import Foundation
import Testing

@testable import holdfast

@Suite struct OutputFileTests {
    private func line(_ position: UInt64, _ text: String, user: String = "bob") -> [UInt8] {
        ReceivedLine(
            position: position, user: user,
            content: .message(
                .init(
                    conversation: 1, from: "alice", to: user, timeMilliseconds: 0, kind: .text, body: Array(text.utf8), isRepeat: false))
        ).json
    }

    @Test func `a new file has no position`() throws {
        let directory = try TemporaryDirectory()
        let file = try OutputFile(path: directory.path("out"), user: "bob")
        #expect(file.lastPosition == nil)
        #expect(file.cutBytes == 0)
    }

    @Test func `what was appended is there at the next start`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("out")
        do {
            let file = try OutputFile(path: path, user: "bob")
            try file.append(line(5, "one") + line(9, "two"))
        }
        let file = try OutputFile(path: path, user: "bob")
        #expect(file.lastPosition == 9)
        try file.append(line(12, "three"))
        #expect(try directory.contents("out") == line(5, "one") + line(9, "two") + line(12, "three"))
    }

    @Test func `a last line that is torn anywhere is cut`() throws {
        let whole = line(5, "one") + line(9, String(repeating: "x", count: 100_000))
        let torn = line(11, String(repeating: "y", count: 70_000))
        for count in [1, 2, 20, 4096, 65_535, 65_536, 65_537, torn.count - 1] {
            let directory = try TemporaryDirectory()
            try directory.write(whole + torn.prefix(count), to: "out")
            let file = try OutputFile(path: directory.path("out"), user: "bob")
            #expect(file.cutBytes == count)
            #expect(file.lastPosition == 9)
            #expect(try directory.contents("out") == whole)
        }
    }

    @Test func `a file with nothing but a torn line is begun anew`() throws {
        let directory = try TemporaryDirectory()
        try directory.write(Array(line(5, "one").dropLast()), to: "out")
        let file = try OutputFile(path: directory.path("out"), user: "bob")
        #expect(file.lastPosition == nil)
        #expect(try directory.contents("out").isEmpty)
    }

    @Test func `what a power cut left with a hole is cut there, whatever follows`() throws {
        let whole = line(5, "one") + line(9, "two")
        let unsynced = (10..<100).flatMap { line($0, "more") }
        for hole in [0..<1, 100..<612, 1000..<unsynced.count - 60, 20..<unsynced.count] {
            let directory = try TemporaryDirectory()
            var torn = unsynced
            torn.replaceSubrange(hole, with: repeatElement(0, count: hole.count))
            try directory.write(whole + torn, to: "out")
            let kept = unsynced[..<hole.lowerBound].lastIndex(of: UInt8(ascii: "\n")).map { unsynced[...$0] } ?? []
            let file = try OutputFile(path: directory.path("out"), user: "bob")
            #expect(try directory.contents("out") == whole + kept)
            #expect(file.lastPosition == UInt64(9 + kept.count { $0 == UInt8(ascii: "\n") }))
        }
    }

    @Test func `more than may be unsynced at once is written in parts`() throws {
        let directory = try TemporaryDirectory()
        let lines = (1..<30).flatMap { line($0, String(repeating: "x", count: 100_000)) }
        do { try OutputFile(path: directory.path("out"), user: "bob").append(lines) }
        #expect(try directory.contents("out") == lines)
        #expect(try OutputFile(path: directory.path("out"), user: "bob").lastPosition == 29)
    }

    @Test func `positions above what a double holds are exact`() throws {
        let directory = try TemporaryDirectory()
        let position = UInt64(3) << 56 | 0x1234_5678_9ABC_DEF1
        try directory.write(line(position, "one"), to: "out")
        #expect(try OutputFile(path: directory.path("out"), user: "bob").lastPosition == position)
    }

    @Test func `a file of something else, or of another user, is left alone`() throws {
        let directory = try TemporaryDirectory()
        for contents in [Array("my notes\nthat matter".utf8), Array("one word".utf8), [1, 0, 2], line(5, "one", user: "carol") + [0x7B]] {
            try directory.write(contents, to: "out")
            let error = #expect(throws: CommandFailure.self) { try OutputFile(path: directory.path("out"), user: "bob") }
            #expect(error?.message.contains(directory.path("out")) == true)
            #expect(try directory.contents("out") == contents)
        }
    }

    @Test func `one file has one writer`() throws {
        let directory = try TemporaryDirectory()
        let first = try OutputFile(path: directory.path("out"), user: "bob")
        let error = #expect(throws: CommandFailure.self) { try OutputFile(path: directory.path("out"), user: "bob") }
        #expect(error?.message.contains("another receive") == true)
        withExtendedLifetime(first) {}
    }

    @Test func `what can't be cut is refused`() {
        #expect(throws: CommandFailure.self) { try OutputFile(path: "/dev/null", user: "bob") }
    }

    @Test func `a file that was renamed has a successor, one that wasn't has none`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("out")
        let file = try OutputFile(path: path, user: "bob")
        try file.append(line(5, "one"))
        #expect(try file.successor() == nil)
        try FileManager.default.moveItem(atPath: path, toPath: directory.path("out.1"))
        let next = try #require(try file.successor())
        try next.append(line(9, "two"))
        #expect(try directory.contents("out.1") == line(5, "one"))
        #expect(try directory.contents("out") == line(9, "two"))
        // Whoever rotates may put something there that isn't ours.
        try FileManager.default.moveItem(atPath: path, toPath: directory.path("out.2"))
        try directory.write(Array("something else\n".utf8), to: "out")
        #expect(throws: CommandFailure.self) { try next.successor() }
    }
}

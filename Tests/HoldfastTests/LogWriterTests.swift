import Foundation
import Logging
import Testing

@testable import holdfast

/// The log: what a line looks like, and that it holds nobody up.
@Suite struct LogWriterTests {
    private struct Pipe: ~Copyable {
        let readEnd: Int32
        let writeEnd: Int32

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(unsafe pipe(&ends) == 0)
            (readEnd, writeEnd) = (ends[0], ends[1])
        }

        deinit { close(readEnd) }

        /// Puts line ends into it until it takes no more.
        func fill() throws {
            let flags = fcntl(writeEnd, F_GETFL)
            try #require(fcntl(writeEnd, F_SETFL, flags | O_NONBLOCK) == 0)
            let ends = [UInt8](repeating: UInt8(ascii: "\n"), count: 4096)
            while unsafe write(writeEnd, ends, ends.count) > 0 {}
            try #require(fcntl(writeEnd, F_SETFL, flags) == 0)
        }

        /// What comes until it ends with a line's end and is enough.
        func text(until isEnough: ([Substring]) -> Bool = { _ in true }) -> String {
            var text: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 65_536)
            while text.last != UInt8(ascii: "\n") || !isEnough(String(decoding: text, as: UTF8.self).split(separator: "\n")) {
                let count = unsafe read(readEnd, &part, part.count)
                guard count > 0 else { break }
                text += part[..<count]
            }
            return String(decoding: text, as: UTF8.self)
        }
    }

    @Test func `a line has its message before its particulars, and nothing in it ends it`() throws {
        let pipe = try Pipe()
        let writer = try LogWriter(descriptor: pipe.writeEnd)
        var logger = Logger(label: "") { _ in LineLogHandler(.info, writer) }
        logger[metadataKey: "loop"] = "1"
        logger.debug("not shown")
        logger.warning("two\nlines", metadata: ["user": "a \"b\"", "address": "::1", "none": "", "escape": "\u{1B}[2J"])
        #expect(writer.flush(milliseconds: 60_000))
        let line = pipe.text()
        #expect(line.dropFirst(24) == " warning two⏎lines address=::1 escape=<U+1B>[2J loop=1 none=\"\" user=\"a \\\"b\\\"\"\n")
    }

    @Test func `a pipe that nobody empties holds nobody up, and what was dropped is counted`() throws {
        let pipe = try Pipe()
        try pipe.fill()
        let writer = try LogWriter(descriptor: pipe.writeEnd, bytesMax: 1000)
        let line = String(repeating: "x", count: 499)
        let lineCount = 2000
        for _ in 0..<lineCount { writer.write(line) }
        #expect(!writer.flush(milliseconds: 0))
        var droppedCount = 0
        _ = pipe.text { lines in
            droppedCount = lines.filter { $0.contains("dropped") }.compactMap { $0.split(separator: "=").last }.compactMap { Int($0) }
                .reduce(0, +)
            return lines.count { $0 == line } + droppedCount == lineCount
        }
        #expect(droppedCount > 0)
        #expect(writer.flush(milliseconds: 60_000))
    }
}

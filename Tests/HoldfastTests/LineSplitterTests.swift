import Testing

@testable import holdfast

@Suite struct LineSplitterTests {
    private func split(_ text: String, chunk: Int, bytesMax: Int = 100) throws -> [String] {
        var splitter = LineSplitter(bytesMax: bytesMax)
        var lines: [ArraySlice<UInt8>] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            try splitter.append(bytes[start..<min(start + chunk, bytes.count)], into: &lines)
        }
        if let last = splitter.finish() { lines.append(last) }
        return lines.map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: 1...12)
    func `any chunks give the same lines`(chunk: Int) throws {
        #expect(try split("one\n\ntwo\r\nthree", chunk: chunk) == ["one", "", "two\r", "three"])
        #expect(try split("one\ntwo\n", chunk: chunk) == ["one", "two"])
        #expect(try split("", chunk: chunk).isEmpty)
    }

    @Test(arguments: [1, 3, 64])
    func `a line that is too long is refused by its number`(chunk: Int) {
        #expect(throws: LineSplitter.LineTooLong(lineNumber: 2, bytesMax: 4)) { try split("one\nabcde\nx", chunk: chunk, bytesMax: 4) }
        #expect(throws: Never.self) { try split("one\nabcd\nx", chunk: chunk, bytesMax: 4) }
    }
}

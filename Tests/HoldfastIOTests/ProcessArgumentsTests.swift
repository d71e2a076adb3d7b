import Foundation
import Testing

@testable import HoldfastIO

@Suite struct ProcessArgumentsTests {
    @Test func `what isn't UTF-8 is refused with its place and its bytes`() throws {
        let failure = ProcessArguments.Failure.notText(number: 2, bytes: Array("di\u{7}r".utf8) + [0xFF])
        #expect(throws: failure) { try ProcessArguments.texts([Array("--data".utf8), Array("di\u{7}r".utf8) + [0xFF]]) }
        #expect(failure.isUsage && failure.description.contains(#"Argument 2, "di\x07r\xFF", is not UTF-8"#))
        #expect(try ProcessArguments.texts([Array("größe".utf8), []]) == ["größe", ""])
    }

    @Test func `they are those that the system knows`() throws {
        let known = try String(contentsOfFile: "/proc/self/cmdline", encoding: .utf8).components(separatedBy: "\0")
        #expect(try ProcessArguments.all() == Array(known.dropFirst().dropLast()))
    }
}

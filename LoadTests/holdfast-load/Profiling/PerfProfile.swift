import Foundation

/// Samples of call stacks, as `perf script` prints them.
struct PerfProfile: Sendable {
    /// A function, and the file that it is in.
    struct Frame: Hashable, Sendable {
        /// As the linker knows it, without an offset; `[unknown]` if perf doesn't know it.
        var symbol: String
        /// Its name without folders; the kernel's are in brackets.
        var library: String

        var isKernel: Bool { library.hasPrefix("[k") || library == "[vmlinux]" || library.hasSuffix(".ko") }
    }

    /// Where a thread was at a moment.
    struct Sample: Sendable {
        /// Its name and its number.
        var thread: Thread
        /// Indices of `frames`, the innermost first; empty if perf couldn't look at the stack.
        var stack: [Int]
    }

    struct Thread: Hashable, Sendable {
        var name: String
        var id: Int
    }

    /// All functions, each once.
    private(set) var frames: [Frame] = []
    private(set) var samples: [Sample] = []
    private var indices: [Frame: Int] = [:]

    /// Reads the text of `perf script`, with any of its fields as long as thread, address, symbol and file are among them, as they are by
    /// default. Lines that it doesn't know are skipped.
    /// - Throws: `LoadError` if there is no sample.
    init(script: Data, name: String) throws {
        var known: [Data.SubSequence: Int] = [:]
        var current: Sample?
        for line in script.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let isFrame = line.first == UInt8(ascii: "\t") || line.first == UInt8(ascii: " ")
            // A name in a sample's first line may be indented, but has no address.
            if isFrame, current != nil, let text = Self.frameText(line) {
                // The same call at another place is the same function.
                let index: Int
                if let found = known[text] {
                    index = found
                } else {
                    index = add(Self.frame(String(decoding: text, as: UTF8.self)))
                    known[text] = index
                }
                current?.stack.append(index)
            } else if let sample = current, line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }) {
                samples.append(sample)
                current = nil
            } else if let thread = Self.thread(String(decoding: line, as: UTF8.self)) {
                if let sample = current { samples.append(sample) }
                current = Sample(thread: thread, stack: [])
            }
        }
        if let sample = current { samples.append(sample) }
        guard !samples.isEmpty else {
            throw LoadError("\(name) has no samples: expected is what 'perf script' prints of a 'perf record -g'")
        }
    }

    private mutating func add(_ frame: Frame) -> Int {
        if let index = indices[frame] { return index }
        frames.append(frame)
        indices[frame] = frames.count - 1
        return frames.count - 1
    }

    /// What follows the address in the line of a frame; nil if it doesn't begin with one.
    private static func frameText(_ line: Data.SubSequence) -> Data.SubSequence? {
        let text = line.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let end = text.firstIndex(of: UInt8(ascii: " ")) ?? text.endIndex
        guard end > text.startIndex, text[..<end].allSatisfy({ isHexadecimal($0) }) else { return nil }
        return text[end...]
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    /// ` symbol+0x12 (/usr/lib/libc.so.6)`
    private static func frame(_ text: String) -> Frame {
        var symbol = text.trimmingCharacters(in: .whitespaces)
        var library = ""
        if symbol.hasSuffix(")"), let start = symbol.range(of: "(", options: .backwards),
            start.lowerBound == symbol.startIndex
                || symbol[symbol.index(before: start.lowerBound)] == " "
        {
            library = String(symbol[start.upperBound...].dropLast())
            symbol = symbol[..<start.lowerBound].trimmingCharacters(in: .whitespaces)
        }
        if let offset = symbol.range(of: "+0x", options: .backwards) { symbol = String(symbol[..<offset.lowerBound]) }
        return Frame(symbol: symbol.isEmpty ? "[unknown]" : symbol, library: (library as NSString).lastPathComponent)
    }

    /// `name 123/124 [001] 55.123456:  1 cycles:` and its like: a name may have spaces and numbers, and most fields can be missing.
    private static func thread(_ line: String) -> Thread? {
        let words = line.split(separator: " ")
        func number(_ word: Substring) -> Int? {
            let parts = word.split(separator: "/", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { Int($0) }
            return (1...2).contains(parts.count) && numbers.count == parts.count ? numbers.last : nil
        }
        // The number stands before the processor and the time; without these, it is process/thread, or the last one.
        let time = words.firstIndex { $0.hasSuffix(":") && $0.contains(".") && Double($0.dropLast()) != nil }
        let limit = time ?? words.endIndex
        let places = words.indices.filter { $0 > 0 && $0 < limit && number(words[$0]) != nil }
        guard let place = (time == nil ? places.last { words[$0].contains("/") } : nil) ?? places.last, let id = number(words[place]) else {
            return nil
        }
        return Thread(name: words[..<place].joined(separator: " "), id: id)
    }
}

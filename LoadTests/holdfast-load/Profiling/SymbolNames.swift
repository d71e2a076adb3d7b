import Foundation

/// Readable names for what the linker calls a function.
enum SymbolNames {
    /// One for each symbol: by Swift's own demangler, if it is installed; else their words.
    static func readable(_ symbols: [String]) -> [String] {
        let mangled = symbols.filter(isMangled)
        guard !mangled.isEmpty else { return symbols }
        var names: [String: String] = [:]
        if let demangled = demangle(mangled) {
            for (symbol, name) in zip(mangled, demangled) { names[symbol] = shortened(name) }
        } else {
            for symbol in mangled { names[symbol] = words(of: symbol) }
        }
        return symbols.map { names[$0] ?? $0 }
    }

    private static func isMangled(_ symbol: String) -> Bool { ["$s", "$S", "_$s", "_$S"].contains { symbol.hasPrefix($0) } }

    private static func demangle(_ symbols: [String]) -> [String]? {
        guard let program = Tool.findInPath("swift-demangle") else { return nil }
        let file = NSTemporaryDirectory() + "/holdfast-load-symbols-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        do {
            try symbols.joined(separator: "\n").appending("\n").write(toFile: file, atomically: true, encoding: .utf8)
            let (text, status) = try ChildProcess(program, ["--compact", "--simplified"], input: file).finish()
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            return status == 0 && lines.count == symbols.count ? lines.map(String.init) : nil
        } catch {
            return nil
        }
    }

    /// Without what the compiler has done to it: a function is the same one, specialised or not.
    static func shortened(_ name: String) -> String {
        var name = name
        for prefix in ["generic specialization <", "function signature specialization <"] {
            while name.hasPrefix(prefix), let end = closing(name, from: name.index(name.startIndex, offsetBy: prefix.count)) {
                name = String(name[name.index(after: end)...].drop { $0 == " " })
                if name.hasPrefix("of ") { name.removeFirst(3) }
            }
        }
        for prefix in ["specialized ", "merged ", "partial apply for "] where name.hasPrefix(prefix) { name.removeFirst(prefix.count) }
        return name
    }

    /// The end of a bracket that was opened before `start`.
    private static func closing(_ text: String, from start: String.Index) -> String.Index? {
        var depth = 1
        var last: Character = " "
        for index in text[start...].indices {
            // An arrow isn't a bracket.
            if text[index] == "<" { depth += 1 } else if text[index] == ">" && last != "-" { depth -= 1 }
            if depth == 0 { return index }
            last = text[index]
        }
        return nil
    }

    /// The words of a mangled symbol that are written out: `$s12HoldfastCore7GatewayV5drain` has HoldfastCore, Gateway and drain.
    static func words(of symbol: String) -> String {
        var words: [Substring] = []
        var rest = symbol.drop { !$0.isNumber }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let count = Int(digits), count > 0, rest.count >= digits.count + count else {
                // A word that refers to an earlier one, or something else.
                rest = rest.dropFirst(max(1, digits.count)).drop { !$0.isNumber }
                continue
            }
            rest = rest.dropFirst(digits.count)
            words.append(rest.prefix(count))
            rest = rest.dropFirst(count).drop { !$0.isNumber }
        }
        return words.isEmpty ? symbol : words.joined(separator: ".")
    }
}

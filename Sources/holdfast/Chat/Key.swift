/// A key, or a combination, as a terminal sends it.
enum Key: Equatable, Sendable {
    case text(String)
    /// What was pasted, with line feeds between its lines.
    case paste(String)
    case enter, backspace, delete, left, right, up, down, home, end
    /// With the control key held down; the letter in lower case.
    case control(Character)
}

/// Turns a terminal's bytes into keys; a sequence may come in pieces.
struct KeyDecoder {
    private var pending: [UInt8] = []
    /// What of a paste has come.
    private var pasted: [UInt8]?
    private static let pasteStart = Array("\u{1B}[200~".utf8)
    private static let pasteEnd = Array("\u{1B}[201~".utf8)

    /// The keys that `bytes` complete.
    mutating func decode(_ bytes: [UInt8]) -> [Key] {
        pending.append(contentsOf: bytes)
        var keys: [Key] = []
        var index = 0
        while index < pending.count {
            if pasted != nil {
                guard let end = takePasted(&index) else { break }
                keys.append(end)
                continue
            }
            if pending[index...].starts(with: Self.pasteStart) {
                pasted = []
                index += Self.pasteStart.count
                continue
            }
            guard let (key, count) = Self.next(pending[index...]) else { break }
            index += count
            guard let key else { continue }
            // Letters that come together are one text: a paste is one change.
            if case .text(let text) = key, case .text(let before) = keys.last {
                keys[keys.count - 1] = .text(before + text)
            } else {
                keys.append(key)
            }
        }
        pending.removeFirst(index)
        return keys
    }

    /// Takes what belongs to the paste; the whole of it once its end is there.
    private mutating func takePasted(_ index: inout Int) -> Key? {
        while let mark = pending[index...].firstIndex(of: 0x1B) {
            pasted?.append(contentsOf: pending[index..<mark])
            index = mark
            let rest = pending[mark...]
            if rest.starts(with: Self.pasteEnd) {
                index += Self.pasteEnd.count
                defer { pasted = nil }
                return .paste(Self.text(pasted ?? []))
            }
            // It may be the beginning of the end.
            if Self.pasteEnd.starts(with: rest) { return nil }
            index += 1
        }
        pasted?.append(contentsOf: pending[index...])
        index = pending.count
        return nil
    }

    /// Lines end as in a text file, whatever the terminal makes of them; signs that would steer a terminal are left out, and so is the end of the
    /// last line, which few want to send.
    private static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        var wasReturn = false
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            switch scalar.value {
            case 0x0D: text.unicodeScalars.append("\n")
            case 0x0A: if !wasReturn { text.unicodeScalars.append("\n") }
            case 0x09, 0x20..<0x7F, 0xA0...: text.unicodeScalars.append(scalar)
            default: break
            }
            wasReturn = scalar.value == 0x0D
        }
        if text.hasSuffix("\n") { text.removeLast() }
        return text
    }

    /// The first key and its bytes; no key for a sequence that means nothing here; nil when more bytes are needed.
    private static func next(_ bytes: ArraySlice<UInt8>) -> (Key?, Int)? {
        guard let first = bytes.first else { return nil }
        switch first {
        case 0x0D, 0x0A: return (.enter, 1)
        case 0x7F, 0x08: return (.backspace, 1)
        case 0x1B: return escape(bytes)
        case 0x01...0x1A: return (.control(Character(Unicode.Scalar(first + 0x60))), 1)
        case 0..<0x20: return (nil, 1)
        case 0x20..<0x7F: return (.text(String(Unicode.Scalar(first))), 1)
        default: break
        }
        let count = first >= 0xF8 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
        // What follows a broken letter is a letter of its own.
        guard bytes.prefix(count).dropFirst().allSatisfy({ $0 & 0xC0 == 0x80 }) else { return (nil, 1) }
        guard bytes.count >= count else { return nil }
        return (String(validating: bytes.prefix(count), as: UTF8.self).map { .text($0) }, count)
    }

    /// ESC [ parameters letter, or ESC O letter; other uses of ESC mean nothing here.
    private static func escape(_ bytes: ArraySlice<UInt8>) -> (Key?, Int)? {
        let rest = bytes.dropFirst()
        guard let kind = rest.first else { return nil }
        guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return (nil, 2) }
        guard let end = rest.dropFirst().firstIndex(where: { 0x40...0x7E ~= $0 }) else {
            // Longer than any sequence that a terminal sends: not one.
            return bytes.count > 16 ? (nil, bytes.count) : nil
        }
        let count = end - bytes.startIndex + 1
        switch (rest[end], rest.dropFirst().first) {
        case (UInt8(ascii: "A"), _): return (.up, count)
        case (UInt8(ascii: "B"), _): return (.down, count)
        case (UInt8(ascii: "C"), _): return (.right, count)
        case (UInt8(ascii: "D"), _): return (.left, count)
        case (UInt8(ascii: "H"), _), (UInt8(ascii: "~"), UInt8(ascii: "1")): return (.home, count)
        case (UInt8(ascii: "F"), _), (UInt8(ascii: "~"), UInt8(ascii: "4")): return (.end, count)
        case (UInt8(ascii: "~"), UInt8(ascii: "3")): return (.delete, count)
        default: return (nil, count)
        }
    }
}

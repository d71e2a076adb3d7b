/// Cuts an XMPP stream into its elements. Any bytes may come: none make it trap.
struct XMLReader {
    static let elementBytesMax = 256 << 10
    static let depthMax = 16

    /// Reads one item that begins at `start`; white space before it is skipped.
    /// - Returns: the item and where it ends; nil if it isn't there wholly.
    static func read(_ bytes: Span<UInt8>, from start: Int) throws(XMLError) -> (item: XMLItem, end: Int)? {
        var cursor = XMLCursor(bytes: bytes, next: start)
        do {
            let item = try cursor.item()
            return (item, cursor.next)
        } catch {
            switch error {
            case .wrong(let reason): throw reason
            case .unfinished:
                guard bytes.count - start <= elementBytesMax else { throw .tooLarge }
                return nil
            }
        }
    }
}

/// A place in a stream.
private struct XMLCursor: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var next: Int

    /// Why there is no item.
    enum Stop: Error {
        /// More bytes are needed.
        case unfinished
        case wrong(XMLError)
    }

    @_lifetime(copy bytes)
    init(bytes: Span<UInt8>, next: Int) {
        self.bytes = bytes
        self.next = next
    }

    mutating func item() throws(Stop) -> XMLItem {
        try skipSpace()
        guard try byte() == UInt8(ascii: "<") else { throw .wrong(.malformed) }
        switch try peek() {
        case UInt8(ascii: "?"):
            while try byte() != UInt8(ascii: ">") {}
            return .declaration
        case UInt8(ascii: "/"):
            next += 1
            guard try name() == "stream:stream" else { throw .wrong(.malformed) }
            try skipSpace()
            guard try byte() == UInt8(ascii: ">") else { throw .wrong(.malformed) }
            return .streamClosed
        default:
            let (element, isEmpty) = try tag()
            if element.name == "stream:stream" && !isEmpty { return .streamOpened }
            return .element(isEmpty ? element : try content(of: element))
        }
    }

    /// What is inside an element, up to its end tag.
    private mutating func content(of outermost: XMLElement) throws(Stop) -> XMLElement {
        var open = [outermost]
        var text: [UInt8] = []
        while true {
            let byte = try self.byte()
            guard byte == UInt8(ascii: "<") else {
                if byte == UInt8(ascii: "&") { try entity(&text) } else { text.append(byte) }
                continue
            }
            open[open.count - 1].text += String(decoding: text, as: UTF8.self)
            text.removeAll(keepingCapacity: true)
            guard try peek() == UInt8(ascii: "/") else {
                let (element, isEmpty) = try tag()
                if isEmpty {
                    open[open.count - 1].children.append(element)
                } else {
                    guard open.count < XMLReader.depthMax else { throw .wrong(.tooDeep) }
                    open.append(element)
                }
                continue
            }
            next += 1
            guard try name() == open[open.count - 1].name else { throw .wrong(.malformed) }
            try skipSpace()
            guard try self.byte() == UInt8(ascii: ">") else { throw .wrong(.malformed) }
            let closed = open.removeLast()
            if open.isEmpty { return closed }
            open[open.count - 1].children.append(closed)
        }
    }

    /// What follows `<`.
    /// - Returns: the element without its content, and whether it has none.
    private mutating func tag() throws(Stop) -> (element: XMLElement, isEmpty: Bool) {
        let first = try peek()
        guard first != UInt8(ascii: "!") && first != UInt8(ascii: "?") else { throw .wrong(.forbidden) }
        var element = XMLElement(name: try name())
        while true {
            try skipSpace()
            switch try peek() {
            case UInt8(ascii: ">"):
                next += 1
                return (element, false)
            case UInt8(ascii: "/"):
                next += 1
                guard try byte() == UInt8(ascii: ">") else { throw .wrong(.malformed) }
                return (element, true)
            default:
                let key = try name()
                try skipSpace()
                guard try byte() == UInt8(ascii: "=") else { throw .wrong(.malformed) }
                try skipSpace()
                let quote = try byte()
                guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { throw .wrong(.malformed) }
                guard element.attributes.updateValue(try value(until: quote), forKey: key) == nil else { throw .wrong(.malformed) }
            }
        }
    }

    private mutating func value(until quote: UInt8) throws(Stop) -> String {
        var value: [UInt8] = []
        while true {
            let byte = try self.byte()
            if byte == quote { return String(decoding: value, as: UTF8.self) }
            guard byte != UInt8(ascii: "<") else { throw .wrong(.malformed) }
            if byte == UInt8(ascii: "&") { try entity(&value) } else { value.append(byte) }
        }
    }

    private mutating func name() throws(Stop) -> String {
        var name: [UInt8] = []
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), 0x80...0xFF:
                name.append(byte)
                next += 1
            default:
                guard !name.isEmpty else { throw .wrong(.malformed) }
                return String(decoding: name, as: UTF8.self)
            }
        }
    }

    /// What follows `&`: one of the five that XML knows, or a number.
    private mutating func entity(_ text: inout [UInt8]) throws(Stop) {
        var name = ""
        while true {
            let byte = try self.byte()
            if byte == UInt8(ascii: ";") { break }
            guard name.utf8.count < 8 else { throw .wrong(.malformed) }
            name.unicodeScalars.append(Unicode.Scalar(byte))
        }
        switch name {
        case "lt": text.append(UInt8(ascii: "<"))
        case "gt": text.append(UInt8(ascii: ">"))
        case "amp": text.append(UInt8(ascii: "&"))
        case "apos": text.append(UInt8(ascii: "'"))
        case "quot": text.append(UInt8(ascii: "\""))
        default:
            let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
            guard let number, let scalar = Unicode.Scalar(number) else { throw .wrong(.malformed) }
            text.append(contentsOf: String(Character(scalar)).utf8)
        }
    }

    private mutating func skipSpace() throws(Stop) {
        while [UInt8(ascii: " "), 9, 10, 13].contains(try peek()) { next += 1 }
    }

    private func peek() throws(Stop) -> UInt8 {
        guard next < bytes.count else { throw .unfinished }
        return bytes[next]
    }

    private mutating func byte() throws(Stop) -> UInt8 {
        let byte = try peek()
        next += 1
        return byte
    }
}

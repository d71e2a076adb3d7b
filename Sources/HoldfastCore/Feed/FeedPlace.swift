package import HoldfastWire

/// A place in the feed: a record's position, and which of the events that the record makes. A consumer that names the place of the last event that it
/// has gets what follows.
///
/// As text it is the number of the position in 20 digits, a minus sign and the index in 5, so that it sorts as text; it is the `id` of an event, its
/// `sequence`, and a cursor.
package struct FeedPlace: Hashable, Comparable, Sendable {
    package var position: Position
    package var index: UInt16

    package init(_ position: Position, _ index: UInt16) {
        self.position = position
        self.index = index
    }

    /// Behind everything that the record at the position makes.
    package static func end(of position: Position) -> FeedPlace { FeedPlace(position, .max) }

    package static let start = FeedPlace(.zero, .max)

    package static func < (a: FeedPlace, b: FeedPlace) -> Bool { (a.position, a.index) < (b.position, b.index) }

    /// Of the last record all of whose events lie before or at the place.
    package var wholeThrough: Position { index == .max || position == .zero ? position : Position(rawValue: position.rawValue - 1) }

    private static let (positionDigits, indexDigits) = (20, 5)

    /// - Returns: nil when the text isn't a place's, digit for digit. Total: no input traps.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.positionDigits + 1 + Self.indexDigits, bytes[Self.positionDigits] == UInt8(ascii: "-"),
            let position = Self.number(bytes[..<Self.positionDigits]), let index = Self.number(bytes[(Self.positionDigits + 1)...]),
            let index = UInt16(exactly: index)
        else { return nil }
        self.init(Position(rawValue: position), index)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            if isTooLarge || overflows { return nil }
            number = sum
        }
        return number
    }
}

extension FeedPlace: CustomStringConvertible {
    package var description: String {
        Self.padded(position.rawValue, Self.positionDigits) + "-" + Self.padded(UInt64(index), Self.indexDigits)
    }

    private static func padded(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}

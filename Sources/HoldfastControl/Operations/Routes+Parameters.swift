internal import HoldfastCore
internal import HoldfastWire

// The parameters of a request's path and query, each checked when it is taken.
extension Routes.Match {
    /// As it came; nil: it isn't there.
    func text(_ name: String) -> String? { parameters[name] ?? query[name] }

    func invalid(_ name: String, _ what: String) -> Problem { Problem(.invalidParameter, "The parameter \(name) \(what).") }

    /// A name in the path or the query, as the core has it; nil: it isn't there.
    func optionalName(_ name: String, bytesMax: Int = WireLimits.userBytesMax) throws(Problem) -> [UInt8]? {
        guard let text = text(name) else { return nil }
        guard WireLimits.isName(text, bytesMax: bytesMax) else {
            throw invalid(name, "must have 1 to \(bytesMax) bytes of UTF-8, without U+0000")
        }
        return Array(text.utf8)
    }

    /// A name that must be there.
    func name(_ name: String, bytesMax: Int = WireLimits.userBytesMax) throws(Problem) -> [UInt8] {
        guard let bytes = try optionalName(name, bytesMax: bytesMax) else { throw invalid(name, "is missing") }
        return bytes
    }

    /// A number of 64 bits; nil: it isn't there.
    func optionalNumber64(_ name: String) throws(Problem) -> UInt64? {
        guard let text = text(name) else { return nil }
        guard let number = JSONFields.number64(text) else { throw invalid(name, "must be a whole number of decimal digits, below 2^64") }
        return number
    }

    /// A number of 64 bits that must be there.
    func number64(_ name: String) throws(Problem) -> UInt64 {
        guard let number = try optionalNumber64(name) else { throw invalid(name, "is missing") }
        return number
    }

    /// A number of a range; nil: it isn't there.
    func optionalInteger(_ name: String, _ range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let number = try optionalNumber64(name) else { return nil }
        guard let number = Int(exactly: number), range.contains(number) else {
            throw invalid(name, "must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A flag; without it false.
    func flag(_ name: String) throws(Problem) -> Bool {
        switch text(name) {
        case "true": true
        case "false", nil: false
        default: throw invalid(name, "must be true or false")
        }
    }

    /// A place of the feed; nil: it isn't there.
    func optionalCursor(_ name: String) throws(Problem) -> FeedPlace? {
        guard let text = text(name) else { return nil }
        guard let place = FeedPlace(text) else { throw invalid(name, "is not a cursor: 20 digits, a minus sign and 5 digits") }
        return place
    }

    /// How many entries a page may have.
    func limit() throws(Problem) -> Int { try optionalInteger("limit", 1...Self.pageMax) ?? Self.pageDefault }

    private static let pageMax = 1_000
    private static let pageDefault = 100
}

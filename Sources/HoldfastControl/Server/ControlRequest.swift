internal import HTTPTypes
internal import HoldfastWire
internal import HummingbirdCore

/// A request that may be answered: its caller may make it, and there is room.
struct ControlRequest: Sendable {
    let id: String
    let operation: Operation
    /// Of the path and of the query, decoded.
    let parameters: [String: String]
    let query: [String: String]
    let headers: HTTPFields
    /// nil: the operation is for anybody.
    let caller: Caller?
    /// The whole body; empty where there is none, and for uploads, which read it as it comes.
    var body: [UInt8] = []
    let parts: RequestBody
}

extension ControlRequest {
    private func parameter(_ name: String) -> String? { parameters[name] ?? query[name] }

    private func invalid(_ name: String, _ what: String) -> Problem { Problem(.invalidParameter, "The parameter \(name) \(what).") }

    /// A name in the path or the query, as the core has it; nil: it isn't there.
    func optionalName(_ name: String, bytesMax: Int = WireLimits.userBytesMax) throws(Problem) -> [UInt8]? {
        guard let text = parameter(name) else { return nil }
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
        guard let text = parameter(name) else { return nil }
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

    /// How many entries a page may have.
    func limit() throws(Problem) -> Int { try optionalInteger("limit", 1...Self.pageMax) ?? Self.pageDefault }

    static let pageMax = 1_000
    static let pageDefault = 100
}

package import HTTPTypes

/// Finds the operation that a request means. Paths are taken apart as they are written: a slash inside a name is %2F, and dots are no steps.
package struct Routes: Sendable {
    private struct Route: Sendable {
        var segments: [Segment]
        var operations: [(HTTPRequest.Method, Operation)]
    }

    private enum Segment: Equatable, Sendable {
        case literal(Substring)
        case parameter(String)
    }

    /// What a request means.
    package struct Match: Equatable {
        package var operation: Operation
        /// Of the path, decoded.
        package var parameters: [String: String] = [:]
        /// Of the query, decoded.
        package var query: [String: String] = [:]
    }

    private var routes: [Route] = []
    /// Those without parameters, by their path.
    private var fixed: [String: Int] = [:]

    package init() {
        for operation in Operation.allCases {
            let facts = operation.facts
            let segments = Self.segments(facts.path).map { text -> Segment in
                text.hasPrefix("{") ? .parameter(String(text.dropFirst().dropLast())) : .literal(text)
            }
            if let index = routes.firstIndex(where: { $0.segments == segments }) {
                routes[index].operations.append((facts.method, operation))
            } else {
                routes.append(Route(segments: segments, operations: [(facts.method, operation)]))
            }
        }
        for (index, route) in routes.enumerated() {
            guard let path = route.operations.first?.1.facts.path, !path.contains("{") else { continue }
            fixed[path] = index
        }
    }

    /// - Parameter target: the path with its query, as it came.
    package func match(_ method: HTTPRequest.Method, _ target: String) throws(Problem) -> Match {
        guard target.utf8.first == UInt8(ascii: "/") else {
            throw Problem(.malformedRequest, "The request's path doesn't begin with a slash.")
        }
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let known = fixed[String(parts[0])].map { routes[$0] }
        let segments = known == nil ? Self.segments(parts[0]) : []
        guard let route = known ?? routes.first(where: { Self.matches($0.segments, segments) }) else {
            throw Problem(.noSuchPath, "There is no path \(parts[0].prefix(200)).")
        }
        guard let operation = route.operations.first(where: { $0.0 == method })?.1 else {
            var problem = Problem(.methodNotAllowed, "\(parts[0].prefix(200)) doesn't have the method \(method.rawValue.prefix(32)).")
            problem.allowed = route.operations.map(\.0.rawValue).sorted()
            throw problem
        }
        var match = Match(operation: operation)
        for case (.parameter(let name), let text) in zip(route.segments, segments) {
            guard let value = Self.decoded(text) else {
                throw Problem(.invalidParameter, "The parameter \(name) of the path is not percent-encoded UTF-8.")
            }
            match.parameters[name] = value
        }
        if parts.count == 2 { match.query = try Self.query(parts[1], of: operation) }
        return match
    }

    private static func segments(_ path: some StringProtocol) -> [Substring] {
        Substring(path).dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    private static func matches(_ route: [Segment], _ segments: [Substring]) -> Bool {
        guard route.count == segments.count else { return false }
        return zip(route, segments).allSatisfy { wanted, segment in
            switch wanted {
            case .literal(let text): text == segment
            case .parameter: true
            }
        }
    }

    private static func query(_ text: Substring, of operation: Operation) throws(Problem) -> [String: String] {
        var values: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(parts[0]), let value = decoded(parts.count == 2 ? parts[1] : "", plusIsSpace: true) else {
                throw Problem(.invalidParameter, "The query is not percent-encoded UTF-8.")
            }
            guard operation.facts.query.contains(name) else {
                throw Problem(.invalidParameter, "There is no parameter \"\(name.prefix(100))\" in this query.")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(.invalidParameter, "The parameter \(name) comes twice.")
            }
        }
        return values
    }

    /// Undoes percent-encoding; nil: it is broken, or what comes out is not UTF-8.
    static func decoded(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

import HTTPTypes
import HoldfastControl
import HoldfastCore
import HoldfastIO

private let routes = Routes()
private let methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]

/// The bytes as a target, and a target of an operation whose parameters they are. What a target means is so however its names are encoded, and
/// whoever looks at the path alone finds the same uploads.
func fuzzRequestTarget(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let method = HTTPRequest.Method(methods[Int(input.byte()) % methods.count]) ?? .get
    let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
    for target in [text, "/" + text, "/v1/" + text] { checkTarget(method, target) }
    let operation = Operation.allCases[Int(input.byte()) % Operation.allCases.count]
    let facts = operation.facts
    let values = (facts.path.split(separator: "{").dropFirst().map { _ in 0 } + facts.query.map { _ in 0 }).map { _ in
        String(decoding: input.take(Int(input.byte() % 20)), as: UTF8.self)
    }
    var rest = values[...]
    let segments = facts.path.split(separator: "/").map { $0.hasPrefix("{") ? encoded(rest.popFirst() ?? "") : String($0) }
    let pairs = zip(facts.query, rest)
    let target = "/" + segments.joined(separator: "/") + "?" + pairs.map { "\($0)=\(encoded($1))" }.joined(separator: "&")
    guard let match = try? routes.match(facts.method, target), match.operation == operation else {
        preconditionFailure("\(operation) isn't found by its own path")
    }
    for (name, value) in pairs { precondition(isSame(match.query[name], value), "a parameter of the query changed") }
    precondition(match.query.count == facts.query.count, "the query lacks a parameter")
    for name in names(facts.path) { precondition(match.parameters[name] != nil, "the path lacks a parameter") }
    checkTarget(facts.method, target)
}

private func checkTarget(_ method: HTTPRequest.Method, _ text: String) {
    let head = HTTPRequest(method: method, scheme: nil, authority: nil, path: text)
    // The library takes out what no head may have, such as a zero: the server never sees it either.
    let target = head.path ?? ""
    let isUpload = Operation.isUpload(head)
    let match: Routes.Match
    do throws(Problem) { match = try routes.match(method, target) } catch {
        precondition(
            [.malformedRequest, .noSuchPath, .methodNotAllowed, .invalidParameter].contains(error.kind),
            "a target was refused as \(error.kind)")
        return precondition(!isUpload || error.kind == .invalidParameter, "a target that means nothing was taken for an upload")
    }
    if match.operation == .getEvents { checkFeedQuery(match, lastEventID: text) }
    let facts = match.operation.facts
    precondition(facts.method == method, "an operation was found by another method")
    precondition(isUpload == match.operation.isUpload, "it depends on who looks whether a target is an upload's")
    precondition(Set(match.parameters.keys) == Set(names(facts.path)), "the path's parameters aren't the operation's")
    precondition(Set(match.query.keys).isSubset(of: facts.query), "the query has parameters that the operation doesn't know")
    var path = facts.path
    for (name, value) in match.parameters { path.replace("{\(name)}", with: encoded(value)) }
    let query = match.query.map { "\($0)=\(encoded($1))" }.joined(separator: "&")
    guard let again = try? routes.match(method, path + "?" + query), again.operation == match.operation else {
        preconditionFailure("a target lost its meaning when it was written again")
    }
    for (name, value) in match.parameters { precondition(isSame(again.parameters[name], value), "a parameter of the path changed") }
    for (name, value) in match.query { precondition(isSame(again.query[name], value), "a parameter of the query changed") }
}

/// What is asked of the feed is within its limits, whatever stands in the query and in Last-Event-ID.
private func checkFeedQuery(_ match: Routes.Match, lastEventID: String) {
    for id in [nil, lastEventID, match.query["after"]] {
        let query: FeedQuery
        do throws(Problem) { query = try FeedQuery(match, lastEventID: id) } catch {
            precondition(error.kind == .invalidParameter, "a query of the feed was refused as \(error.kind)")
            continue
        }
        if let after = match.query["after"] ?? id, !after.isEmpty { precondition("\(query.after ?? .start)" == after, "a cursor changed") }
        precondition(query.consumer.map(ConsumerName.isGood) ?? true, "a consumer has a name that none can have")
        precondition(
            (0...FeedQuery.waitSecondsMax).contains(query.wait) && (1...1_000).contains(query.limit), "a number is out of its range")
        precondition(!query.filter.types.types.isEmpty, "a filter leaves out everything")
        precondition(query.filter.user.count <= 255 && query.filter.tag.count <= 255, "a text of a filter is too long")
        precondition(query.consumer == nil || query.filter == FeedFilter(), "a consumer has two filters")
    }
}

/// By bytes: Swift takes some texts for equal that have others.
private func isSame(_ text: String?, _ other: String) -> Bool { text.map { $0.utf8.elementsEqual(other.utf8) } ?? false }

/// The parameters of a path.
private func names(_ path: String) -> [String] {
    path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
}

private func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.map { "%\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined()
}

private let gatewayNames = HostName(["im.example.com"])
private let called = "10.1.2.3"

/// The bytes as the value of each header that is taken apart.
func fuzzRequestHeaders(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    for value in [text, "\"\(text)\""] {
        guard let key = IdempotencyKey.parse(value) else { continue }
        precondition((1...IdempotencyKey.bytesMax).contains(key.count), "a key is longer than its limit")
        precondition(key.allSatisfy { (0x20...0x7E).contains($0) }, "a key has characters that can't be seen")
        let quoted = key.flatMap { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), $0] : [$0] }
        precondition(
            IdempotencyKey.parse("\"" + String(decoding: quoted, as: UTF8.self) + "\"") == key, "a key changed when it was written")
    }
    if RequestID.isGood(text) {
        precondition(
            (1...64).contains(bytes.count) && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "a request's id could end a line of the log")
    }
    precondition(RequestID.isGood(RequestID.make()), "a request's own id isn't good")
    for scheme in ["", "Bearer ", "bearer  "] {
        guard let token = BearerToken.parse(scheme + text) else { continue }
        precondition(!token.isEmpty && BearerToken.parse("Bearer " + token)?.utf8.elementsEqual(token.utf8) == true, "a token changed")
    }
    for value in [text, "application/json;" + text] where ContentType.matches(value, "application/json") {
        precondition(value.lowercased().contains("application/json"), "a body of another type was taken")
        precondition(!ContentType.matches(value, "application/x-ndjson"), "a body has two types")
    }
    if let place = FeedPlace(text) { precondition("\(place)".utf8.elementsEqual(text.utf8), "a cursor changed") }
    for value in [text, "a/b, text/event-stream;" + text] where AcceptHeader.takes(value, "text/event-stream") {
        precondition(value.lowercased().contains("text/event-stream"), "an answer that isn't wanted was taken")
    }
    for authority in [text, text + ":7480", "[\(text)]:7480"] { checkHost(authority) }
}

/// Nothing but a name of the gateway's, or an address, is let in: a web page's own name never is.
private func checkHost(_ authority: String) {
    if let (host, port) = HostName.split(authority) {
        let again = HostName.split(HostName.join(host, port ?? 0))
        // In brackets may stand whatever isn't a bracket; only an address with colons keeps them.
        if !host.contains("[") { precondition(again?.host == host && again?.port == port ?? 0, "a host changed when it was written") }
    }
    guard gatewayNames.allows(authority, localHost: called) else { return }
    guard let host = HostName.split(authority)?.host else { preconditionFailure("a name was allowed that is none") }
    if ["localhost", "im.example.com"].contains(host.lowercased()) { return }
    precondition(
        host.utf8.prefix { $0 != UInt8(ascii: "%") }.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
        }, "a name that is none of the gateway's was allowed")
}

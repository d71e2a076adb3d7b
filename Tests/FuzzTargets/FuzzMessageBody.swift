import HoldfastControl
import HoldfastCore
import HoldfastGateway
import HoldfastWire

private let bodyBytesMax = 40

/// Composed letters and others that look the same are other bytes, and so other users.
private let names = ["alice", "bob", "caf\u{E9}", "cafe\u{301}", "K", "\u{212A}", "shop-1", "shop-2", ""]

private let callers = [
    Caller(user: "caf\u{E9}", name: "backend", scopes: [.push]),
    Caller(user: "K", name: "backend", scopes: [.push, .pushAs], to: RecipientLimit(["shop-*", "alice", "caf\u{E9}"])),
    Caller(user: nil, name: "uid 0 pid 1", scopes: [.push, .pushAs]),
]

/// The bytes as a body, and a body of the right fields that is made from them. What is taken is within its limits and the caller's rights, and is
/// the same however its JSON is written; what isn't names a place in the body.
func fuzzMessageBody(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let caller = callers[Int(input.byte()) % callers.count]
    checkMessage(Array(bytes.dropFirst()), caller)
    checkMessage(message(&input).json, caller)
    checkConsumer(Array(bytes.dropFirst()))
}

/// The bytes as what a consumer of the feed is registered with.
private func checkConsumer(_ json: [UInt8]) {
    let (hoursMax, bytesMax) = (72, 10 << 30)
    let fields: ConsumerFields
    do throws(Problem) { fields = try ConsumerFields(json, hoursMax: hoursMax, bytesMax: bytesMax) } catch {
        return precondition([.malformedJSON, .invalidField].contains(error.kind), "a consumer was refused as \(error.kind)")
    }
    let registration = fields.registration
    precondition((3_600...UInt32(hoursMax) * 3_600).contains(registration.ageMax), "a consumer may be behind for too long")
    precondition((1...UInt64(bytesMax)).contains(registration.bytesMax), "a consumer may be behind by too many bytes")
    precondition(!registration.filter.types.types.isEmpty, "a filter leaves out everything")
}

private func checkMessage(_ json: [UInt8], _ caller: Caller) {
    let fields: MessageFields
    do throws(Problem) { fields = try MessageFields(json, from: caller, bodyBytesMax: bodyBytesMax) } catch {
        guard let value = try? JSONParser.parse(json) else {
            return precondition(error.kind == .malformedJSON, "what isn't JSON was looked into")
        }
        switch error.kind {
        case .scopeMissing: precondition(!caller.scopes.contains(.pushAs), "a scope that is there was missed")
        case .invalidField, .recipientForbidden:
            precondition(error.pointer.map { value.has($0.utf8) } == true, "the pointer \(error.pointer ?? "") names no place of the body")
        default: preconditionFailure("a body was refused as \(error.kind)")
        }
        return
    }
    checkLimits(fields.request, caller)
    guard let again = try? MessageFields(JSONParser.parse(json).json, from: caller, bodyBytesMax: bodyBytesMax) else {
        preconditionFailure("a body is refused when it is written again")
    }
    precondition(again.request == fields.request && again.fingerprint == fields.fingerprint, "a body changed when it was written again")
}

private func checkLimits(_ request: PushRequest, _ caller: Caller) {
    for name in [request.account] + request.recipients {
        precondition(
            WireLimits.isName(String(decoding: name, as: UTF8.self), bytesMax: WireLimits.userBytesMax), "a name that can't be one")
    }
    precondition(
        caller.scopes.contains(.pushAs) || request.account == caller.user.map { Array($0.utf8) },
        "a message in the name of another without the scope")
    precondition((1...MessageRecord.recipientsMax).contains(request.recipients.count), "too many recipients")
    precondition(Set(request.recipients).count == request.recipients.count, "a recipient is named twice")
    precondition(request.recipients.allSatisfy { caller.to?.allows($0) ?? true }, "a recipient whom the token doesn't allow")
    precondition(request.body.count <= bodyBytesMax && request.tag.count <= MessageFields.tagBytesMax, "a field is longer than its limit")
    precondition(request.timeToLive <= MessageFields.ttlSecondsMax, "a time to live beyond the limit")
}

private func message(_ input: inout FuzzInput) -> JSONValue {
    var members: [JSONValue.Member] = []
    func add(_ name: String, _ value: JSONValue) {
        if !members.contains(where: { $0.name == name }) { members.append(JSONValue.Member(name: name, value: value)) }
    }
    while !input.isEmpty && members.count < 10 {
        switch input.byte() % 12 {
        case 0: add("as", name(&input))
        case 1: add("to", name(&input))
        case 2: add("to", .list((0..<input.byte() % 5).map { _ in name(&input) }))
        case 3: add("text", .text(text(&input)))
        case 4: add("base64", .text(["", "AAEC", "AA==", "AA=", "@"][Int(input.byte()) % 5]))
        case 5: add("kind", .text(MessageKind.allCases.map { "\($0)" }[Int(input.byte()) % MessageKind.allCases.count]))
        case 6: add("ttlSeconds", .number(["0", "1", "60", "315360000", "315360001", "1.0", "1e3", "-1"][Int(input.byte()) % 8]))
        case 7: add("tag", .text(text(&input)))
        case 8: add(["tracked", "mustExist"][Int(input.byte()) % 2], .bool(input.byte() % 2 == 0))
        case 9: add(text(&input), .null)
        case 10: add(["to", "as", "text", "kind", "ttlSeconds"][Int(input.byte()) % 5], .object([.init(name: text(&input), value: .null)]))
        default: add("to", .list([.list([]), name(&input)]))
        }
    }
    return .object(members)
}

private func name(_ input: inout FuzzInput) -> JSONValue {
    let choice = Int(input.byte())
    return .text(choice < 200 ? names[choice % names.count] : text(&input))
}

private func text(_ input: inout FuzzInput) -> String {
    let count = Int(input.byte())
    return String(decoding: input.take(count < 200 ? count % 24 : count), as: UTF8.self)
}

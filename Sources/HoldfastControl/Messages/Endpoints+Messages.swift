internal import HoldfastCore
internal import HoldfastGateway
internal import HoldfastWire
internal import HummingbirdCore

extension Endpoints {
    /// One message, to one user or to many.
    func push(_ request: ControlRequest) async throws(Problem) -> Response {
        let key = try IdempotencyKey.requestKey(request)
        let message = try MessageFields(request.body, from: caller(request), bodyBytesMax: configuration.bodyBytesMax)
        let port = try port
        let answer = try await answered { () throws(PortError) in
            try await port.push(message.request, key: key, fingerprint: message.fingerprint)
        }
        switch answer {
        case .pushed(let pushed): return .json { Self.write(pushed, of: message.request, to: &$0) }
        case .refused(let refusal): throw Problem(refusal)
        default: preconditionFailure("a push is answered by what became of it")
        }
    }

    /// What became of a message's request, for the answer and for an upload's line.
    static func write(_ pushed: Pushed, of request: PushRequest, to json: inout JSONWriter) {
        json.add("position", pushed.position.rawValue)
        json.add("replayed", pushed.isReplay)
        json.add("keyKeptUntil", time: pushed.keyKeptUntil)
        json.add("recipients", list: zip(request.recipients, pushed.refusals)) { json, recipient in
            json.add("user", name: recipient.0)
            if let refusal = recipient.1 {
                json.add("refusal", "\(refusal)")
            } else {
                json.add("position", pushed.position.rawValue)
            }
        }
    }

    /// What became of a message since.
    func message(_ request: ControlRequest) async throws(Problem) -> Response {
        let position = Position(rawValue: try request.match.number64("position"))
        let port = try port
        guard case .message(let found, _) = try await answered({ () throws(PortError) in try await port.message(at: position) }) else {
            preconditionFailure("a question about a message is answered by it")
        }
        guard let status = found else {
            throw Problem(
                .unknownMessage,
                "There is no message at \(position.rawValue): it was never one's, or everybody has it or was told of its loss.")
        }
        return .json { json in
            json.add("position", status.position.rawValue)
            json.add("time", time: status.time)
            json.add("kind", "\(status.kind)")
            json.add("from", name: status.sender)
            if !status.tag.isEmpty { json.add("tag", name: status.tag) }
            json.add("tracked", status.isTracked)
            json.add("expires", time: status.expires)
            json.add("expired", status.isExpired)
            json.add("recipients", list: status.recipients) { json, recipient in
                json.add("user", name: recipient.name)
                switch recipient.state {
                case .refused(let code):
                    json.add("state", "refused")
                    json.add("refusal", "\(code)")
                case .waiting: json.add("state", "waiting")
                case .delivered: json.add("state", "delivered")
                case .gone(let reason):
                    json.add("state", "gone")
                    json.add("reason", "\(reason)")
                }
                json.add("devices", list: recipient.devices) { json, device in
                    json.add("session", device.session.rawValue)
                    json.add("device", name: device.device)
                    json.add("acknowledged", device.hasAcknowledged)
                }
            }
        }
    }

    /// How far an upload has come.
    func upload(_ request: ControlRequest) async throws(Problem) -> Response {
        let text = request.match.parameters["key"] ?? ""
        let bytes = Array(text.utf8)
        guard (1...IdempotencyKey.bytesMax).contains(bytes.count), bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw Problem(
                .invalidParameter, "The key must have 1 to \(IdempotencyKey.bytesMax) visible characters, without the quotes around it.")
        }
        let key = RequestHash.key(subject: caller(request).subject, key: bytes)
        let port = try port
        guard case .request(let kept, _) = try await answered({ () throws(PortError) in try await port.request(key) }) else {
            preconditionFailure("a question about a key is answered by what is kept of it")
        }
        guard let kept, kept.lines > 0 else { throw Problem(.unknownKey, "No upload with this key has a stored line.") }
        return .json { json in
            json.add("lines", Int(kept.lines))
            json.add("position", kept.position.rawValue)
            json.add("keyKeptUntil", time: kept.keyKeptUntil)
        }
    }
}

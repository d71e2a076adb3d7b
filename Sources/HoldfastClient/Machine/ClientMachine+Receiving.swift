import HoldfastWire

// Frames of the gateway.
extension ClientMachine {
    /// Bytes of the connection, beginning with what earlier calls left.
    /// - Returns: how many were taken; the rest is the beginning of a frame and must be shown again in front of what comes next.
    package mutating func received(_ bytes: Span<UInt8>, _ now: ClientNow, _ actions: inout ClientActions) -> Int {
        var consumed = 0
        let firstDelivery = actions.deliveries.count
        if !bytes.isEmpty { lastReadAt = now.milliseconds }
        do throws(CloseCode) {
            while isListening, consumed < bytes.count {
                let limits = WireLimits(frameBytesMax: Int(frameBytesMax))
                guard let decoded = try ServerFrame.decode(bytes, at: consumed, limits: limits) else { break }
                consumed += decoded.byteCount
                if let frame = decoded.frame { try handle(frame, in: bytes, now, &actions) }
            }
        } catch {
            violated(error, now, &actions)
        }
        finishHandOver(from: firstDelivery, &actions)
        if !isListening { consumed = bytes.count }
        flush(now, &actions)
        return consumed
    }

    private var isListening: Bool { phase == .opening || phase == .open }

    private mutating func handle(
        _ frame: ServerFrame, in bytes: Span<UInt8>, _ now: ClientNow, _ actions: inout ClientActions
    ) throws(CloseCode) {
        if phase == .opening && !frame.mayPrecedeWelcome { throw .wrongState }
        switch frame {
        case .pong: ponged()
        case .welcome(let welcome): welcomed(welcome, now, &actions)
        case .ticket(_, let range): takeTicket(Array(copying: bytes, range), &actions)
        case .sent(let through, _): sent(through, now, &actions)
        case .refused(let refused): self.refused(refused, now, &actions)
        case .deliver(let deliver): try delivered(deliver, in: bytes, now, &actions)
        case .gap(let gap): try gapped(gap, now, &actions)
        case .skip(let predecessor, let through): try skipped(predecessor, through, now, &actions)
        case .conversation(let number, let type, let peer):
            conversation(number, type, String(copying: bytes, peer), now, &actions)
        case .goAway(let delay, let address): goAway(delay, String(copying: bytes, address), now)
        case .closed(let closed):
            let retryAfter = min(closed.retryAfterMilliseconds, WireLimits.delayMillisecondsCeiling)
            closedByServer(closed.code, atLeast: retryAfter, text: String(copying: bytes, closed.text), now, &actions)
        case .tokenExpiring(let seconds): tokenExpires(inSeconds: seconds, now, &actions)
        case .authenticated(let seconds): cold?.renewal?.accepted(forSeconds: seconds, now)
        case .previous(let session, let lastSequence): previous(session, lastSequence, now, &actions)
        // This client asks nothing and knows no kind of state: both are skipped (REQ-ASK-3, REQ-STATE-1).
        case .answer, .state: break
        }
    }

    private mutating func goAway(_ delayMilliseconds: UInt32, _ address: String, _ now: ClientNow) {
        let cold = needCold()
        cold.goAwayAt = now.milliseconds + UInt64(min(delayMilliseconds, WireLimits.delayMillisecondsCeiling))
        if settings.obeysAddresses && !address.isEmpty { cold.nextAddress = address }
    }
}

extension ServerFrame {
    fileprivate var mayPrecedeWelcome: Bool {
        switch self {
        case .welcome, .closed, .pong: true
        default: false
        }
    }
}

extension [UInt8] {
    fileprivate init(copying bytes: Span<UInt8>, _ range: ByteRange) {
        let part = bytes.extracting(range)
        self = unsafe part.withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension String {
    fileprivate init(copying bytes: Span<UInt8>, _ range: ByteRange) {
        let part = bytes.extracting(range)
        self = unsafe part.withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
    }
}

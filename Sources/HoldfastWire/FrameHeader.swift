/// What a decoder took from its input.
package struct Decoded<Frame: Sendable>: Sendable {
    /// What was read.
    package var frame: Frame
    /// Bytes from the given offset on, header included.
    package var byteCount: Int

    /// Made by the decoders.
    @inlinable package init(frame: Frame, byteCount: Int) {
        self.frame = frame
        self.byteCount = byteCount
    }
}

/// Kind and extent of a frame that is here whole.
package struct FrameHeader: Sendable {
    /// First byte of the frame.
    package var kind: UInt8
    /// Where the payload lies.
    package var payload: ByteRange
    /// The whole frame, header included.
    package var byteCount: Int

    /// All fields.
    @inlinable package init(kind: UInt8, payload: ByteRange, byteCount: Int) {
        self.kind = kind
        self.payload = payload
        self.byteCount = byteCount
    }

    /// The header at `offset`, or nil while the frame is not whole. The order of the checks is the order of the bytes, so that the
    /// outcome doesn't depend on how the input was split (REQ-FRAME-7): kind, then length, then the payload.
    @inlinable package static func read(
        _ bytes: Span<UInt8>, at offset: Int, limits: WireLimits, isKnown: (UInt8) -> Bool
    ) throws(CloseCode) -> FrameHeader? {
        guard offset < bytes.count else { return nil }
        let kind = bytes[offset]
        // REQ-FRAME-3, then REQ-FRAME-4.
        if kind == 0 { throw .malformedFrame }
        if !isKnown(kind) && !FrameKind.isOptional(kind) { throw .unknownFrame }
        if FrameKind.isSingleByte(kind) {
            return FrameHeader(kind: kind, payload: offset + 1..<offset + 1, byteCount: 1)
        }
        var index = offset + 1
        var length = 0
        var shift = 0
        while true {
            guard index < bytes.count else { return nil }
            let byte = bytes[index]
            index += 1
            length |= Int(byte & 0x7F) << shift
            // REQ-FRAME-5, REQ-FRAME-8: before the payload is waited for.
            if length > limits.frameBytesMax { throw .frameTooLarge }
            if byte < 0x80 {
                if byte == 0 && shift > 0 { throw .malformedFrame }
                break
            }
            shift += 7
            if shift > 14 { throw .frameTooLarge }
        }
        guard bytes.count - index >= length else { return nil }
        return FrameHeader(kind: kind, payload: index..<index + length, byteCount: index + length - offset)
    }
}

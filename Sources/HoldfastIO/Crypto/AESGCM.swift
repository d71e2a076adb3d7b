package final class AESGCM {
    package init(key: Span<UInt8>) { fatalError() }
    package func seal(_ plaintext: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> [UInt8] { fatalError() }
    package func open(_ sealed: Span<UInt8>, nonce: Span<UInt8>, associatedData: Span<UInt8>) -> [UInt8]? { fatalError() }
}

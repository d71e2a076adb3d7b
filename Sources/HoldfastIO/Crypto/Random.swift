package func randomBytes(_ count: Int) -> [UInt8] { fatalError() }
package func isEqualInConstantTime(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool { fatalError() }

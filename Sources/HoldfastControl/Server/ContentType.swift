/// The header Content-Type (RFC 9110, 8.3).
package enum ContentType {
    /// Whether a body of this type is what an operation takes. Of parameters only the character set that JSON has anyway is taken.
    package static func matches(_ given: String, _ wanted: String) -> Bool {
        let parts = given.split(separator: ";").map { $0.trimmingPrefix(" ").lowercased() }
        return parts.first.map { String($0.prefix { $0 != " " }) } == wanted
            && parts.dropFirst().allSatisfy { ["charset=utf-8", "charset=\"utf-8\""].contains($0) }
    }
}

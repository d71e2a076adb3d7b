/// The header Accept (RFC 9110, 12.5.1).
package enum AcceptHeader {
    /// Whether one of the types that it names is this one; a wildcard names none.
    package static func takes(_ header: String, _ type: String) -> Bool {
        header.split(separator: ",").contains { range in
            String(range.prefix { $0 != ";" }).trimmingPrefix(" ").prefix { $0 != " " && $0 != "\t" }.lowercased() == type
        }
    }
}

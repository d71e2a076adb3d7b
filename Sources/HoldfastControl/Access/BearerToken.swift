/// The header Authorization (RFC 6750, 2.1).
package enum BearerToken {
    /// The token that it brings; nil: it brings none.
    package static func parse(_ authorization: String) -> String? {
        let words = authorization.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return String(words[1])
    }
}

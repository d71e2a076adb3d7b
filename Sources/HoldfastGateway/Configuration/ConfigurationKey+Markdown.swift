extension ConfigurationKey {
    /// The table of all keys, as README has it.
    package static var markdownTable: String {
        let defaults = Configuration()
        var lines = ["| key | default | values | what it is for |", "|---|---|---|---|"]
        for key in all {
            lines.append("| `\(key.name)` | `\(key.text(in: defaults))` | \(key.allowedText) | \(key.summary) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

package import HoldfastConnection

// The file of the keys.
extension TicketKeys {
    private static let firstLine = "holdfast ticket keys 1"

    /// The file's text: a line for each generation, with number, time and secret.
    package var fileText: String {
        var text = Self.firstLine + "\n"
        for generation in generations { text += "\(generation.number) \(generation.madeAt) \(Hexadecimal.text(generation.secret))\n" }
        return text
    }

    /// nil when `fileText` isn't such a file.
    package init?(fileText: String) {
        var lines = fileText.split(separator: "\n", omittingEmptySubsequences: true)
        guard let first = lines.first, first == Self.firstLine else { return nil }
        lines.removeFirst()
        var generations: [Generation] = []
        for line in lines {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard
                words.count == 3, let number = UInt64(words[0]), let madeAt = UInt64(words[1]), let secret = Hexadecimal.bytes(words[2]),
                secret.count == 32
            else { return nil }
            generations.append(Generation(number: number, madeAt: madeAt, secret: secret))
        }
        self.init(generations)
    }
}

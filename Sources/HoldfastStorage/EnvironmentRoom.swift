import HoldfastCore

/// What an environment has left of what it may hold.
struct EnvironmentRoom: Equatable, Sendable {
    /// A transaction of another one, or of this process, that LMDB keeps pages for.
    struct Holder: Equatable, Sendable {
        /// Nil: of another pid namespace, as of another container.
        var processID: Int32?
        /// Pages that were freed since its transaction began.
        var bytes: Int
    }

    /// Who says what it may hold.
    enum Source {
        case configuration
        /// The system refused as large a map as is configured.
        case addressSpace
        /// The system lets no file become as large as that.
        case fileSize
    }

    /// What it is meant to hold.
    var limitBytes = Int.max / 2
    var limitSource = Source.configuration
    /// Where its map ends. Beyond the limit, so that what makes room always finds some.
    var mapBytes = Int.max / 2
    /// How far the file has ever been used.
    var fileBytes = 0
    /// Pages inside the file that the next transaction can use again.
    var freeBytes = 0
    /// Who has had the oldest view for longer than the last transaction.
    var holder: Holder?

    /// Pages that hold something, and those that can't be used again yet.
    var usedBytes: Int { fileBytes - freeBytes }

    /// How many bytes there are up to the limit.
    /// - Parameter need: how much is kept back: of a small limit a quarter at most, because the map goes on behind it.
    func bytesUntilLimit(keeping need: Int) -> Int {
        // Long records need neighbouring pages: of those inside the file only half are taken for that.
        min(limitBytes - usedBytes - min(need, limitBytes / 4), mapBytes - fileBytes + freeBytes / 2 - need)
    }

    /// For metrics.
    var figures: StorageFigures.Environment { .init(fileBytes: fileBytes, freeBytes: freeBytes, limitBytes: limitBytes) }
}

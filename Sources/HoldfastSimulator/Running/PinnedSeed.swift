/// A seed of the standard campaign that finds a planted bug: with the bug it fails, which Tests/Planted/run.sh shows, and without it everything
/// holds. A change of the core's schedule makes other seeds of them: `Tests/Planted/run.sh --pin` prints the table anew.
package struct PinnedSeed: Sendable {
    package let bug: String
    package let seed: UInt64

    package static let all: [PinnedSeed] = []
}

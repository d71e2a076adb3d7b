package import HoldfastWire

/// How a data directory is opened.
package struct StorageConfiguration: Sendable {
    /// The most that journal and store may each hold before new messages are refused; less is taken if the system refuses so large a map.
    package var mapBytesMax = 1 << 40
    /// Room kept back so that acknowledgements, trims and checkpoints still commit on a full disk.
    package var reserveBytes = 64 << 20
    /// The most bytes of records that the core may have made and not synced, in one batch or several; new messages are refused while there is
    /// no room for twice as much.
    package var unsyncedBytesMax = 4 << 20
    /// How many views may be open at once, those of other processes included.
    package var readersMax = 126
    /// How many of those are kept for the process itself.
    package var readersKept = 4
    /// About the most that one transaction of a migration writes: at most 64 MB, and less, so that it says how far it is.
    package var migrationBytesMax = 8 << 20
    /// The first position of a new directory.
    package var firstPosition = Position(rawValue: 1)

    /// The defaults.
    package init() {}
}

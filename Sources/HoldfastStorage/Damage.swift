import CLMDB
import CLinux
import HoldfastCore

/// Damage that LMDB can't report: a file that was cut faults where its pages were, and a page that makes no sense fails an assertion. Both
/// end the process, as every damage does, with a message and the exit code of `StorageError.Code.damaged`.
enum Damage {
    private static let exitCode = StorageError(.damaged, "").exitCode
    private static let cut: StaticString = """
        holdfast: A file of the data directory is shorter than it was, or can't be read: journal/data.mdb or store/data.mdb is damaged. \
        Nothing was changed. Run holdfast verify and holdfast repair --dry-run, or restore a backup.

        """
    private static let assertion: StaticString = """
        holdfast: A page of the data directory makes no sense: journal/data.mdb or store/data.mdb is damaged. Nothing more is written. \
        Run holdfast verify and holdfast repair --dry-run, or restore a backup.

        """

    /// Makes it so for an environment that is about to be opened.
    static func endsProcess(_ environment: OpaquePointer) {
        unsafe clinux_exit_on_bus_error(pointer(cut), exitCode)
        // The message of the assertion is C source text, and says nothing to whoever reads it.
        unsafe mdb_env_set_assert(environment) { _, _ in
            unsafe clinux_exit_with_message(Damage.pointer(Damage.assertion), Damage.exitCode)
        }
    }

    /// Static strings end with a zero and stay for good.
    private static func pointer(_ text: StaticString) -> UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

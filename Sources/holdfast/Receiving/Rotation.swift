internal import Dispatch
internal import Foundation

/// SIGHUP for a program whose output file is rotated: it is to be opened again. When it came because the terminal is gone, it is the end.
final class Rotation: Sendable {
    /// What a signal means.
    enum Event: Sendable {
        case reopen
        case hangUp
    }

    /// The signals.
    let events: AsyncStream<Event>
    // Never touched again once made: only kept.
    nonisolated(unsafe) private let source: any DispatchSourceSignal

    /// Starts to watch.
    init() {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(1))
        self.events = events
        // The source sees the signal in any case; ignored, it doesn't kill. Where it was ignored before, by nohup for instance, the end of the
        // terminal is to be survived.
        let wasIgnored = signal(SIGHUP, SIG_IGN).map { unsafe unsafeBitCast($0, to: Int.self) } == 1
        let hadTerminal = !wasIgnored && Self.hasTerminal
        unsafe source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        unsafe source.setEventHandler { continuation.yield(hadTerminal && !Self.hasTerminal ? .hangUp : .reopen) }
        unsafe source.resume()
    }

    /// Whether the process has a terminal that it could be stopped from.
    private static var hasTerminal: Bool {
        let descriptor = unsafe open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}

internal import Dispatch
internal import Foundation

/// Signals that end a program, SIGINT and SIGTERM, as something to wait for. The second signal ends the process at once, as without this.
final class Interruption: Sendable {
    private let stream: AsyncStream<Void>
    // Never touched again once made: only kept.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]

    /// Starts to watch.
    init(_ signals: [Int32] = [SIGINT, SIGTERM]) {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        unsafe sources = signals.map { number in
            // The source sees the signal in any case; ignored, it doesn't kill.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                signal(number, SIG_DFL)
                continuation.yield()
            }
            source.resume()
            return source
        }
    }

    /// Returns at the first signal, or when the task is cancelled.
    func wait() async {
        for await _ in stream { return }
    }
}

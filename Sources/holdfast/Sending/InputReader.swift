internal import Foundation
internal import Synchronization

/// Reads a descriptor in chunks. Waits on a thread of its own, and can be told to give up.
final class InputReader: Sendable {
    private let descriptor: Int32
    private let work = BlockingWork("holdfast.input")
    private let isCancelled = Atomic(false)
    private static let chunkBytes = 65_536
    private static let pollMilliseconds: Int32 = 100

    /// A reader of `descriptor`, which stays open.
    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// The next bytes; nil at the end, or after a cancellation.
    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await work.run { try self.read() }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
    }

    private func read() throws(CommandFailure) -> [UInt8]? {
        while !isCancelled.load(ordering: .relaxed) {
            var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            // Looks up now and then: nobody can interrupt a read of a pipe on which nothing comes.
            guard unsafe poll(&wanted, 1, Self.pollMilliseconds) > 0 else { continue }
            var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
            let count = unsafe Foundation.read(descriptor, &chunk, chunk.count)
            if count > 0 { return Array(chunk[..<count]) }
            if count == 0 { return nil }
            if errno != EINTR && errno != EAGAIN {
                throw CommandFailure("The input can't be read: \(FileFailure().reason).", exitCode: CommandFailure.file)
            }
        }
        return nil
    }
}

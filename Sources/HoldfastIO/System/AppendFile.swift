internal import Glibc

/// A file that only grows, for those who read it while it is written: lines at its end, nobody's but the owner's to read.
package struct AppendFile: ~Copyable, Sendable {
    private let path: String
    private let descriptor: Int32

    /// Opens it, or makes it with mode 0600. One that is there keeps its mode, which an operator may have changed for a log collector.
    ///
    /// - Throws: also when something else than a file is at the path: writing to a pipe waits for its reader.
    package init(_ path: String) throws(IOError) {
        self.path = path
        // A pipe without a reader would keep this waiting.
        descriptor = unsafe open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { throw IOError("open \(path)", errno: errno) }
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else {
            let code = errno
            close(descriptor)
            throw IOError("look at \(path)", errno: code)
        }
        guard facts.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw IOError("open \(path)", reason: "it isn't a file")
        }
    }

    deinit { close(descriptor) }

    /// The last bytes of the file, at most so many.
    package func tail(_ countMax: Int) throws(IOError) -> [UInt8] {
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw IOError("look at \(path)", errno: errno) }
        var bytes = [UInt8](repeating: 0, count: min(countMax, Int(size)))
        var done = 0
        while done < bytes.count {
            let offset = size - off_t(bytes.count) + off_t(done)
            let wanted = bytes.count - done
            let count = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe pread(descriptor, buffer.baseAddress.map { unsafe $0 + done }, wanted, offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw IOError("read \(path)", errno: count < 0 ? errno : EIO) }
            done += count
        }
        return bytes
    }

    /// Writes as much as there is room for.
    /// - Returns: how many of the bytes are in the file, and why not all are.
    package func append(_ bytes: ArraySlice<UInt8>) -> (count: Int, failure: IOError?) {
        var done = 0
        while done < bytes.count {
            let rest = bytes.dropFirst(done)
            let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return (done, IOError("write to \(path)", errno: count < 0 ? errno : ENOSPC)) }
            done += count
        }
        return (done, nil)
    }
}

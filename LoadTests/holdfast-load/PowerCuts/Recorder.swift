import Foundation
import HoldfastTestSupport

/// The library that is preloaded into programs to write down what they do to their files; from LoadTests/powercut.
struct Recorder: Sendable {
    /// Where it was built.
    let directory: String
    /// What is preloaded.
    var library: String { directory + "/recorder.so" }
    /// The program of the self-test.
    var canary: String { directory + "/canary" }

    /// Builds it if need be.
    /// - Parameters:
    ///   - sources: nil finds them above this program.
    ///   - directory: where it goes.
    init(sources: String?, into directory: String) throws {
        let sources = try sources ?? Workshop.find("LoadTests/powercut", holding: "recorder.c", option: "--recorder")
        self.directory = directory
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let make = try ChildProcess("/usr/bin/make", ["-s", "-C", sources, "OUT=" + directory], output: .pipe, errors: .pipe)
        var text = ""
        while let line = try? make.readLine() { text += line + "\n" }
        for file in [library, canary] where !FileManager.default.fileExists(atPath: file) {
            throw LoadError(
                "make -C \(sources) didn't build \(file): \(text)It needs make, gcc and LMDB (apt-get install make gcc liblmdb-dev)")
        }
    }
}

/// A directory whose files forget what isn't synced: a program's changes are recorded, and a cut rebuilds it from them.
final class RecordedDisk {
    /// The directory.
    let root: String
    private let recorder: Recorder
    private let log: String
    private let arm: String
    /// What was there when the log began; durable.
    private var start: (image: DiskImage, numbers: [String: UInt64])

    /// Makes the directory; log and control file stand beside it.
    init(root: String, recorder: Recorder) throws {
        self.root = root
        self.recorder = recorder
        log = root + ".log-of-changes"
        arm = root + ".arm"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        start = (DiskImage(), [:])
        try Data(count: 8).write(to: URL(fileURLWithPath: arm))
        try begin()
    }

    /// What a program needs to be recorded. One at a time.
    var environment: [String: String] {
        ["LD_PRELOAD": recorder.library, "POWERCUT_ROOT": root, "POWERCUT_LOG": log, "POWERCUT_ARM": arm]
    }

    /// Lets the program be killed right after its `count`th change or sync from now, before it goes on; 0: not at all.
    func killAfter(_ count: UInt64) throws {
        // In place: the program has the file mapped.
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: arm))
        defer { try? file.close() }
        var bytes = Data()
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        try file.write(contentsOf: bytes)
    }

    /// Makes of the directory what a disk might hold after a power cut. The program is gone.
    /// - Parameter isExact: it was killed by `killAfter`: what is there must be what was recorded, to the byte.
    /// - Returns: how much was recorded since the last cut.
    func cut(isExact: Bool, using random: inout SeededRandom) throws -> Int {
        let recorded = try DiskLog([UInt8](Data(contentsOf: URL(fileURLWithPath: log))))
        var model = try DiskModel(start.image, numbers: start.numbers)
        try model.apply(recorded)
        if isExact, let difference = model.current.difference(from: try DiskImage(at: root)) {
            throw LoadError("the recorder has missed something in \(root): \(difference)")
        }
        let image = model.afterCut(using: &random)
        let tables = random.once(in: 2) ? try DiskImage.readerTables(at: root) : [:]
        try image.write(to: root)
        for (path, bytes) in tables where image.directories.contains((path as NSString).deletingLastPathComponent) {
            try Data(bytes).write(to: URL(fileURLWithPath: root + "/" + path))
        }
        // For a look, if the next check finds something.
        try? FileManager.default.removeItem(atPath: log + ".before")
        try FileManager.default.moveItem(atPath: log, toPath: log + ".before")
        try begin()
        return recorded.records.count
    }

    private func begin() throws {
        start = (try DiskImage(at: root), try DiskImage.numbers(at: root))
        try Data().write(to: URL(fileURLWithPath: log))
        try killAfter(0)
    }
}

import HoldfastTestSupport
import Testing

@testable import holdfast_load

/// Which files a disk may hold after a power cut: names are durable by a sync of their directory, in their order.
@Suite struct DiskModelTests {
    private static let root: UInt64 = 1
    private static let folder: UInt64 = 2

    /// A model after these events, each at the place of its index.
    private func model(_ events: [DiskLog.Event], start: DiskImage = DiskImage(), numbers: [String: UInt64] = [:]) throws -> DiskModel {
        var model = try DiskModel(start, numbers: numbers.merging(["": Self.root]) { $1 })
        var log = DiskLog()
        for (place, event) in events.enumerated() { log.append(event, at: place) }
        try model.apply(log)
        return model
    }

    private func outcomes(_ model: DiskModel) -> [DiskImage] {
        (0..<200).map { (seed: UInt64) in
            var random = SeededRandom(seed: seed)
            return model.afterCut(using: &random)
        }
    }

    @Test func `file and folder that were synced stay`() throws {
        let model = try model([
            .makeDirectory(path: "a", file: Self.folder), .sync(file: Self.root, before: 1), .create(path: "a/f", file: 3),
            .write(file: 3, offset: 0, bytes: [1]), .sync(file: 3, before: 4), .sync(file: Self.folder, before: 5),
        ])
        for outcome in outcomes(model) { #expect(outcome == model.current) }
        #expect(model.current.files == ["a/f": [1]])
    }

    @Test func `a file's sync doesn't keep its name`() throws {
        let model = try model([.create(path: "f", file: 3), .write(file: 3, offset: 0, bytes: [1]), .sync(file: 3, before: 2)])
        #expect(Set(outcomes(model).map { $0.files["f"] }) == [nil, [1]])
    }

    @Test func `a folder whose name wasn't synced goes with all that is in it`() throws {
        let model = try model([
            .makeDirectory(path: "a", file: Self.folder), .create(path: "a/f", file: 3), .sync(file: Self.folder, before: 2),
        ])
        #expect(outcomes(model).contains(DiskImage()))
    }

    @Test func `names of one folder become durable in their order`() throws {
        let model = try model([.create(path: "1", file: 3), .create(path: "2", file: 4), .unlink(path: "1")])
        let names = Set(outcomes(model).map { $0.files.keys.sorted() })
        #expect(names == [[], ["1"], ["1", "2"], ["2"]])
    }

    @Test func `a rename is whole, and doesn't wait for the content`() throws {
        var start = DiskImage()
        start.files = ["f": [1]]
        let model = try model(
            [.create(path: "f.new", file: 4), .write(file: 4, offset: 0, bytes: [2]), .rename(from: "f.new", to: "f")], start: start,
            numbers: ["f": 3])
        // Old content; the new name with nothing, with a zero, or with the new content: never no file.
        #expect(Set(outcomes(model).map { $0.files["f"] }) == [[1], [], [0], [2]])
    }

    @Test func `a sync of everything keeps all that was done before it began`() throws {
        let model = try model([.create(path: "1", file: 3), .create(path: "2", file: 4), .syncAll(before: 1)])
        for outcome in outcomes(model) { #expect(outcome.files["1"] != nil) }
        #expect(outcomes(model).contains { $0.files["2"] == nil })
    }

    @Test func `a file's number is another's after it is gone`() throws {
        let model = try model([
            .create(path: "1", file: 3), .write(file: 3, offset: 0, bytes: [1]), .unlink(path: "1"), .create(path: "2", file: 3),
            .write(file: 3, offset: 0, bytes: [2]),
        ])
        #expect(model.current.files == ["2": [2]])
    }

    @Test func `a log that doesn't fit is refused`() {
        #expect(throws: LoadError.self) { try model([.write(file: 9, offset: 0, bytes: [1])]) }
        #expect(throws: LoadError.self) { try model([.create(path: "missing/f", file: 9)]) }
    }
}

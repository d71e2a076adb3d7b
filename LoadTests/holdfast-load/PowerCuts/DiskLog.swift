/// What a program did to the files below a directory, as the recorder (LoadTests/powercut) has written it down.
struct DiskLog {
    /// One change, or one sync. Paths are relative to the directory; files have the system's numbers, which are used again.
    enum Event: Equatable {
        case create(path: String, file: UInt64)
        case makeDirectory(path: String, file: UInt64)
        case link(path: String, file: UInt64)
        case unlink(path: String)
        case rename(from: String, to: String)
        case write(file: UInt64, offset: Int, bytes: [UInt8])
        case size(file: UInt64, bytes: Int)
        /// Everything done to the file, or to the names in the directory, before this place in the log is durable.
        case sync(file: UInt64, before: Int)
        /// The one write at this place in the log is durable.
        case syncWrite(file: UInt64, at: Int)
        case syncAll(before: Int)
    }

    /// An event and its place in the log.
    struct Record: Equatable {
        var place: Int
        var event: Event
    }

    private static let headerBytes = 32

    private(set) var records: [Record] = []

    /// Nothing done.
    init() {}

    /// Reads a log. A last record that a kill has cut short is left out: its change wasn't seen by anybody.
    init(_ bytes: [UInt8]) throws {
        var place = 0
        while bytes.count - place >= Self.headerBytes {
            let pathStart = place + Self.headerBytes
            let dataStart = pathStart + Self.integer(bytes, place + 4, 4)
            let end = dataStart + Self.integer(bytes, place + 24, 8)
            guard dataStart <= bytes.count, end >= dataStart, end <= bytes.count else { break }
            let event = try Self.event(
                kind: Self.integer(bytes, place, 4), path: String(decoding: bytes[pathStart..<dataStart], as: UTF8.self),
                file: UInt64(Self.integer(bytes, place + 8, 8)), first: Self.integer(bytes, place + 16, 8), bytes[dataStart..<end])
            records.append(Record(place: place, event: event))
            place = end
        }
    }

    /// Adds an event.
    mutating func append(_ event: Event, at place: Int) { records.append(Record(place: place, event: event)) }

    private static func event(kind: Int, path: String, file: UInt64, first: Int, _ bytes: ArraySlice<UInt8>) throws -> Event {
        switch kind {
        case 1: return .create(path: path, file: file)
        case 2: return .makeDirectory(path: path, file: file)
        case 3: return .link(path: path, file: file)
        case 4: return .unlink(path: path)
        case 5:
            let paths = path.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
            guard paths.count == 2 else { throw LoadError("the recorder's log has a rename of \(paths.count) paths") }
            return .rename(from: paths[0], to: paths[1])
        case 6: return .write(file: file, offset: first, bytes: Array(bytes))
        case 7: return .size(file: file, bytes: first)
        case 8: return .sync(file: file, before: first)
        case 9: return .syncWrite(file: file, at: first)
        case 10: return .syncAll(before: first)
        default: throw LoadError("the recorder's log has a record of kind \(kind), which isn't known: recorder and program differ")
        }
    }

    // In the machine's byte order, which is little-endian wherever this runs.
    private static func integer(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        var value = 0
        for index in (0..<count).reversed() { value = value << 8 | Int(bytes[offset + index]) }
        return value
    }
}

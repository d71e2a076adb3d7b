import HoldfastCore
import HoldfastWire

/// A message of the run, as its sender's app knows it and as the disk has it.
struct SentText {
    enum Fate: Equatable {
        /// In the outbox, as far as the app knows.
        case open
        /// The app was told that it is stored.
        case stored
        /// The app was told that it is not, and why.
        case refused
        /// The app was told that nobody knows.
        case unknown
        case withdrawn
        /// The sender's phone was put back to a time before it, or its state is lost.
        case forgotten
    }

    /// The phone; nil: the backend.
    var sender: Int?
    var from: String
    var to: [String]
    /// Of a push: it is a line of an upload, whose key it has.
    var isLine = false
    /// Of a push: whether a name that nobody has is refused.
    var mustExist = false
    /// Of a push: for how many seconds it is worth something; 0: for ever.
    var timeToLive: UInt32 = 0
    /// One in three of those that a backend pushes.
    var isTracked: Bool { sender == nil && size % 3 == 0 }
    /// Of a push: it was asked for more than once, so it may come later than others, and again when its key isn't kept any more.
    var isRepeated = false
    /// When the app had it in its outbox.
    var givenAt: UInt64
    var fate = Fate.open
    /// Its records, each as it came onto the disk: more than one of a push that was stored again when its key wasn't kept any more, or of a
    /// message that was sent again after a restore.
    var copies: [StoredCopy] = []
    /// The app has asked for it back: whether it hears the answer or dies before, either is right.
    var isWithdrawing = false
    /// Its record could not be read any more, and a repair took it out.
    var isLostByDamage = false
    /// The size of the body.
    var size: Int

    /// The newest record that the journal still has: what a restore brings back is an earlier one.
    var stored: StoredCopy? { copies.last { !$0.isLost } }

    /// Where the journal has it.
    var position: Position? { stored?.position }

    /// Where it was, before a restore or a repair took it away.
    var lostPositions: [Position] { copies.filter(\.isLost).map(\.position) }

    /// The record at this position, whether the journal still has it or not.
    func copy(at position: Position) -> StoredCopy? { copies.last { $0.position == position } }

    /// Who gets it from somebody else, as one of its records says.
    func recipients(of copy: StoredCopy?) -> [String] {
        guard let refusals = copy?.refusals else { return to }
        return zip(to, refusals).filter { $0.1 == nil }.map(\.0)
    }

    /// Whether the user's phones get it by one of its records.
    func isFor(_ user: String, by copy: StoredCopy?) -> Bool { from == user || recipients(of: copy).contains(user) }
}

/// A record of a message.
struct StoredCopy {
    var position: Position
    /// A restore or a repair took it out of the journal.
    var isLost = false
    /// Of a push: why it isn't in the inbox of each of its recipients; nil: of a phone's message, or not read.
    var refusals: [RefusalCode?]?
    /// Of a push: until when its key is kept, by the age clock, as the record says.
    var keyKeptUntil: UInt32 = 0
    /// The same by the world's time, which the age clock never lags behind by much.
    var keyKeptUntilTime: UInt64 = 0
}

/// Bodies that say what they are: found in a record without knowing its format, and known to be whole.
enum TextBody {
    private static let mark: [UInt8] = [1, UInt8(ascii: "#")]

    /// Layout: 1, '#', number, ',', check, ';', dots up to `size`.
    static func bytes(_ number: Int, size: Int) -> [UInt8] {
        var bytes = mark + Array("\(number),\(check(number));".utf8)
        if bytes.count < size { bytes += [UInt8](repeating: UInt8(ascii: "."), count: size - bytes.count) }
        return bytes
    }

    private static func check(_ number: Int) -> UInt32 { UInt32(truncatingIfNeeded: number &* 2_654_435_761 ^ 0x5BD1_E995) }

    /// The number of the text that `bytes` hold somewhere; nil when there is none.
    static func find(in bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while index + 4 < bytes.endIndex {
            if bytes[index] == mark[0], bytes[index + 1] == mark[1], let number = number(bytes[(index + 2)...]) { return number }
            index += 1
        }
        return nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        var values: [Int] = []
        var value = 0
        for byte in bytes.prefix(24) {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value &* 10 &+ Int(byte - UInt8(ascii: "0"))
            case UInt8(ascii: ","), UInt8(ascii: ";"):
                values.append(value)
                value = 0
                if byte == UInt8(ascii: ";") { return values.count == 2 && values[1] == Int(check(values[0])) ? values[0] : nil }
            default: return nil
            }
        }
        return nil
    }
}

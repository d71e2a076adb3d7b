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
    /// Of a push: until when its key is kept, by the age clock, as the record says.
    var keyKeptUntil: UInt32 = 0
    /// The same by the world's time, which the age clock never lags behind by much.
    var keyKeptUntilTime: UInt64 = 0
    /// Of a push: it was asked for more than once, so it may come later than others, and again when its key isn't kept any more.
    var isRepeated = false
    /// Of a push: why it isn't in the inbox of each of these, as the record says.
    var refusals: [RefusalCode?] = []
    /// When the app had it in its outbox.
    var givenAt: UInt64
    var fate = Fate.open
    /// Where the journal has it; empty also after a restore that went back behind it.
    var position: Position?
    /// Where it was, before a restore took it away.
    var lostPositions: [Position] = []
    /// Of a push that was stored again when its key wasn't kept any more: where it was before.
    var earlierPositions: [Position] = []
    /// The app has asked for it back: whether it hears the answer or dies before, either is right.
    var isWithdrawing = false
    /// Its record could not be read any more, and a repair took it out.
    var isLostByDamage = false
    /// The size of the body.
    var size: Int

    /// Who gets it from somebody else.
    var recipients: [String] {
        to.indices.filter { !refusals.indices.contains($0) || refusals[$0] == nil }.map { to[$0] }
    }

    /// Whether the user's phones get it.
    func isFor(_ user: String) -> Bool { from == user || recipients.contains(user) }
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

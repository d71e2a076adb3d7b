internal import ArgumentParser
internal import HoldfastClient

/// The kinds of bodies by their names; the raw order is that of the numbers on the wire.
enum BodyKindName: String, CaseIterable, ExpressibleByArgument, Sendable {
    case text, image, voice, video, file, location, card, custom, event

    /// The name of a kind.
    init(_ kind: BodyKind) {
        // Kinds are 0 to 8, as many as there are names; see the test.
        self = Self.allCases[Int(kind.rawValue)]
    }

    /// The kind.
    var kind: BodyKind {
        switch self {
        case .text: .text
        case .image: .image
        case .voice: .voice
        case .video: .video
        case .file: .file
        case .location: .location
        case .card: .card
        case .custom: .custom
        case .event: .event
        }
    }
}

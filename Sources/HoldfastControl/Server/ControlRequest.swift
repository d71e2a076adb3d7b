internal import HTTPTypes
internal import HummingbirdCore

/// A request that may be answered: its caller may make it, and there is room.
struct ControlRequest: Sendable {
    let id: String
    /// What it means, with its parameters.
    let match: Routes.Match
    let headers: HTTPFields
    /// nil: the operation is for anybody.
    let caller: Caller?
    let connection: Connection
    /// The whole body; empty where there is none, and for uploads, which read it as it comes.
    var body: [UInt8] = []
    let parts: RequestBody
}

/// What a driver is told, from any thread.
enum ClientEvent: Sendable {
    case connect(OneShot<Result<SessionStart, ClientError>>)
    case transport(generation: UInt64, TransportEvent)
    case timer(at: UInt64)
    case token([UInt8])
    /// With the application's error in words.
    case tokenFailed(String)
    case send(SendRequest)
    case withdraw(id: UInt64, OneShot<Bool>)
    /// With somebody who waits until it is on the disk.
    case acknowledge(UInt64, OneShot<Bool>?)
    case setPace(seconds: UInt32)
    case forgetFailures(OneShot<Bool>)
    case close(ClosingIntent, OneShot<Bool>)
}

/// A message on its way into the outbox.
struct SendRequest: Sendable {
    var body: [UInt8]
    var kind: BodyKind
    var recipient: Recipient
    var waitsForRoom: Bool
    var tag: SendTag?
    var accepted: OneShot<Result<PendingSend, SendError>>
}

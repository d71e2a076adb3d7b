internal import NIOCore

/// What the control API gives a connection, and all of them together. Tests take shorter times.
struct ControlLimits: Sendable {
    /// Connections of one listener; more wait to be accepted.
    var connectionsMax = 1_024
    /// Requests under way at once; one more is told to come back.
    var requestsMax = 256
    /// Of these, uploads: they last as long as their client likes.
    var uploadsMax = 128
    /// Beside them, requests for events: they last as long as their client likes, too.
    var feedsMax = 64
    /// Pushes under way at once while phones find no room.
    var shedPushesMax = 16
    /// How long a push may wait for phones.
    var shedWait = TimeAmount.seconds(5)

    /// Bytes that are read of a connection at once. All requests in them are taken apart before the first is answered, and take many times as much
    /// memory then: a client that sends many and takes no answer holds no more than these.
    var readBytes = 4 << 10
    /// Bytes of a request's line and headers, roughly: what comes with the read that exceeds it is not counted.
    var headBytesMax = 64 << 10
    var headerBytesMax = 16 << 10
    var headersMax = 100

    /// From the connection's begin to the end of the first request's head, TLS included.
    var headTime = TimeAmount.seconds(10)
    /// From an answer to the end of the next request's head.
    var idleTime = TimeAmount.seconds(75)
    /// For a whole body.
    var bodyTime = TimeAmount.seconds(30)
    /// Without a byte of an upload that is being read.
    var uploadIdleTime = TimeAmount.seconds(60)
    /// Without a byte taken of an answer that waits.
    var stallTime = TimeAmount.seconds(30)
    /// A stream of events says so often at least that it lives, and its caller is looked at again.
    var feedBeat = Duration.seconds(15)
    /// After an answer to a request that isn't read to its end, for the client to see it.
    var lingerTime = TimeAmount.seconds(1)
    var lingerBytesMax = 1 << 20

    /// After this, what is still under way at a stop is cut.
    var stopTime = Duration.seconds(1)
}

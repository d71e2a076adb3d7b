/// Every problem that the control API can answer with: the catalogue that `Protocol/openapi.yaml` and the documents list. A test keeps them equal.
///
/// The raw value is the end of the problem's `type`, and the word that metrics and logs have for it.
package enum ProblemKind: String, CaseIterable, Sendable {
    case malformedRequest, malformedJSON, invalidField, invalidParameter, keyMissing, keyMalformed
    case tokenMissing, tokenInvalid, tokenExpired, tokenRevoked
    case roleMissing, scopeMissing, recipientForbidden, originForbidden, blocked
    case noSuchPath, unknownUser, unknownMessage, unknownSession, unknownDevice, unknownKey, unknownConsumer
    case methodNotAllowed
    case keyUnderWay, uploadGap, cursorAhead, consumersFull, tooManyDevices
    case bodyTooLarge, wrongContentType, misdirected, keyReused, rateLimited, headTooLarge
    case internalError, userLost
    case overloaded, keysFull, storageFull, stopping

    /// The problem's `type`, which tells it from others.
    package var type: String { Self.typePrefix + rawValue }

    static let typePrefix = "urn:holdfast:problem:"

    /// The HTTP status that it comes with.
    package var status: Int { facts.status }

    /// What it is, the same each time.
    package var title: String { facts.title }

    /// What the client can do about it.
    package var action: String { facts.action }

    private var facts: (status: Int, title: String, action: String) {
        switch self {
        case .malformedRequest:
            (400, "The request is not well-formed HTTP.", "Correct the request line or the header that the detail names.")
        case .malformedJSON: (400, "The body is not JSON.", "Correct the body at the place that the detail names.")
        case .invalidField: (400, "A field of the body is missing, unknown or out of its range.", "Correct the field at the pointer.")
        case .invalidParameter:
            (
                400, "A parameter of the path or the query is missing, unknown or out of its range.",
                "Correct the parameter that the detail names."
            )
        case .keyMissing:
            (400, "The request has no Idempotency-Key.", "Send one of your own, the same again when the request is repeated.")
        case .keyMalformed:
            (
                400, "The Idempotency-Key is not a quoted string of 1 to 255 characters.",
                "Write it in double quotes, such as Idempotency-Key: \"order-17\"."
            )
        case .tokenMissing: (401, "The request has no token.", "Send Authorization: Bearer TOKEN; no other place is read.")
        case .tokenInvalid: (401, "The token is not valid.", "Get a token from an issuer whose key the gateway has.")
        case .tokenExpired: (401, "The token's time is over, or hasn't come.", "Get a new token, and check the issuer's clock.")
        case .tokenRevoked:
            (401, "The token was issued before its user's tokens were revoked.", "Get a new token; it must say when it was issued (iat).")
        case .blocked: (403, "The user is blocked.", "Ask an operator: DELETE /v1/users/{user}/block lets him in again.")
        case .roleMissing: (403, "The token's role is not for the control API.", "Use a token with the role service or operator.")
        case .scopeMissing: (403, "The token lacks a scope.", "Use a token with the scope that the detail names.")
        case .recipientForbidden:
            (403, "The token's claim `to` doesn't allow a recipient.", "Leave the recipient at the pointer out, or use another token.")
        case .originForbidden:
            (403, "The request comes from a web page of another origin.", "Call the control API from a server, not from a browser.")
        case .noSuchPath: (404, "There is no such path.", "See /openapi.yaml for the paths; percent-encode names in them.")
        case .unknownUser: (404, "There is no such user.", "Check the name; a user begins with the first message or login.")
        case .unknownMessage: (404, "There is no message at this position.", "Check the position; the message may have expired.")
        case .unknownSession: (404, "The user has no such session.", "Ask for the user to see the sessions.")
        case .unknownDevice: (404, "The user has no such device.", "Ask for the user to see the devices.")
        case .unknownKey: (404, "There is no upload with this key.", "Check the key; it may have been kept long enough.")
        case .unknownConsumer:
            (404, "There is no consumer of this name.", "Check the name, or register it: PUT /v1/consumers/{consumer}.")
        case .methodNotAllowed: (405, "The path doesn't have this method.", "Use one of those in Allow.")
        case .keyUnderWay: (409, "A request with this Idempotency-Key is under way.", "Repeat the request after Retry-After.")
        case .uploadGap:
            (409, "The upload doesn't go on where it ended.", "Ask for the key, and begin with the line after the stored ones.")
        case .cursorAhead:
            (
                409, "The cursor is ahead of everything that is stored.",
                "Go on with a cursor that this gateway has given out; the detail names the newest."
            )
        case .consumersFull: (409, "There are as many consumers as may be.", "Remove one that nobody needs any more.")
        case .tooManyDevices:
            (409, "A user has as many devices as may be.", "Revoke a device that nobody uses, or raise devicesPerUserMax.")
        case .bodyTooLarge: (413, "The body is too large.", "Send less at once; /v1/limits has the limits.")
        case .wrongContentType: (415, "The body's content type is not the operation's.", "Send the Content-Type that the detail names.")
        case .misdirected:
            (421, "The request's Host is not a name of this gateway.", "Call it by its address, or add the name to controlNames.")
        case .keyReused: (422, "The Idempotency-Key was used with another request.", "Use a new key for a new request.")
        case .rateLimited: (429, "Too many requests with tokens of this user.", "Come back after Retry-After.")
        case .headTooLarge: (431, "The request's head is too large.", "Send fewer and shorter headers.")
        case .internalError: (500, "The gateway failed.", "Look for the request's id in the gateway's log.")
        case .userLost:
            (500, "The gateway has lost what it knew of a user.", "Run holdfast repair on the data directory, or restore a backup.")
        case .overloaded: (503, "The gateway has no room for the request now.", "Repeat the request after Retry-After.")
        case .keysFull:
            (503, "The ledger of Idempotency-Keys is full.", "Repeat the request later, or raise idempotencyKeysMax.")
        case .storageFull: (503, "The gateway has no room on its disk.", "Make room, or raise storageBytesMax.")
        case .stopping: (503, "The gateway is stopping, or its disk has failed.", "Repeat the request when the gateway serves again.")
        }
    }
}

#!/usr/bin/env python3
"""Writes frames.json and malformed.json by an encoder of its own, made from SPEC.md and from nothing else."""
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


def u(value, count):
    return value.to_bytes(count, "big")


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value):
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def counted(data):
    return varint(len(data)) + data


def short(position):
    return u(position & (1 << 40) - 1, 5)


def frame(kind, payload):
    return bytes([kind]) + varint(len(payload)) + payload


def data(value):
    """Bytes of a field: {"hex": "..."} or text."""
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def number(value):
    """64-bit values are strings in JSON, so that no reader rounds them."""
    return int(value, 16) if isinstance(value, str) else value


def state(fields):
    return u(fields["attach"], 4) + u(number(fields["position"]), 8) + varint(fields["lastSequence"])


def tagged(fields):
    """A run of tags and values."""
    return b"".join(varint(number(f["tag"])) + counted(data(f["value"])) for f in fields)


def head(f):
    return counted(varint(number(f["flags"])) + tagged(f["fields"]))


def capabilities(f):
    """The extension of HELLO and WELCOME; nothing is written for none."""
    return varint(6) + counted(varint(number(f["capabilities"]))) if "capabilities" in f else b""


KINDS = ["text", "image", "voice", "video", "file", "location", "card", "custom", "event"]
OUTCOMES = ["resumed", "begun", "begunExpired", "begunEnded", "rewound", "begunUnknown"]
STATUSES = ["answered", "unsupported", "overloaded"]
REASONS = ["", "evicted", "expired", "erased", "damaged"]
CLOSE = {
    "unsupportedVersion": 1, "badPreface": 2, "malformedFrame": 3, "frameTooLarge": 4, "unknownFrame": 5, "reservedBits": 6,
    "invalidText": 7, "wrongState": 8, "sequenceHole": 9, "acknowledgementBeyond": 10, "creditOverflow": 11,
    "sendsInFlightExceeded": 12, "tokenInvalid": 20, "ticketInvalid": 24, "ticketExpired": 25, "revoked": 27, "blocked": 28, "fenced": 30, "loggedOut": 31,
    "goingAway": 32, "heartbeatMissed": 41, "overloaded": 46,
}
REFUSAL = {"inboxFull": 100, "unknownConversation": 101, "bodyTooLarge": 102, "invalidRecipient": 103, "storageFull": 104, "kindUnsupported": 105, "notAllowed": 107}


def hello(f):
    presented = f.get("state")
    flags = (1 if f["isSendOnly"] else 0) | (2 if presented else 0)
    out = u(1, 1) + u(flags, 1) + counted(data(f["token"])) + counted(data(f["device"])) + counted(data(f["user"]))
    return out + (u(number(presented["session"]), 8) + state(presented) if presented else b"") + capabilities(f)


def welcome(f):
    return (
        u(OUTCOMES.index(f["outcome"]), 1) + u(number(f["session"]), 8) + u(f["attach"], 4) + u(number(f["cursor"]), 8)
        + u(f["era"], 1) + varint(f["lastSequence"]) + u(f["serverTime"], 6) + varint(f["heartbeatSecondsMin"])
        + varint(f["heartbeatSecondsMax"]) + varint(f["frameBytesMax"]) + u(f["sendsInFlightMax"], 1)
        + varint(f["creditMessages"]) + varint(f["creditBytes"]) + capabilities(f))


def deliver(f):
    entries = f["entries"]
    before = entries[0]
    out = short(number(f["predecessor"])) + short(number(before["position"])) + varint(number(f["conversation"])) + zigzag(before["timeOffset"])
    for index, entry in enumerate(entries):
        last = index == len(entries) - 1
        out += u(KINDS.index(entry["kind"]) | (0x10 if entry["own"] else 0) | (0x20 if last else 0) | (0x40 if "head" in entry else 0), 1)
        if index:
            out += varint(number(entry["position"]) - number(before["position"])) + zigzag(entry["timeOffset"] - before["timeOffset"])
        if "head" in entry:
            out += head(entry["head"])
        out += data(entry["body"]) if last else counted(data(entry["body"]))
        before = entry
    return out


ENCODERS = {
    "PING": lambda f: b"\x01",
    "HELLO": lambda f: frame(0x10, hello(f)),
    "RESUME": lambda f: frame(0x11, u(1, 1) + counted(data(f["ticket"])) + state(f)),
    "AUTHENTICATE": lambda f: frame(0x12, data(f["token"])),
    "CLOSE": lambda f: frame(0x13, u({"logout": 1, "keep": 2}[f["intent"]], 1)),
    "ACK": lambda f: frame(0x14, short(number(f["position"]))),
    "CREDIT": lambda f: frame(0x15, varint(f["messages"]) + varint(f["bytes"])),
    "LOOKUP": lambda f: frame(0x16, varint(number(f["conversation"]))),
    "PACE": lambda f: frame(0x17, varint(f["seconds"])),
    "SEND_TO": lambda f: frame(0x18, u(f["sequence"] & 255, 1) + u(KINDS.index(f["kind"]), 1) + counted(data(f["user"])) + data(f["body"])),
    "SEND_HEADED": lambda f: frame(0x1A, u(f["sequence"] & 255, 1) + u(KINDS.index(f["kind"]), 1) + varint(number(f["conversation"])) + head(f["head"]) + data(f["body"])),
    "SEND_TO_HEADED": lambda f: frame(0x1B, u(f["sequence"] & 255, 1) + u(KINDS.index(f["kind"]), 1) + counted(data(f["user"])) + head(f["head"]) + data(f["body"])),
    "OPERATION": lambda f: frame(0x1C, u(f["sequence"] & 255, 1) + varint(number(f["kind"])) + tagged(f["fields"])),
    "QUESTION": lambda f: frame(0x1D, varint(f["request"]) + varint(number(f["kind"])) + tagged(f["fields"])),
    "SEND": lambda f: frame(0x20 | KINDS.index(f["kind"]), u(f["sequence"] & 255, 1) + varint(number(f["conversation"])) + data(f["body"])),
    "PONG": lambda f: b"\x02",
    "WELCOME": lambda f: frame(0x40, welcome(f)),
    "TICKET": lambda f: frame(0x41, varint(f["expiresIn"]) + data(f["ticket"])),
    "SENT": lambda f: frame(0x42, u(f["through"] & 255, 1) + short(number(f["position"]))),
    "REFUSED": lambda f: frame(0x43, u(f["sequence"] & 255, 1) + u(REFUSAL[f["code"]], 2) + varint(f["retryAfterMilliseconds"])),
    "DELIVER": lambda f: frame(0x44, deliver(f)),
    "GAP": lambda f: frame(0x45, short(number(f["predecessor"])) + u(number(f["through"]), 8) + varint(f["count"]) + u(REASONS.index(f["reason"]), 1)),
    "SKIP": lambda f: frame(0x46, short(number(f["predecessor"])) + u(number(f["through"]), 8)),
    "CONVERSATION": lambda f: frame(0x47, varint(number(f["conversation"])) + u({"unknown": 0, "oneToOne": 1}[f["type"]], 1) + counted(data(f["peer"]))),
    "GO_AWAY": lambda f: frame(0x48, varint(f["delayMilliseconds"]) + counted(data(f["address"]))),
    "CLOSED": lambda f: frame(0x49, u(CLOSE[f["code"]], 2) + varint(f["retryAfterMilliseconds"]) + data(f["text"])),
    "TOKEN_EXPIRING": lambda f: frame(0x4A, varint(f["seconds"])),
    "AUTHENTICATED": lambda f: frame(0x4B, varint(f["expiresIn"])),
    "ANSWER": lambda f: frame(0x4D, varint(f["request"]) + u(STATUSES.index(f["status"]), 1) + tagged(f["fields"])),
    "STATE": lambda f: frame(0xD0, varint(number(f["kind"])) + tagged(f["fields"])),
    "PREVIOUS": lambda f: frame(0x4C, u(number(f["session"]), 8) + (b"\0" if f["lastSequence"] is None else b"\1" + varint(f["lastSequence"]))),
}
UP = ["PING", "HELLO", "RESUME", "AUTHENTICATE", "CLOSE", "ACK", "CREDIT", "LOOKUP", "PACE", "SEND_TO", "SEND_HEADED", "SEND_TO_HEADED", "OPERATION", "QUESTION", "SEND"]

SESSION = "0x0000000000a10001"
OTHER = "0x0000000000a10002"
TICKET = {"hex": "0001" + bytes(range(0x10, 0x39)).hex()}
TIME = 1767225600000


def pos(offset, era=1):
    return "0x%016x" % (era << 56 | offset)


def fields_hello(**more):
    return {"isSendOnly": False, "token": "token-of-alice", "device": "phone-1", "user": "alice", **more}


def presented(attach, offset, last, session=SESSION, era=1):
    return {"session": session, "attach": attach, "position": pos(offset, era), "lastSequence": last}


def resume(attach, offset, last, era=1):
    return {"ticket": TICKET, "attach": attach, "position": pos(offset, era), "lastSequence": last}


def fields_welcome(outcome, attach, offset, last, session=SESSION, era=1, cursor_era=None):
    return {
        "outcome": outcome, "session": session, "attach": attach, "cursor": pos(offset, era if cursor_era is None else cursor_era),
        "era": era, "lastSequence": last, "serverTime": TIME, "heartbeatSecondsMin": 30, "heartbeatSecondsMax": 300,
        "frameBytesMax": 65536, "sendsInFlightMax": 127, "creditMessages": 256, "creditBytes": 262144,
    }


def send(sequence, body, conversation=7, kind="text"):
    return {"sequence": sequence, "kind": kind, "conversation": conversation, "body": body}


def entry(offset, time, body, kind="text", own=False, era=1):
    return {"position": pos(offset, era), "timeOffset": time, "kind": kind, "own": own, "body": body}


def fields_of(*fields):
    return [{"tag": tag, "value": value} for tag, value in fields]


def with_head(flags, *fields):
    return {"flags": flags, "fields": fields_of(*fields)}


def deliver_fields(predecessor, *entries, conversation=7, era=1):
    return {"predecessor": pos(predecessor, era), "conversation": conversation, "entries": list(entries)}


def write(name, value):
    (HERE / name).parent.mkdir(exist_ok=True)
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


# Frames: every kind, and the forms that differ.
FRAMES = [
    ("ping", "PING", {}, "A heartbeat."),
    ("hello-first", "HELLO", fields_hello(), "The first connection of a device: no state."),
    ("hello-send-only", "HELLO", fields_hello(isSendOnly=True, device="cli-send"), "A session without a stream."),
    ("hello-state", "HELLO", fields_hello(state=presented(3, 1000, 41)), "A device with state, without a usable ticket."),
    ("hello-user-unchecked", "HELLO", fields_hello(user=""), "An empty user: the token's is not checked."),
    ("hello-bom-device", "HELLO", fields_hello(device="\ufeffphone-1", user="\ufeffalice"), "U+FEFF is a character like any other: these are not the names without it."),
    ("hello-state-era-200", "HELLO", fields_hello(state=presented(3, 1000, (1 << 63) - 1, session="0xffffffffffffffff", era=200)), "A session and a position above 2^63, and the largest sequence: the first two need unsigned 64-bit numbers."),
    ("hello-unicode-device", "HELLO", fields_hello(device="手机-1"), "Lengths of text are in bytes."),
    ("hello-capabilities", "HELLO", fields_hello(capabilities=5), "Bits 0 and 2, whatever they will mean."),
    ("hello-state-capabilities-64-bits", "HELLO", fields_hello(state=presented(3, 1000, 41), capabilities="0xffffffffffffffff"), "All bits, behind the state."),
    ("resume", "RESUME", resume(3, 1000, 41), "The usual way back."),
    ("resume-era-128", "RESUME", resume(3, 0, 41, era=128), "A position of 2^63."),
    ("resume-largest-budgeted", "RESUME", resume(4294967294, 1099511627776, 34359738367), "64 bytes: the budget of REQ-BUDGET-6."),
    ("authenticate", "AUTHENTICATE", {"token": "fresh-token-of-alice"}, "A new token on a live connection."),
    ("close-logout", "CLOSE", {"intent": "logout"}, "End the session."),
    ("close-keep", "CLOSE", {"intent": "keep"}, "I will be back."),
    ("acknowledge", "ACK", {"position": pos(1003)}, "Everything up to 1003 of era 1 is safe with the client."),
    ("acknowledge-low-bits", "ACK", {"position": "0x01000fffffffffff"}, "Only the low 40 bits travel."),
    ("credit", "CREDIT", {"messages": 16, "bytes": 65536}, "A smaller window."),
    ("lookup", "LOOKUP", {"conversation": 7}, "Who is in conversation 7?"),
    ("lookup-large", "LOOKUP", {"conversation": 4294967296}, "A varint of five bytes."),
    ("pace", "PACE", {"seconds": 600}, "In the background: frames may be ten minutes apart."),
    ("pace-normal", "PACE", {"seconds": 0}, "Back to the range of WELCOME."),
    ("send-to", "SEND_TO", {"sequence": 1, "kind": "text", "user": "bob", "body": "hello, Bob"}, "The first message to a user."),
    ("send-to-unicode", "SEND_TO", {"sequence": 2, "kind": "card", "user": "客服-7", "body": {"hex": "00ff"}}, "A name of several scripts, a binary body."),
    ("send-headed", "SEND_HEADED", {**send(10, "b"), "head": with_head(0, (4, {"hex": "2a"}), (300, "later"))}, "Two fields that a gateway may skip."),
    ("send-headed-empty", "SEND_HEADED", {**send(11, "", kind="event"), "head": with_head(0)}, "A head without fields, and no body."),
    ("send-headed-must-be-understood", "SEND_HEADED", {**send(12, "b"), "head": with_head(1, (2, ""), (7, {"hex": "00"}))}, "Well formed: tag 7 is odd, so that a gateway which doesn't know it refuses the message."),
    ("send-headed-largest", "SEND_HEADED", {**send(13, "b", conversation="0xffffffffffffffff"), "head": with_head("0xffffffffffffffff", ("0xfffffffffffffffe", {"hex": "66" * 233}))}, "255 bytes of head; flags and tag of ten bytes each."),
    ("send-to-headed", "SEND_TO_HEADED", {"sequence": 1, "kind": "text", "user": "bob", "head": with_head(128, (6, {"hex": "0e10"})), "body": "hello, Bob"}, "A head between the name and the body."),
    ("operation", "OPERATION", {"sequence": 43, "kind": 1, "fields": fields_of((2, "x"), (7, {"hex": "00ff"}))}, "The kinds of operations come later; the form is there."),
    ("operation-empty", "OPERATION", {"sequence": 256, "kind": 0, "fields": []}, "No fields; the short sequence of 256 is 00."),
    ("operation-largest-kind", "OPERATION", {"sequence": 44, "kind": "0xffffffffffffffff", "fields": fields_of(("0xffffffffffffffff", ""))}, "A kind and a tag of ten bytes."),
    ("question", "QUESTION", {"request": 5, "kind": 300, "fields": fields_of((2, {"hex": "07"}))}, "The client chooses the request number."),
    ("question-largest-request", "QUESTION", {"request": 4294967295, "kind": 0, "fields": []}, "A request number has 32 bits."),
    ("send-empty", "SEND", send(3, ""), "A body may be empty."),
    ("send-sequence-256", "SEND", send(256, "wraps"), "The short sequence of 256 is 00."),
    ("send-length-two-bytes", "SEND", send(5, {"hex": "61" * 130}), "A length above 127."),
    ("send-largest-conversation-budgeted", "SEND", send(6, {"hex": "62" * 130}, conversation=268435455), "The longest conversation number within the budget."),
    ("send-conversation-64-bits", "SEND", send(7, "x", conversation="0xffffffffffffffff"), "The longest varint: ten bytes."),
] + [("send-" + kind, "SEND", send(10 + index, "b", kind=kind), "A message of kind " + kind + ".") for index, kind in enumerate(KINDS)] + [
    ("pong", "PONG", {}, "The answer to one PING."),
    ("welcome-begun", "WELCOME", fields_welcome("begun", 1, 980, 0), "A new session: its stream begins after 980 of era 1."),
    ("welcome-resumed", "WELCOME", fields_welcome("resumed", 4, 1000, 41), "The session goes on."),
    ("welcome-expired", "WELCOME", fields_welcome("begunExpired", 4, 980, 0, OTHER), "The old session was away for too long."),
    ("welcome-ended", "WELCOME", fields_welcome("begunEnded", 4, 980, 0, OTHER), "The old session was logged out or revoked."),
    ("welcome-rewound", "WELCOME", fields_welcome("rewound", 4, 980, 0, OTHER), "The client's state went back in time."),
    ("welcome-unknown", "WELCOME", fields_welcome("begunUnknown", 4, 980, 0, OTHER), "The presented session is not known here."),
    ("welcome-new-era", "WELCOME", fields_welcome("resumed", 9, 700, 33, era=2, cursor_era=1), "Era 2, and a cursor that is still in era 1."),
    ("welcome-era-128", "WELCOME", fields_welcome("resumed", 4, 1000, (1 << 63) - 1, era=128), "A cursor above 2^63, and the largest sequence."),
    ("welcome-era-255", "WELCOME", fields_welcome("resumed", 4, (1 << 56) - 1, 41, session="0xfffffffffffffffe", era=255), "The highest position, and a session above 2^63."),
    ("welcome-heartbeat-day", "WELCOME", {**fields_welcome("resumed", 4, 1000, 41), "heartbeatSecondsMax": 86400}, "The longest heartbeat interval."),
    ("welcome-largest-budgeted", "WELCOME", {**fields_welcome("resumed", 4294967295, 1 << 40, 34359738367), "creditBytes": 1 << 24}, "48 bytes: the budget of REQ-BUDGET-6."),
    ("welcome-capabilities", "WELCOME", {**fields_welcome("resumed", 4, 1000, 41), "capabilities": 4}, "Of bits 0 and 2 only bit 2 is in use then."),
    ("ticket", "TICKET", {"expiresIn": 2592000, "ticket": TICKET}, "Good for 30 days."),
    ("sent", "SENT", {"through": 43, "position": pos(1007)}, "Stored: every number up to 43."),
    ("sent-wrapped", "SENT", {"through": 258, "position": pos(1099511627775)}, "Short forms of 258 and of the highest low 40 bits."),
    ("refused-inbox-full", "REFUSED", {"sequence": 43, "code": "inboxFull", "retryAfterMilliseconds": 2000}, "Try again in two seconds."),
    ("refused-final", "REFUSED", {"sequence": 43, "code": "bodyTooLarge", "retryAfterMilliseconds": 0}, "Never try this one again."),
    ("deliver-one", "DELIVER", deliver_fields(1000, entry(1001, 1500, "hi")), "One message, 1.5 s after WELCOME's time."),
    ("deliver-empty-body", "DELIVER", deliver_fields(1000, entry(1001, 0, "")), "A message without a body."),
    ("deliver-era-200", "DELIVER", deliver_fields(1099511627775, entry(1099511627776, 0, "one", era=200), entry(1099511627777, 0, "two", era=200), era=200), "Positions above 2^63, over a step of the low 40 bits from their highest to 0."),
    ("deliver-older", "DELIVER", deliver_fields(1000, entry(1001, -86400000, "yesterday")), "Sent a day before the connection was opened."),
    ("deliver-batch", "DELIVER", deliver_fields(1000, entry(1001, -3000, "one"), entry(1005, -2500, "two", own=True), entry(1105, -2600, {"hex": "ffd8"}, kind="image")), "Three messages of one conversation; the second was sent by another device of the same user."),
    ("deliver-headed", "DELIVER", deliver_fields(1000, {**entry(1001, 1500, "hi"), "head": with_head(0, (2, {"hex": "05"}))}), "A head in front of the body, which is the rest."),
    ("deliver-headed-batch", "DELIVER", deliver_fields(1000, {**entry(1001, -3000, "one"), "head": with_head(3)}, entry(1005, -2500, "two", own=True), {**entry(1105, -2600, {"hex": "ffd8"}, kind="image", own=True), "head": with_head(0, (9, "odd"), (4, ""))}), "With and without heads; a receiver skips an odd tag here too."),
    ("deliver-wide-deltas", "DELIVER", deliver_fields(1000, entry(1001, 0, {"hex": "63" * 130}), entry(1001 + 2097151, 60000, {"hex": "64" * 130})), "The widest step within the budget of a batch."),
    ("deliver-largest-budgeted", "DELIVER", deliver_fields(1000, entry(1001, 17179869183, {"hex": "65" * 130}), conversation=268435455), "The longest head within the budget."),
    ("gap-expired", "GAP", {"predecessor": pos(1000), "through": pos(1200), "count": 17, "reason": "expired"}, "17 messages were too old."),
    ("gap-evicted", "GAP", {"predecessor": pos(1000), "through": pos(1200), "count": 200, "reason": "evicted"}, "The inbox was full."),
    ("gap-erased", "GAP", {"predecessor": pos(1000), "through": pos(1001), "count": 1, "reason": "erased"}, "Erased on request."),
    ("gap-damaged", "GAP", {"predecessor": pos(1000), "through": pos(1001), "count": 1, "reason": "damaged"}, "The stored record was damaged."),
    ("skip-own", "SKIP", {"predecessor": pos(1000), "through": pos(1007)}, "The session's own sends, collapsed."),
    ("skip-era-128", "SKIP", {"predecessor": pos(700, 127), "through": pos(900, 128)}, "From below 2^63 to above: positions are compared as unsigned numbers."),
    ("gap-era-200", "GAP", {"predecessor": pos(1000, 200), "through": pos(1200, 200), "count": 4294967295, "reason": "expired"}, "A position above 2^63, and the largest count."),
    ("skip-new-era", "SKIP", {"predecessor": pos(700), "through": pos(900, 2)}, "A step that 40 bits cannot express."),
    ("conversation", "CONVERSATION", {"conversation": 7, "type": "oneToOne", "peer": "bob"}, "Conversation 7 is the one with bob."),
    ("conversation-unknown", "CONVERSATION", {"conversation": 8, "type": "unknown", "peer": ""}, "There is none, or the user is no member."),
    ("go-away", "GO_AWAY", {"delayMilliseconds": 4000, "address": ""}, "Come back to the same address after four seconds."),
    ("go-away-address", "GO_AWAY", {"delayMilliseconds": 0, "address": "gw2.example:7443"}, "Move to another address."),
    ("closed-fenced", "CLOSED", {"code": "fenced", "retryAfterMilliseconds": 0, "text": ""}, "Another connection took the session over."),
    ("closed-revoked", "CLOSED", {"code": "revoked", "retryAfterMilliseconds": 0, "text": ""}, "The operator has ended the session (REQ-AUTH-6)."),
    ("closed-blocked", "CLOSED", {"code": "blocked", "retryAfterMilliseconds": 0, "text": ""}, "The operator keeps the user out (REQ-AUTH-7)."),
    ("closed-overloaded", "CLOSED", {"code": "overloaded", "retryAfterMilliseconds": 15000, "text": "too many sessions are being opened"}, "Come back after 15 seconds."),
    ("token-expiring", "TOKEN_EXPIRING", {"seconds": 60}, "Send AUTHENTICATE within a minute."),
    ("authenticated", "AUTHENTICATED", {"expiresIn": 3600}, "The new token is good for an hour."),
    ("refused-not-understood", "REFUSED", {"sequence": 43, "code": "kindUnsupported", "retryAfterMilliseconds": 0}, "An operation of a kind that the gateway doesn't know, or a head that it must understand."),
    ("refused-not-allowed", "REFUSED", {"sequence": 44, "code": "notAllowed", "retryAfterMilliseconds": 0}, "The token says whom its user may write to, and this is somebody else."),
    ("answer-unsupported", "ANSWER", {"request": 5, "status": "unsupported", "fields": []}, "What a gateway says to every question whose kind it doesn't know."),
    ("answer", "ANSWER", {"request": 4294967295, "status": "answered", "fields": fields_of((2, "yes"), (3, ""))}, "An answer with fields."),
    ("answer-overloaded", "ANSWER", {"request": 0, "status": "overloaded", "fields": []}, "To be asked again, later."),
    ("state", "STATE", {"kind": 1, "fields": fields_of((2, {"hex": "07"}), (300, "bob"))}, "Bit 7 is set: a client that doesn't know the frame skips it, one that doesn't know the kind does too."),
    ("state-empty", "STATE", {"kind": 300, "fields": []}, "No fields."),
    ("previous-known", "PREVIOUS", {"session": SESSION, "lastSequence": 41}, "The ended session had stored 41 messages."),
    ("previous-unknown", "PREVIOUS", {"session": SESSION, "lastSequence": None}, "Nothing is known of that session."),
    ("conversation-bom-peer", "CONVERSATION", {"conversation": 9, "type": "oneToOne", "peer": "\ufeffbob"}, "A peer whose name begins with U+FEFF: a reader that drops it shows somebody else."),
]

# Frames that are skipped or read by more than their fields: no writer of version 1 makes them.
READ_ONLY = [
    ("optional-single", "client", b"\x8a", None, None, "An unknown optional frame of one byte: skipped."),
    ("optional-with-payload", "client", frame(0x9F, b"later"), None, None, "An unknown optional frame: skipped by its length."),
    ("optional-empty", "client", frame(0xA0, b""), None, None, "Bit 7 set is another kind, not SEND."),
    ("optional-single-down", "server", b"\x8f", None, None, "An unknown optional frame of one byte: skipped."),
    ("optional-with-payload-down", "server", frame(0xC4, b"\x01\x02"), None, None, "An unknown optional frame: skipped by its length."),
    ("hello-extension", "client", frame(0x10, hello(fields_hello()) + varint(2) + counted(b"new")), "HELLO", fields_hello(), "An extension with an even tag is skipped."),
    ("resume-extension", "client", frame(0x11, u(1, 1) + counted(data(TICKET)) + state(resume(3, 1000, 41)) + varint(300) + counted(b"")), "RESUME", resume(3, 1000, 41), "An empty extension with an even tag."),
    ("hello-no-capabilities", "client", frame(0x10, hello(fields_hello()) + varint(6) + counted(varint(0))), "HELLO", fields_hello(), "An empty set says the same as none."),
    ("hello-capabilities-between-extensions", "client", frame(0x10, hello(fields_hello()) + varint(2) + counted(b"new") + varint(6) + counted(varint(128)) + varint(8) + counted(b"")), "HELLO", fields_hello(capabilities=128), "Extensions may stand in any order."),
    ("welcome-extension", "server", frame(0x40, welcome(fields_welcome("begun", 1, 980, 0)) + varint(4) + counted(b"\x01")), "WELCOME", fields_welcome("begun", 1, 980, 0), "An extension with an even tag is skipped."),
    ("answer-status-unknown", "server", frame(0x4D, b"\x05\x09"), "ANSWER", {"request": 5, "status": "unsupported", "fields": []}, "A status of a later gateway counts as unsupported."),
    ("refused-extension", "server", frame(0x43, b"\x2b" + u(100, 2) + varint(2000) + varint(2) + counted(b"x")), "REFUSED", {"sequence": 43, "code": "inboxFull", "retryAfterMilliseconds": 2000}, "An extension with an even tag is skipped."),
]

H = hello(fields_hello())
R = u(1, 1) + counted(data(TICKET)) + state(resume(3, 1000, 41))
W = welcome(fields_welcome("begun", 1, 980, 0))
D = short(1000) + short(1001) + varint(7) + zigzag(0)


def hello_raw(version=1, flags=0, token=b"t", device=b"d", user=b"", tail=b""):
    return frame(0x10, u(version, 1) + u(flags, 1) + counted(token) + counted(device) + counted(user) + tail)


def welcome_with(offset, replacement):
    return frame(0x40, W[:offset] + replacement + W[offset + len(replacement):])


def limits_of_welcome(heartbeat=(30, 300), frame_bytes=65536, sends=127, credit=(256, 262144)):
    head = W[: 1 + 8 + 4 + 8 + 1 + 1 + 6]
    return frame(0x40, head + varint(heartbeat[0]) + varint(heartbeat[1]) + varint(frame_bytes) + u(sends, 1) + varint(credit[0]) + varint(credit[1]))


MALFORMED = [
    # name, direction, bytes, error, meaning
    ("kind-zero", "client", b"\x00", "malformedFrame", "No frame has kind 0."),
    ("kind-unknown", "client", b"\x19", "unknownFrame", "Refused at the kind, before its length."),
    ("kind-unknown-single", "client", b"\x0f", "unknownFrame", "An unknown single byte without bit 7."),
    ("kind-of-other-direction", "client", b"\x02", "unknownFrame", "PONG is the gateway's."),
    ("kind-reserved-receipt", "client", b"\x30", "unknownFrame", "Reserved for a later version."),
    ("length-not-minimal", "client", bytes.fromhex("148500") + short(5), "malformedFrame", "The length 5 in two bytes."),
    ("length-zero-not-minimal", "client", bytes.fromhex("128000"), "malformedFrame", "The length 0 in two bytes."),
    ("length-above-limit", "client", b"\x20" + varint(65537), "frameTooLarge", "Refused at the length, before the payload."),
    ("length-four-bytes", "client", bytes.fromhex("2080808001"), "frameTooLarge", "A length takes at most three bytes."),
    ("optional-length-above-limit", "client", b"\x90" + varint(65537), "frameTooLarge", "The limit holds for skipped frames too."),
    ("hello-empty", "client", frame(0x10, b""), "malformedFrame", "A HELLO without its version."),
    ("hello-version-0", "client", hello_raw(version=0), "unsupportedVersion", "There is no version 0."),
    ("hello-version-2", "client", frame(0x10, b"\x02\xff"), "unsupportedVersion", "What follows another version is not looked at."),
    ("hello-reserved-flag", "client", hello_raw(flags=4), "reservedBits", "Bit 2 is reserved."),
    ("hello-token-empty", "client", hello_raw(token=b""), "malformedFrame", "A token has at least one byte."),
    ("hello-token-too-long", "client", hello_raw(token=b"t" * 4097), "malformedFrame", "A token has at most 4096 bytes."),
    ("hello-token-beyond-payload", "client", frame(0x10, b"\x01\x00\x05abc"), "malformedFrame", "A length that points out of the frame."),
    ("hello-device-missing", "client", frame(0x10, b"\x01\x00" + counted(b"t")), "malformedFrame", "The payload ends early."),
    ("hello-device-empty", "client", hello_raw(device=b""), "invalidText", "A device has a name."),
    ("hello-device-too-long", "client", hello_raw(device=b"d" * 65), "invalidText", "At most 64 bytes."),
    ("hello-device-not-utf8", "client", hello_raw(device=b"\xff"), "invalidText", "Not UTF-8."),
    ("hello-device-overlong", "client", hello_raw(device=b"\xc0\xaf"), "invalidText", "An overlong encoding."),
    ("hello-device-surrogate", "client", hello_raw(device=b"\xed\xa0\x80"), "invalidText", "A surrogate."),
    ("hello-device-truncated-character", "client", hello_raw(device=b"a\xe6\x89"), "invalidText", "The last character is not whole."),
    ("hello-device-above-unicode", "client", hello_raw(device=b"\xf4\x90\x80\x80"), "invalidText", "Above U+10FFFF."),
    ("hello-device-nul", "client", hello_raw(device=b"a\0b"), "invalidText", "NUL is not allowed."),
    ("hello-user-missing", "client", frame(0x10, b"\x01\x00" + counted(b"t") + counted(b"d")), "malformedFrame", "The payload ends before the user."),
    ("hello-user-too-long", "client", hello_raw(user=b"u" * 256), "invalidText", "At most 255 bytes."),
    ("hello-user-surrogate", "client", hello_raw(user=b"\xed\xb0\x80"), "invalidText", "A surrogate: what a UTF-16 string with a lone one must not become."),
    ("hello-user-nul", "client", hello_raw(user=b"\0"), "invalidText", "NUL is not allowed."),
    ("hello-state-sequence-beyond", "client", hello_raw(flags=2, tail=u(1, 8) + u(1, 4) + u(0, 8) + varint(1 << 63)), "malformedFrame", "A sequence is at most 2^63 - 1."),
    ("hello-state-truncated", "client", hello_raw(flags=2, tail=bytes(19)), "malformedFrame", "The presented state ends early."),
    ("hello-state-not-announced", "client", hello_raw(tail=bytes(21)[:-1] + b"\x01"), "malformedFrame", "State without its flag is read as extensions, and these do not fit."),
    ("hello-extension-odd", "client", frame(0x10, H + varint(3) + counted(b"new")), "reservedBits", "An unknown extension with an odd tag must be understood."),
    ("hello-capabilities-empty", "client", frame(0x10, H + varint(6) + counted(b"")), "malformedFrame", "The set is missing."),
    ("hello-capabilities-trailing", "client", frame(0x10, H + varint(6) + counted(b"\x01\x00")), "malformedFrame", "One varint and nothing behind it."),
    ("hello-capabilities-not-minimal", "client", frame(0x10, H + varint(6) + counted(b"\x81\x00")), "malformedFrame", "1 in two bytes."),
    ("hello-capabilities-above-64-bits", "client", frame(0x10, H + varint(6) + counted(b"\xff" * 9 + b"\x02")), "malformedFrame", "At most 64 bits."),
    ("hello-capabilities-beyond-value", "client", frame(0x10, H + varint(6) + b"\x01\x80\x01"), "malformedFrame", "The varint goes beyond its value."),
    ("hello-capabilities-twice", "client", frame(0x10, H + (varint(6) + counted(b"\x01")) * 2), "malformedFrame", "Announced once."),
    ("hello-extension-truncated", "client", frame(0x10, H + varint(2) + b"\x05ab"), "malformedFrame", "An extension beyond the payload."),
    ("resume-version-2", "client", frame(0x11, b"\x02"), "unsupportedVersion", "As with HELLO."),
    ("resume-ticket-empty", "client", frame(0x11, b"\x01" + counted(b"") + state(resume(1, 0, 0))), "malformedFrame", "A ticket has at least one byte."),
    ("resume-ticket-too-long", "client", frame(0x11, b"\x01" + counted(b"t" * 129) + state(resume(1, 0, 0))), "malformedFrame", "At most 128 bytes."),
    ("resume-truncated", "client", frame(0x11, R[:-1]), "malformedFrame", "The last sequence is missing."),
    ("resume-sequence-beyond", "client", frame(0x11, R[:-1] + varint(1 << 63)), "malformedFrame", "A sequence is at most 2^63 - 1."),
    ("resume-extension-odd", "client", frame(0x11, R + varint(1) + counted(b"")), "reservedBits", "As with HELLO."),
    ("authenticate-empty", "client", frame(0x12, b""), "malformedFrame", "A token has at least one byte."),
    ("authenticate-too-long", "client", frame(0x12, b"t" * 4097), "malformedFrame", "At most 4096 bytes."),
    ("close-empty", "client", frame(0x13, b""), "malformedFrame", "The intent is missing."),
    ("close-intent-unknown", "client", frame(0x13, b"\x03"), "malformedFrame", "Intents are 1 and 2."),
    ("close-trailing", "client", frame(0x13, b"\x01\x00"), "malformedFrame", "A byte too many."),
    ("acknowledge-short", "client", frame(0x14, bytes(4)), "malformedFrame", "A short position has five bytes."),
    ("acknowledge-trailing", "client", frame(0x14, bytes(6)), "malformedFrame", "A byte too many."),
    ("credit-zero-messages", "client", frame(0x15, b"\x00\x01"), "malformedFrame", "A window of nothing."),
    ("credit-zero-bytes", "client", frame(0x15, b"\x01\x00"), "malformedFrame", "A window of nothing."),
    ("credit-above-32-bits", "client", frame(0x15, varint(1 << 32) + b"\x01"), "malformedFrame", "The fields have 32 bits."),
    ("credit-trailing", "client", frame(0x15, b"\x01\x01\x01"), "malformedFrame", "A byte too many."),
    ("lookup-empty", "client", frame(0x16, b""), "malformedFrame", "The number is missing."),
    ("lookup-not-minimal", "client", frame(0x16, b"\x87\x00"), "malformedFrame", "7 in two bytes."),
    ("lookup-above-64-bits", "client", frame(0x16, b"\xff" * 9 + b"\x02"), "malformedFrame", "Above 64 bits."),
    ("lookup-eleven-bytes", "client", frame(0x16, b"\xff" * 10 + b"\x01"), "malformedFrame", "A varint has at most ten bytes."),
    ("lookup-unfinished", "client", frame(0x16, b"\x80"), "malformedFrame", "The varint ends with the payload."),
    ("pace-above-32-bits", "client", frame(0x17, varint(1 << 32)), "malformedFrame", "The field has 32 bits."),
    ("send-empty-payload", "client", frame(0x20, b""), "malformedFrame", "The sequence is missing."),
    ("send-no-conversation", "client", frame(0x20, b"\x01"), "malformedFrame", "The conversation is missing."),
    ("send-kind-reserved", "client", frame(0x29, b"\x01\x07x"), "reservedBits", "Message kinds are 0 to 8."),
    ("operation-empty-payload", "client", frame(0x1C, b""), "malformedFrame", "The sequence is missing."),
    ("operation-no-kind", "client", frame(0x1C, b"\x2b"), "malformedFrame", "The kind is missing."),
    ("operation-kind-not-minimal", "client", frame(0x1C, b"\x2b\x81\x00"), "malformedFrame", "1 in two bytes."),
    ("operation-field-beyond-payload", "client", frame(0x1C, b"\x2b\x01\x02\x05ab"), "malformedFrame", "A length that points out of the frame."),
    ("operation-field-without-value", "client", frame(0x1C, b"\x2b\x01\x02"), "malformedFrame", "A tag without its length."),
    ("question-request-above-32-bits", "client", frame(0x1D, varint(1 << 32) + b"\x01"), "malformedFrame", "A request number has 32 bits."),
    ("question-no-kind", "client", frame(0x1D, b"\x05"), "malformedFrame", "The kind is missing."),
    ("question-field-beyond-payload", "client", frame(0x1D, b"\x05\x01\x02\x05ab"), "malformedFrame", "A length that points out of the frame."),
    ("kind-after-question", "client", b"\x1e", "unknownFrame", "Not given out yet."),
    ("send-headed-kind-reserved", "client", frame(0x1A, b"\x01\x09\x07\x01\x00x"), "reservedBits", "Message kinds are 0 to 8."),
    ("send-headed-no-head", "client", frame(0x1A, b"\x01\x00\x07"), "malformedFrame", "The head is missing."),
    ("send-headed-head-empty", "client", frame(0x1A, b"\x01\x00\x07\x00x"), "malformedFrame", "A head has flags."),
    ("send-headed-head-beyond-payload", "client", frame(0x1A, b"\x01\x00\x07\x03\x00x"), "malformedFrame", "A length that points out of the frame."),
    ("send-headed-head-too-long", "client", frame(0x1A, b"\x01\x00\x07" + counted(b"\x00\x02" + counted(b"h" * 252)) + b"x"), "malformedFrame", "At most 255 bytes."),
    ("send-headed-field-beyond-head", "client", frame(0x1A, b"\x01\x00\x07\x04\x00\x02\x02ax"), "malformedFrame", "A field ends within its head, whatever follows."),
    ("send-headed-field-without-value", "client", frame(0x1A, b"\x01\x00\x07\x02\x00\x02x"), "malformedFrame", "A tag without its length."),
    ("send-headed-flags-not-minimal", "client", frame(0x1A, b"\x01\x00\x07\x02\x81\x00x"), "malformedFrame", "1 in two bytes."),
    ("send-to-headed-user-empty", "client", frame(0x1B, b"\x01\x00\x00\x01\x00x"), "invalidText", "A user has a name."),
    ("send-to-headed-no-head", "client", frame(0x1B, b"\x01\x00\x03bob"), "malformedFrame", "The head is missing."),
    ("send-to-kind-high-bits", "client", frame(0x18, b"\x01\x10\x03bobx"), "reservedBits", "The high four bits are reserved."),
    ("send-to-kind-reserved", "client", frame(0x18, b"\x01\x09\x03bobx"), "reservedBits", "Message kinds are 0 to 8."),
    ("send-to-user-empty", "client", frame(0x18, b"\x01\x00\x00x"), "invalidText", "A user has a name."),
    ("send-to-user-not-utf8", "client", frame(0x18, b"\x01\x00\x02\xc3\x28x"), "invalidText", "Not UTF-8."),
    ("send-to-user-too-long", "client", frame(0x18, b"\x01\x00" + counted(b"u" * 256)), "invalidText", "At most 255 bytes."),
    ("send-to-user-beyond-payload", "client", frame(0x18, b"\x01\x00\x09bob"), "malformedFrame", "A length that points out of the frame."),
    ("down-kind-zero", "server", b"\x00", "malformedFrame", "No frame has kind 0."),
    ("down-kind-unknown", "server", b"\x50", "unknownFrame", "Reserved for a later version."),
    ("down-kind-of-other-direction", "server", b"\x01", "unknownFrame", "PING is the client's."),
    ("down-length-above-limit", "server", b"\x44" + varint(65537), "frameTooLarge", "Refused at the length."),
    ("welcome-outcome-unknown", "server", welcome_with(0, b"\x06"), "malformedFrame", "Outcomes are 0 to 5."),
    ("welcome-truncated", "server", frame(0x40, W[:-1]), "malformedFrame", "The payload ends early."),
    ("welcome-extension-odd", "server", frame(0x40, W + b"\x01\x00"), "reservedBits", "Must be understood."),
    ("welcome-capabilities-trailing", "server", frame(0x40, W + varint(6) + counted(b"\x01\x00")), "malformedFrame", "One varint and nothing behind it."),
    ("welcome-capabilities-twice", "server", frame(0x40, W + (varint(6) + counted(b"\x01")) * 2), "malformedFrame", "Announced once."),
    ("welcome-session-zero", "server", welcome_with(1, bytes(8)), "malformedFrame", "No session is 0."),
    ("welcome-attach-zero", "server", welcome_with(9, bytes(4)), "malformedFrame", "No connection has attach 0."),
    ("welcome-sequence-beyond", "server", frame(0x40, welcome(fields_welcome("resumed", 1, 1000, (1 << 64) - 1))), "malformedFrame", "A sequence is at most 2^63 - 1: no sum with it may overflow."),
    ("welcome-sequence-2-63", "server", frame(0x40, welcome(fields_welcome("resumed", 1, 1000, 1 << 63))), "malformedFrame", "The first one beyond."),
    ("welcome-heartbeat-beyond-a-day", "server", limits_of_welcome(heartbeat=(30, 86401)), "malformedFrame", "At most 86400 seconds."),
    ("welcome-heartbeat-zero", "server", limits_of_welcome(heartbeat=(0, 300)), "malformedFrame", "At least one second."),
    ("welcome-heartbeat-reversed", "server", limits_of_welcome(heartbeat=(301, 300)), "malformedFrame", "The smaller one comes first."),
    ("welcome-frame-limit-small", "server", limits_of_welcome(frame_bytes=1023), "malformedFrame", "At least 1024."),
    ("welcome-frame-limit-large", "server", limits_of_welcome(frame_bytes=1 << 21), "malformedFrame", "At most 2097151."),
    ("welcome-no-sends", "server", limits_of_welcome(sends=0), "malformedFrame", "At least one."),
    ("welcome-too-many-sends", "server", limits_of_welcome(sends=128), "malformedFrame", "A short sequence tells 127 apart."),
    ("welcome-no-credit", "server", limits_of_welcome(credit=(0, 1)), "malformedFrame", "A window of nothing."),
    ("ticket-empty", "server", frame(0x41, b"\x05"), "malformedFrame", "A ticket has at least one byte."),
    ("sent-trailing", "server", frame(0x42, bytes(7)), "malformedFrame", "A byte too many."),
    ("refused-truncated", "server", frame(0x43, b"\x01\x00"), "malformedFrame", "The code has two bytes."),
    ("deliver-no-entries", "server", frame(0x44, D), "malformedFrame", "At least one entry."),
    ("deliver-head-beyond-payload", "server", frame(0x44, D + b"\x60x"), "malformedFrame", "Bit 6 says that a head follows; this one points out of the frame."),
    ("deliver-head-empty", "server", frame(0x44, D + b"\x60\x00x"), "malformedFrame", "A head has flags."),
    ("deliver-head-too-long", "server", frame(0x44, D + b"\x60" + counted(b"\x00\x02" + counted(b"h" * 252)) + b"x"), "malformedFrame", "At most 255 bytes."),
    ("deliver-head-field-beyond-head", "server", frame(0x44, D + b"\x60\x04\x00\x02\x02ax"), "malformedFrame", "A field ends within its head."),
    ("deliver-entry-reserved-bit-7", "server", frame(0x44, D + b"\xa0x"), "reservedBits", "Bit 7 is reserved."),
    ("deliver-entry-kind", "server", frame(0x44, D + b"\x29x"), "reservedBits", "Message kinds are 0 to 8."),
    ("deliver-no-last", "server", frame(0x44, D + b"\x00\x01x"), "malformedFrame", "The last entry has bit 5."),
    ("deliver-delta-zero", "server", frame(0x44, D + b"\x00\x01x" + b"\x20\x00\x00y"), "malformedFrame", "Positions rise."),
    ("deliver-delta-41-bits", "server", frame(0x44, D + b"\x00\x01x" + b"\x20" + varint(1 << 40) + b"\x00y"), "malformedFrame", "A SKIP is due."),
    ("deliver-body-beyond-payload", "server", frame(0x44, D + b"\x00\x09x"), "malformedFrame", "A length that points out of the frame."),
    ("deliver-time-overflow", "server", frame(0x44, short(1000) + short(1001) + b"\x07" + zigzag((1 << 63) - 1) + b"\x00\x01x" + b"\x20\x01" + zigzag(1) + b"y"), "malformedFrame", "A time beyond 64 bits."),
    ("gap-of-nothing", "server", frame(0x45, short(1) + u(2, 8) + b"\x00\x02"), "malformedFrame", "A gap has at least one message; what is only passed over is a SKIP."),
    ("gap-reason-unknown", "server", frame(0x45, short(1) + u(2, 8) + b"\x01\x05"), "malformedFrame", "Reasons are 1 to 4."),
    ("skip-truncated", "server", frame(0x46, short(1) + bytes(7)), "malformedFrame", "`through` has eight bytes."),
    ("conversation-type-unknown", "server", frame(0x47, b"\x07\x02\x03bob"), "malformedFrame", "Types are 0 and 1."),
    ("conversation-unknown-with-peer", "server", frame(0x47, b"\x07\x00\x03bob"), "invalidText", "Type 0 has no peer."),
    ("conversation-without-peer", "server", frame(0x47, b"\x07\x01\x00"), "invalidText", "Type 1 has one."),
    ("go-away-address-not-utf8", "server", frame(0x48, b"\x00\x01\xff"), "invalidText", "Not UTF-8."),
    ("closed-text-not-utf8", "server", frame(0x49, b"\x00\x01\x00\x80"), "invalidText", "Not UTF-8."),
    ("closed-truncated", "server", frame(0x49, b"\x00"), "malformedFrame", "The code has two bytes."),
    ("token-expiring-trailing", "server", frame(0x4A, b"\x01\x01"), "malformedFrame", "A byte too many."),
    ("authenticated-empty", "server", frame(0x4B, b""), "malformedFrame", "The seconds are missing."),
    ("answer-no-status", "server", frame(0x4D, b"\x05"), "malformedFrame", "The status is missing."),
    ("answer-request-above-32-bits", "server", frame(0x4D, varint(1 << 32) + b"\x00"), "malformedFrame", "A request number has 32 bits."),
    ("answer-field-beyond-payload", "server", frame(0x4D, b"\x05\x00\x02\x05ab"), "malformedFrame", "A length that points out of the frame."),
    ("state-empty-payload", "server", frame(0xD0, b""), "malformedFrame", "The kind is missing."),
    ("state-field-beyond-payload", "server", frame(0xD0, b"\x01\x02\x05ab"), "malformedFrame", "A length that points out of the frame."),
    ("state-length-above-limit", "server", b"\xd0" + varint(65537), "frameTooLarge", "Refused at the length."),
    ("previous-known-2", "server", frame(0x4C, bytes(8) + b"\x02"), "malformedFrame", "0 or 1."),
    ("previous-sequence-beyond", "server", frame(0x4C, bytes(8) + b"\x01" + varint(1 << 63)), "malformedFrame", "A sequence is at most 2^63 - 1."),
    ("previous-trailing", "server", frame(0x4C, bytes(8) + b"\x00\x01"), "malformedFrame", "Nothing follows 0."),
]


if __name__ == "__main__":
    frames = [{"name": n, "direction": "client" if k in UP else "server", "kind": k, "hex": ENCODERS[k](f).hex(), "fields": f, "meaning": m} for n, k, f, m in FRAMES]
    frames += [{"name": n, "direction": d, "kind": k, "hex": b.hex(), "fields": f, "meaning": m, "readOnly": True} for n, d, b, k, f, m in READ_ONLY]
    write("frames.json", {"protocolVersion": 1, "preface": "8c484644", "frames": frames})
    write("malformed.json", {"protocolVersion": 1, "frameBytesMax": 65536, "frames": [{"name": n, "direction": d, "hex": b.hex(), "error": e, "code": CLOSE[e], "meaning": m} for n, d, b, e, m in MALFORMED]})

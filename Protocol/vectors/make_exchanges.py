#!/usr/bin/env python3
"""Writes exchanges/*.json: conversations between a client and a gateway, step by step."""
from make_vectors import ENCODERS, OTHER, SESSION, TICKET, UP, deliver_fields, entry, fields_hello, fields_welcome, pos, presented, resume, send, with_head, write


def step(frame, meaning, /, **fields):
    return {"from": "client" if frame in UP else "gateway", "kind": frame, "hex": ENCODERS[frame](fields).hex(), "fields": fields, "meaning": meaning}


def on(connection, what):
    return {**what, "connection": connection}


def event(what, meaning, client=None):
    return {"event": what, "meaning": meaning, **({"client": client} if client else {})}


def known(**peers):
    """The client's cache of conversations, from its peers' names."""
    return [{"conversation": number, "peer": peer} for peer, number in peers.items()]


def client(attach, offset, last, outbox, session=SESSION, era=1, cursor_era=None, ticket=TICKET, conversations=known(bob=7), **more):
    """What the client has stored durably; the ticket and the cache of conversations may be lost without harm."""
    return {"session": session, "attach": attach, "era": era, "cursor": pos(offset, era if cursor_era is None else cursor_era), "lastSequence": last, "ticket": ticket, "conversations": conversations, "outbox": outbox, **more}


def queued(sequence, body):
    return {"sequence": sequence, "body": body}


OPEN = event("open", "The client connects and sends the preface 8c484644.")
LOST = event("lost", "The connection breaks; nothing that was on the way arrives.")


def back(attach, offset, last, meaning="The client comes back with what it has stored."):
    return step("RESUME", meaning, **resume(attach, offset, last))


def welcome(outcome, attach, offset, last, meaning, **more):
    limits = {name: more.pop(name) for name in list(more) if name in ("sendsInFlightMax", "creditMessages", "creditBytes")}
    return step("WELCOME", meaning, **{**fields_welcome(outcome, attach, offset, last, **more), **limits})


def message(sequence, body, meaning, **more):
    return step("SEND", meaning, **send(sequence, body, **more))


def sent(through, offset, meaning, era=1):
    return step("SENT", meaning, through=through, position=pos(offset, era))


def refused(sequence, meaning, code="inboxFull", after=2000):
    return step("REFUSED", meaning, sequence=sequence, code=code, retryAfterMilliseconds=after)


def deliver(predecessor, *entries, meaning, **more):
    return step("DELIVER", meaning, **deliver_fields(predecessor, *entries, **more))


def ack(offset, meaning, era=1):
    return step("ACK", meaning, position=pos(offset, era))


def closed(code, meaning, after=0, text=""):
    return step("CLOSED", meaning, code=code, retryAfterMilliseconds=after, text=text)


def opened(attach=4, offset=1000, last=41, conversations=known(bob=7), **limits):
    return [OPEN, back(attach - 1, offset, last), welcome("resumed", attach, offset, last, "The session goes on.", **limits),
            event("store", "The new attach is stored before anything is sent.", client(attach, offset, last, [], conversations=conversations))]


EXCHANGES = {}


def exchange(name, meaning, requirements, steps):
    EXCHANGES[name] = {"name": name, "meaning": meaning, "requirements": requirements, "steps": steps}


exchange("first-contact", "A new device, its first message by user name, and a message of somebody it doesn't know.", ["REQ-OPEN-1", "REQ-CONV-2", "REQ-CONV-4", "REQ-STREAM-4"], [
    OPEN,
    step("HELLO", "No state yet.", **fields_hello()),
    welcome("begun", 1, 980, 0, "A new session: the stream begins after 980."),
    step("TICKET", "For the next connection.", expiresIn=2592000, ticket=TICKET),
    event("store", "Session, attach, era, cursor, ticket; then the two messages with their numbers.", client(1, 980, 0, [queued(1, "hello, Bob"), queued(2, "it's Alice")], conversations=[])),
    step("SEND_TO", "The number of the conversation isn't known yet.", sequence=1, kind="text", user="bob", body="hello, Bob"),
    step("SEND_TO", "Pipelined: by name again.", sequence=2, kind="text", user="bob", body="it's Alice"),
    step("CONVERSATION", "Before the SENT that covers number 1.", conversation=7, type="oneToOne", peer="bob"),
    sent(2, 1002, "Both are synced: positions 1001 and 1002."),
    event("store", "Conversation 7 is bob; 1 and 2 leave the outbox.", client(1, 980, 2, [queued(3, "how are you?")])),
    message(3, "how are you?", "By number from now on."),
    sent(3, 1003, "Stored."),
    step("SKIP", "The session's own sends, collapsed.", predecessor=pos(980), through=pos(1003)),
    deliver(1003, entry(1004, 5000, "I'm Carol"), conversation=8, meaning="A conversation that the client doesn't know."),
    step("LOOKUP", "Who is it?", conversation=8),
    step("CONVERSATION", "Carol. Now the message can be handed over.", conversation=8, type="oneToOne", peer="carol"),
    event("store", "The message, and the cursor with it.", client(1, 1004, 3, [], conversations=known(bob=7, carol=8))),
    ack(1004, "After the cursor is stored."),
])

exchange("refusal-in-pipeline", "The second of three messages is refused for now: what follows is discarded, and sent again in its turn.", ["REQ-SEQ-5", "REQ-SEQ-6", "REQ-ATTACH-9"], opened(conversations=known(bob=7, carol=9)) + [
    event("store", "Three messages with their numbers.", client(4, 1000, 41, [queued(42, "a"), queued(43, "b"), queued(44, "c")], conversations=known(bob=7, carol=9))),
    message(42, "a", "To conversation 7."),
    message(43, "b", "To conversation 9, whose inbox is full.", conversation=9),
    message(44, "c", "To conversation 7."),
    refused(43, "Not consumed. A refusal may overtake the SENT of lower numbers."),
    sent(42, 1001, "43 and 44 are not stored."),
    event("wait", "Two seconds, as told; 43 stays first in the outbox. The refusal has raised the attach, which is stored before 43 is sent again.", client(5, 1000, 42, [queued(43, "b"), queued(44, "c")], conversations=known(bob=7, carol=9))),
    message(43, "b", "The refused number comes again: the gateway stops discarding.", conversation=9),
    message(44, "c", "And what followed it."),
    sent(44, 1003, "Everything up to 44."),
])

exchange("not-understood", "An operation, a head and a question that the gateway doesn't know: refused in their turn or answered, and everything else goes on.", ["REQ-OPERATION-1", "REQ-OPERATION-2", "REQ-HEAD-2", "REQ-ASK-2", "REQ-STATE-1", "REQ-ATTACH-9"], opened() + [
    event("store", "A message, an operation, and a message with a head, in one order of numbers.", client(4, 1000, 41, [queued(42, "a"), {"sequence": 43, "operation": {"kind": 1, "fields": []}}, queued(44, "c")])),
    message(42, "a", "Will be stored."),
    step("OPERATION", "Of a kind that the gateway doesn't know.", sequence=43, kind=1, fields=[]),
    step("SEND_HEADED", "Will be discarded.", **send(44, "c"), head=with_head(0, (7, ""))),
    step("QUESTION", "Has no place in that order.", request=1, kind=5, fields=[]),
    step("ANSWER", "At once.", request=1, status="unsupported", fields=[]),
    refused(43, "Not consumed; 44 is discarded.", code="kindUnsupported", after=0),
    sent(42, 1001, "43 and 44 are not stored."),
    event("store", "The operation is taken out and reported; `c` gets its number, and the attach rises.", client(5, 1000, 42, [queued(43, "c")])),
    step("SEND_HEADED", "Its head must be understood, and isn't.", **send(43, "c"), head=with_head(0, (7, ""))),
    refused(43, "Not consumed either.", code="kindUnsupported", after=0),
    event("store", "The application sends it again without that field.", client(6, 1000, 42, [queued(43, "c")])),
    step("SEND_HEADED", "Tag 6 may be skipped.", **send(43, "c"), head=with_head(0, (6, {"hex": "0e10"}))),
    step("STATE", "Of a kind that the client doesn't know: it skips it.", kind=9, fields=[]),
    sent(43, 1002, "Everything up to 43."),
])

exchange("refusal-lost", "A refusal in the middle of a pipeline, and the connection breaks before it arrives.", ["REQ-SEQ-2", "REQ-SEQ-5", "REQ-SEQ-6", "REQ-SEQ-7", "REQ-ATTACH-9"], opened(conversations=known(bob=7, dan=99)) + [
    event("store", "Three messages with their numbers.", client(4, 1000, 41, [queued(42, "a"), queued(43, "b"), queued(44, "c")], conversations=known(bob=7, dan=99))),
    message(42, "a", "Will be stored."),
    message(43, "b", "Will be refused: the cache is wrong, there is no conversation 99.", conversation=99),
    message(44, "c", "Will be discarded."),
    event("lost", "SENT 42 and REFUSED 43 were on the way."),
    OPEN,
    back(4, 1000, 41),
    welcome("resumed", 5, 1000, 42, "Stored: everything up to 42, so not 43 and not 44."),
    event("store", "42 leaves the outbox. 43 and 44 keep their numbers: no refusal is known.", client(5, 1000, 42, [queued(43, "b"), queued(44, "c")], conversations=known(bob=7, dan=99))),
    message(43, "b", "Again, under the same number.", conversation=99),
    message(44, "c", "Again."),
    refused(43, "The same answer; 44 is discarded again.", code="unknownConversation", after=0),
    event("store", "`b` is taken out and reported; `c` gets the freed number and the attach rises, durably, before it is sent.", client(6, 1000, 42, [queued(43, "c")], conversations=known(bob=7, dan=99))),
    message(43, "c", "Under the freed number."),
    sent(43, 1002, "Stored, once."),
])

exchange("refusal-rewound", "A backup of the phone from before a refusal is put back within the same connection: its numbers mean other messages, and its attach shows it.", ["REQ-ATTACH-4", "REQ-ATTACH-9", "REQ-SESSION-6"], opened() + [
    event("store", "Two messages with their numbers. This is what the backup has.", client(4, 1000, 41, [queued(42, "a"), queued(43, "b")])),
    message(42, "a", "Will be refused for good."),
    message(43, "b", "Will be discarded."),
    refused(42, "Not stored, and not to be tried again.", code="bodyTooLarge", after=0),
    event("store", "`a` is taken out and reported, `b` gets its number, and the attach rises to 5.", client(5, 1000, 41, [queued(42, "b")])),
    message(42, "b", "The refused number comes again: from here on the gateway stores under attach 5."),
    sent(42, 1001, "Stored."),
    event("restore", "The backup is put back: attach 4, `a` under 42 and `b` under 43.", client(4, 1000, 41, [queued(42, "a"), queued(43, "b")])),
    OPEN,
    back(4, 1000, 41),
    closed("ticketInvalid", "Attach 4 is below the stored 5: a RESUME can't begin a session, so the client comes with HELLO."),
    OPEN,
    step("HELLO", "The restored state.", **fields_hello(state=presented(4, 1000, 41))),
    welcome("rewound", 6, 1000, 0, "Without the raised attach this would be resumed up to 42, and the client would take `a` for stored and send `b` a second time.", session=OTHER),
    step("PREVIOUS", "42 messages of the old session are stored.", session=SESSION, known=True, lastSequence=42),
    event("store", "`a` and `b` are reported as unknown, and not sent.", client(6, 1000, 0, [], session=OTHER, ticket=None)),
])

exchange("lost-welcome", "The WELCOME of a resume is lost: nothing is consumed by it, and the next one is just higher.", ["REQ-ATTACH-1", "REQ-ATTACH-3", "REQ-ATTACH-5"], [
    event("store", "What the client has.", client(3, 1000, 41, [queued(42, "a")])),
    OPEN,
    back(3, 1000, 41),
    welcome("resumed", 4, 1000, 41, "Attach 4. It never arrives."),
    LOST,
    OPEN,
    back(3, 1000, 41, "The same as before: the ticket is still good."),
    welcome("resumed", 5, 1000, 41, "Attach 5: the highest known or presented, plus 1. Not rewound: nothing was stored under 4."),
    event("store", "Attach 5.", client(5, 1000, 41, [queued(42, "a")])),
    message(42, "a", "Only now."),
    sent(42, 1001, "Stored, once."),
])

exchange("lost-welcome-twice", "Two lost answers, and a position that was stored but never acknowledged: the presented position must not raise the fence above what the client has.", ["REQ-ATTACH-4", "REQ-ATTACH-5", "REQ-POS-4"], [
    event("store", "The client has everything up to 1005; its ACK of 1005 was lost.", client(3, 1005, 41, [queued(42, "a")])),
    OPEN,
    back(3, 1005, 41),
    welcome("resumed", 4, 1005, 41, "1005 counts as acknowledged, under attach 3. This never arrives."),
    LOST,
    OPEN,
    back(3, 1005, 41),
    welcome("resumed", 5, 1005, 41, "This neither."),
    LOST,
    OPEN,
    back(3, 1005, 41),
    welcome("resumed", 6, 1005, 41, "Still resumed: nothing was sent or acknowledged under 4 or 5."),
    event("store", "Attach 6.", client(6, 1005, 41, [queued(42, "a")])),
    message(42, "a", "Only now."),
    sent(42, 1006, "Stored, once."),
])

exchange("rewound-client-lost-welcome", "As rewound-client, but the first answer is lost: the second says the same, in the session that was begun.", ["REQ-ATTACH-4", "REQ-SESSION-5"], [
    event("store", "As the backup has it. Since then: attaches up to 6, numbers up to 44 stored under attach 6.", client(3, 1000, 41, [queued(42, "an old draft")], ticket=None)),
    OPEN,
    step("HELLO", "The restored state.", **fields_hello(state=presented(3, 1000, 41))),
    welcome("rewound", 7, 980, 0, "A new session. This never arrives.", session=OTHER),
    LOST,
    OPEN,
    step("HELLO", "The same state.", **fields_hello(state=presented(3, 1000, 41))),
    welcome("rewound", 8, 980, 0, "The presented session has ended meanwhile; 3 is below its stored attach all the same. The session that was begun goes on.", session=OTHER),
    step("PREVIOUS", "What is known of the old session.", session=SESSION, lastSequence=44),
    event("store", "The draft is unknown, although 42 is not above 44.", client(8, 980, 0, [], session=OTHER, overlap={"through": pos(1000), "rule": "drop"}, ticket=None)),
])

exchange("rewound-client", "A phone was restored from a backup: its numbers may have been used for other messages since.", ["REQ-ATTACH-4", "REQ-SESSION-5", "REQ-SESSION-6"], [
    event("store", "As the backup has it. Since then: attaches up to 6, numbers up to 44 stored under attach 6.", client(3, 1000, 41, [queued(42, "an old draft")], ticket=None)),
    OPEN,
    step("HELLO", "The restored state.", **fields_hello(state=presented(3, 1000, 41))),
    welcome("rewound", 7, 980, 0, "3 is below 6, the attach of the last stored send: a new session.", session=OTHER),
    step("PREVIOUS", "What is known of the old session.", session=SESSION, lastSequence=44),
    event("store", "A new session; the draft is reported as unknown and never sent by itself. What was handed over up to 1000 is dropped when it comes again.", client(7, 980, 0, [], session=OTHER, overlap={"through": pos(1000), "rule": "drop"}, ticket=None)),
    deliver(980, entry(990, -60000, "seen before"), meaning="At or below 1000: not handed over."),
    deliver(990, entry(1010, -30000, "new"), meaning="Handed over."),
    event("store", "The cursor.", client(7, 1010, 0, [], session=OTHER, ticket=None)),
    ack(1010, "Both."),
])

exchange("gap", "Messages expired while the client was away.", ["REQ-STREAM-6"], [
    event("store", "What the client has.", client(3, 1000, 41, [])),
    OPEN,
    back(3, 1000, 41),
    welcome("resumed", 4, 1000, 41, "The stream begins after 1000."),
    event("store", "Attach 4.", client(4, 1000, 41, [])),
    step("GAP", "17 messages between 1000 and 1200 will not come.", predecessor=pos(1000), through=pos(1200), count=17, reason="expired"),
    deliver(1200, entry(1201, -5000, "still here"), meaning="The chain goes on after the gap."),
    event("store", "The gap was shown to the app, the message handed over.", client(4, 1201, 41, [])),
    ack(1201, "Covers the gap too: it won't come again."),
])

exchange("new-era", "The gateway was restored from a backup: it has forgotten sends, acknowledgements and messages, and its tickets' keys are new.", ["REQ-OPEN-5", "REQ-POS-3", "REQ-POS-5", "REQ-POS-6", "REQ-STREAM-5", "REQ-STREAM-8", "REQ-CONV-1"], [
    event("store", "What the client has: 41 messages known to be stored, one more in the outbox.", client(8, 1000, 41, [queued(42, "d")])),
    OPEN,
    back(8, 1000, 41),
    closed("ticketInvalid", "Come back at once with HELLO."),
    OPEN,
    step("HELLO", "With the state.", **fields_hello(state=presented(8, 1000, 41))),
    welcome("resumed", 9, 700, 33, "Era 2. The backup knows 33 sends, and acknowledgements up to 700.", era=2, cursor_era=1),
    event("store", "34 to 41 are reported as lost by the gateway; `d` becomes 34; the cursor is taken as it is; what comes up to 1000 of era 1 may be a repeat; conversation 7 is forgotten, it may be another one now.", client(9, 700, 33, [queued(34, "d")], era=2, cursor_era=1, ticket=None, conversations=[], overlap={"through": pos(1000), "rule": "mark"})),
    step("SEND_TO", "Under its new number, to bob by name.", sequence=34, kind="text", user="bob", body="d"),
    deliver(700, entry(701, -90000, "again?"), conversation=4, meaning="A conversation that the client doesn't know any more."),
    step("LOOKUP", "Whose is it?", conversation=4),
    deliver(701, entry(705, -80000, "and this?"), conversation=4, meaning="Held back as well."),
    step("CONVERSATION", "Bob's, under its number in this era. Both messages can be handed over, marked as possible repeats.", conversation=4, type="oneToOne", peer="bob"),
    step("SKIP", "The step into era 2 is too wide for 40 bits.", predecessor=pos(705), through=pos(899, 2)),
    deliver(899, entry(900, 1000, "new", era=2), conversation=4, meaning="Of era 2: not marked.", era=2),
    event("store", "The first message.", client(9, 701, 33, [queued(34, "d")], era=2, cursor_era=1, ticket=None, conversations=known(bob=4), overlap={"through": pos(1000), "rule": "mark"})),
    ack(701, "701 of era 1, read upwards from 700: 705 is not acknowledged, although 701 of era 2 would be above it."),
    sent(34, 901, "Position 901 of era 2.", era=2),
    event("store", "The cursor.", client(9, 900, 34, [], era=2, ticket=None, conversations=known(bob=4))),
    ack(900, "Read upwards from 701 of era 1 it lies within the step of the SKIP: so it is read upwards from 899 of era 2.", era=2),
])

HIGH = "0xfffffffffffffffe"
exchange("high-era", "Era 127 becomes 128: sessions and positions above 2^63 are compared as unsigned numbers.", ["REQ-ENC-1", "REQ-POS-2", "REQ-POS-6", "REQ-STREAM-4"], [
    event("store", "What the client has.", client(3, 1000, 41, [queued(42, "a")], session=HIGH, era=127, ticket=None)),
    OPEN,
    step("HELLO", "With the state.", **fields_hello(state=presented(3, 1000, 41, session=HIGH, era=127))),
    welcome("resumed", 4, 1000, 41, "Era 128, whose positions are 2^63 and more; the cursor is still below.", session=HIGH, era=128, cursor_era=127),
    event("store", "Another era, and nothing lost.", client(4, 1000, 41, [queued(42, "a")], session=HIGH, era=128, cursor_era=127, ticket=None, conversations=[], overlap={"through": pos(1000, 127), "rule": "mark"})),
    step("SKIP", "From below 2^63 to above: through is higher than the end, as unsigned numbers.", predecessor=pos(1000, 127), through=pos(9, 128)),
    deliver(9, entry(10, 0, "one", era=128), entry(11, 0, "two", era=128), era=128, conversation="0x8000000000000001", meaning="Above 2^63, in a conversation whose number is too."),
    step("LOOKUP", "Whose is it?", conversation="0x8000000000000001"),
    step("CONVERSATION", "Bob's.", conversation="0x8000000000000001", type="oneToOne", peer="bob"),
    event("store", "Both messages, and the cursor.", client(4, 11, 41, [queued(42, "a")], session=HIGH, era=128, ticket=None, conversations=known(bob="0x8000000000000001"))),
    ack(11, "Both.", era=128),
    message(42, "a", "To bob, by the number.", conversation="0x8000000000000001"),
    sent(42, 12, "Stored.", era=128),
    step("GAP", "And one that won't come.", predecessor=pos(11, 128), through=pos(20, 128), count=1, reason="expired"),
])

exchange("other-user", "A client that was configured as carol is given alice's token.", ["REQ-OPEN-8"], [
    OPEN,
    step("HELLO", "Alice's token, and the user that the client believes it is.", **fields_hello(user="carol")),
    closed("tokenInvalid", "Closed before anything of alice's is touched; the text names the kind.", text="the token is of another user than HELLO names"),
])

exchange("note-to-self", "A message to oneself, and what the user's other device gets of it.", ["REQ-CONV-6", "REQ-STREAM-3", "REQ-STREAM-5"], [
    on("A", OPEN),
    on("A", back(3, 1000, 41)),
    on("A", welcome("resumed", 4, 1000, 41, "The phone.")),
    on("B", OPEN),
    on("B", step("HELLO", "Another device of alice's.", **fields_hello(device="tablet"))),
    on("B", welcome("begun", 1, 1000, 0, "It has a session of its own.", session=OTHER)),
    event("store", "The phone: one message.", client(4, 1000, 41, [queued(42, "milk")])),
    on("A", step("SEND_TO", "To herself.", sequence=42, kind="text", user="alice", body="milk")),
    on("A", step("CONVERSATION", "Her peer is herself.", conversation=12, type="oneToOne", peer="alice")),
    on("A", sent(42, 1001, "Stored. The phone shows it already.")),
    on("B", deliver(1000, entry(1001, 0, "milk", own=True), conversation=12, meaning="On the tablet it is her own.")),
    on("A", step("SKIP", "The phone's stream passes over it.", predecessor=pos(1000), through=pos(1001))),
])

exchange("duplicate-send", "A send is being stored while its connection breaks; the client sends it again.", ["REQ-SEQ-3", "REQ-SEQ-4"], opened() + [
    event("store", "One message.", client(4, 1000, 41, [queued(42, "a")])),
    message(42, "a", "Accepted, not synced yet."),
    LOST,
    OPEN,
    back(4, 1000, 41),
    welcome("resumed", 5, 1000, 41, "42 is not synced yet, so it is not named."),
    event("store", "Attach 5.", client(5, 1000, 41, [queued(42, "a")])),
    message(42, "a", "Again: the gateway has it, stores nothing, and answers when the first one is synced."),
    sent(42, 1001, "The position of the one that was stored."),
])

exchange("fencing", "The phone changes the network; the old connection still looks alive to the gateway.", ["REQ-ATTACH-2", "REQ-ATTACH-6"], [
    on("A", OPEN),
    on("A", back(3, 1000, 41)),
    on("A", welcome("resumed", 4, 1000, 41, "Attach 4.")),
    event("store", "Attach 4, then a message.", client(4, 1000, 41, [queued(42, "a")])),
    on("B", OPEN),
    on("B", back(4, 1000, 41)),
    on("B", welcome("resumed", 5, 1000, 41, "Attach 5: from here on, connection A doesn't count.")),
    on("A", closed("fenced", "Nobody may be there to read it.")),
    on("A", message(42, "a", "Was still on its way on A: ignored.")),
    event("store", "Attach 5.", client(5, 1000, 41, [queued(42, "a")])),
    on("B", message(42, "a", "On B it counts.")),
    on("B", sent(42, 1001, "Stored, once.")),
])

exchange("expired", "Away for too long: the ticket has expired, and so has the session.", ["REQ-OPEN-5", "REQ-SESSION-5", "REQ-SESSION-6"], [
    event("store", "What the client has.", client(3, 1000, 41, [queued(42, "a"), queued(43, "b")])),
    OPEN,
    back(3, 1000, 41),
    closed("ticketExpired", "Come back at once with HELLO."),
    OPEN,
    step("HELLO", "With the state.", **fields_hello(state=presented(3, 1000, 41))),
    welcome("begunExpired", 4, 5000, 0, "A new session.", session=OTHER),
    step("PREVIOUS", "42 had been stored, its SENT was lost. 43 never was.", session=SESSION, lastSequence=42),
    event("store", "42 is done; 43 moves to the new session as its number 1.", client(4, 5000, 0, [queued(1, "b")], session=OTHER, ticket=None)),
    message(1, "b", "In the new session."),
    sent(1, 5001, "Stored."),
])

exchange("credit", "A phone with little memory takes two messages at a time.", ["REQ-CREDIT-1", "REQ-CREDIT-2"], opened() + [
    step("CREDIT", "At most two messages and 4 KiB of bodies unacknowledged.", messages=2, bytes=4096),
    deliver(1000, entry(1001, 0, "one"), entry(1002, 0, "two"), meaning="The window is full."),
    event("store", "The cursor.", client(4, 1002, 41, [])),
    ack(1002, "The window is empty."),
    deliver(1002, entry(1003, 0, "three"), meaning="Goes on."),
])

exchange("heartbeat-and-pace", "Heartbeats, and a phone that goes to the background.", ["REQ-TIME-3", "REQ-TIME-5"], opened() + [
    step("PING", "After 30 to 300 seconds without another frame."),
    step("PONG", "Each PING has one."),
    step("PACE", "The next frame may take fifteen minutes.", seconds=900),
    step("PACE", "In the foreground again.", seconds=0),
])

exchange("re-authentication", "The token expires on a live connection.", ["REQ-AUTH-2", "REQ-AUTH-3"], [
    OPEN,
    step("HELLO", "A token that is good for two minutes.", **fields_hello(state=presented(3, 1000, 41))),
    welcome("resumed", 4, 1000, 41, "The session goes on."),
    step("TOKEN_EXPIRING", "A minute before the end.", seconds=60),
    step("AUTHENTICATE", "A fresh token of the same user.", token="fresh-token-of-alice"),
    step("AUTHENTICATED", "Good for an hour.", expiresIn=3600),
])

exchange("go-away", "The gateway is shut down for an update.", ["REQ-CLOSE-4", "REQ-CLOSE-2"], opened() + [
    event("store", "One message.", client(4, 1000, 41, [queued(42, "a")])),
    message(42, "a", "In flight."),
    step("GO_AWAY", "Come back in four seconds: the time is spread over all clients.", delayMilliseconds=4000, address=""),
    sent(42, 1001, "What is in flight is finished first."),
    step("CLOSE", "I will be back.", intent="keep"),
    event("wait", "Four seconds."),
    OPEN,
    back(4, 1000, 42),
])

exchange("logout", "The user logs out.", ["REQ-CLOSE-3"], opened() + [
    event("store", "That a logout is wanted: it is repeated until it is answered."),
    step("CLOSE", "End the session.", intent="logout"),
    closed("loggedOut", "The end is durable."),
    event("store", "Ticket, conversations and outbox are deleted, and the cursor is 0; what is presented of the session stays.", client(4, 0, 41, [], cursor_era=0, ticket=None, conversations=[])),
])

exchange("login-after-logout", "The user logs in again: the session that was logged out is presented once more.", ["REQ-SESSION-12", "REQ-SESSION-6"], [
    event("store", "As the logout left it; a message was written since, and has no number yet.", client(4, 0, 41, [], cursor_era=0, ticket=None, conversations=[])),
    OPEN,
    step("HELLO", "With the state, at position 0.", **fields_hello(state=presented(4, 0, 41, era=0))),
    welcome("begunEnded", 5, 1000, 0, "As expected after a logout: the application is told nothing of a loss.", session=OTHER),
    step("PREVIOUS", "All 41 messages of it are stored, and the device has sent in no later session.", session=SESSION, known=True, lastSequence=41),
    event("store", "The new session, and the message's number.", client(5, 1000, 0, [queued(1, "a")], session=OTHER, ticket=None, conversations=[])),
    step("SEND_TO", "By name: conversations are learned anew.", sequence=1, kind="text", user="bob", body="a"),
    sent(1, 1001, "Stored, once."),
])

# What a client must never do: each gets its code, and the connection is closed.
exchange("violation-preface", "Another protocol.", ["REQ-FRAME-1"], [
    event("open", "The client connects."),
    {"from": "client", "raw": True, "hex": b"GET / HT".hex(), "meaning": "HTTP."},
    closed("badPreface", "Closed."),
])
exchange("violation-send-before-welcome", "A pipelined send.", ["REQ-OPEN-3"], [
    OPEN, back(3, 1000, 41), message(42, "a", "WELCOME hasn't come."), closed("wrongState", "Closed; the session is not touched."),
])
exchange("violation-first-frame", "A connection that doesn't begin with HELLO or RESUME.", ["REQ-OPEN-1"], [
    OPEN, step("LOOKUP", "Too early.", conversation=1), closed("wrongState", "Closed."),
])
exchange("health-check", "A balancer looks whether the gateway serves: not a word of it is in the log.", ["REQ-OPEN-11"], [
    OPEN, step("PING", "Before any opening."), step("PONG", "It serves."), event("end", "The balancer ends the connection."),
])
exchange("violation-second-hello", "A second opening.", ["REQ-OPEN-3"], opened() + [
    step("HELLO", "Again.", **fields_hello()), closed("wrongState", "Closed."),
])
exchange("violation-sequence-hole", "A number is left out.", ["REQ-SEQ-4"], opened() + [
    message(43, "b", "42 is expected."), closed("sequenceHole", "Closed; nothing was stored."),
])
exchange("violation-acknowledgement", "An acknowledgement of what was never sent.", ["REQ-STREAM-8"], opened() + [
    deliver(1000, entry(1001, 0, "one"), meaning="The last thing sent is 1001."),
    ack(1002, "Beyond it."), closed("acknowledgementBeyond", "Closed; the cursor stays."),
])
exchange("violation-acknowledgement-backwards", "Acknowledgements rise.", ["REQ-STREAM-8"], opened() + [
    deliver(1000, entry(1001, 0, "one"), meaning="The last thing sent is 1001."),
    ack(999, "Resolved upwards from 1000, it is 2^40 - 1 further: beyond."), closed("acknowledgementBeyond", "Closed; the cursor stays."),
])
exchange("violation-credit", "More credit than WELCOME allows.", ["REQ-CREDIT-2"], opened() + [
    step("CREDIT", "257 of 256.", messages=257, bytes=4096), closed("creditOverflow", "Closed."),
])
exchange("violation-in-flight", "Too many unanswered sends.", ["REQ-SEQ-8"], opened(sendsInFlightMax=2) + [
    message(42, "a", "One."), message(43, "b", "Two."), message(44, "c", "Three of two."), closed("sendsInFlightExceeded", "Closed; what was stored of the three is told by the next WELCOME."),
])
exchange("violation-send-only-acknowledges", "A session without a stream.", ["REQ-SESSION-4"], [
    OPEN,
    step("HELLO", "Send-only.", **fields_hello(isSendOnly=True, device="cli-send")),
    welcome("begun", 1, 0, 0, "The cursor means nothing.", session=OTHER),
    ack(1, "Of nothing."), closed("wrongState", "Closed."),
])
exchange("violation-malformed", "A frame with a byte too many.", ["REQ-FRAME-6"], opened() + [
    {"from": "client", "raw": True, "hex": "140600000003e900", "meaning": "ACK has five bytes."},
    closed("malformedFrame", "Closed."),
])

if __name__ == "__main__":
    for name, value in EXCHANGES.items():
        write("exchanges/" + name + ".json", value)

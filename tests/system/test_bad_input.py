#!/usr/bin/python3
"""Section 9 of docs/PROTOCOL.md, row by row: what the broker does with what it cannot accept.

The table is read from the page. A row without a test is a failure, and so is a test of a row that is not there. A case
says only what is sent; the answer, and whether the connection stays, are taken from its row.
"""

import re
import struct
import tempfile
import threading
from collections import namedtuple

from connections import Client, Raw, hello_frame, unpack_error
from environment import DEADLINE_S, ROOT, is_sanitized, unique
from harness import Broker, long_test, main, messages, push, refused, take, test
import ringpost
from ringpost import HEAD, RANGE, pack_fields, pack_frame

PING = pack_frame(ringpost.PING)
QUEUE_OPS = {  # those that need a name, with a body of the right shape
    ringpost.PUSH: b"",
    ringpost.PUBLISH: b"",
    ringpost.CONSUME: RANGE.pack(1, 1, 1),
    ringpost.SUBSCRIBE: RANGE.pack(1, 0, 0),
    ringpost.DECLARE: b"",
    ringpost.DELETE: b"",
    ringpost.PURGE: b"",
    ringpost.PAUSE: b"",
    ringpost.RESUME: b"",
    ringpost.PEEK: struct.pack("<I", 1),
    ringpost.INFO: b"",
    ringpost.SET: b"",
    ringpost.REDRIVE: struct.pack("<I", 1),
}
NAMELESS_OPS = {
    ringpost.CANCEL: struct.pack("<I", 1),
    ringpost.CREDIT: RANGE.pack(1, 1, 1),
    ringpost.ACK: RANGE.pack(1, 1, 1),
    ringpost.RETURN: RANGE.pack(1, 1, 1),
    ringpost.REJECT: RANGE.pack(1, 1, 1),
    ringpost.UNSUBSCRIBE: struct.pack("<I", 1),
    ringpost.STATS: b"",
    ringpost.PING: b"",
    ringpost.TOUCH: RANGE.pack(1, 1, 1),
    ringpost.CLIENTS: struct.pack("<II", 1, 0),
    ringpost.KILL: struct.pack("<I", 0),
    ringpost.SETTINGS: b"",
    ringpost.HEARTBEAT: b"",
}
LIST_BODY = struct.pack("<I", 1)
ALL_OPS = QUEUE_OPS | NAMELESS_OPS | {ringpost.LIST: LIST_BODY, ringpost.TOPICS: LIST_BODY}
FLAGS = {ringpost.PUSH: 1, ringpost.PUBLISH: 15, ringpost.CONSUME: 3, ringpost.SUBSCRIBE: 3, ringpost.PEEK: 1}  # that are listed
RETAIN, MUST, TO_INBOX = 2, 4, 8  # of PUBLISH
INBOX = 2  # of SUBSCRIBE
SETTLEMENTS = (ringpost.ACK, ringpost.RETURN, ringpost.REJECT, ringpost.TOUCH)

Row = namedtuple("Row", "statuses stays")
Case = namedtuple("Case", "what sent status before hello", defaults=(None, (), True))
#   sent: bytes; status: needed where the row lists several; before: frames that must be settled first, which may fail


def read_rows():
    """The rows of section 9, by their first column."""
    section = (ROOT / "docs" / "PROTOCOL.md").read_text().partition("\n## 9. ")[2].partition("\n## ")[0]
    rows = {}
    for line in re.findall(r"^\| (.*) \|$", section, re.M)[1:]:
        what, answer, connection = line.split(" | ")
        assert connection in ("stays", "closes") and what not in rows, line
        rows[what] = Row(re.findall(r"`([a-z-]+)`", answer), connection == "stays")
    assert len(rows) > 20, "the table was not found"
    return rows


ROWS = read_rows()
tested = set()


def row(what):
    """Makes a test of a function that yields the cases of a row."""

    def make(cases):
        def check_all(broker):
            for case in cases(broker):
                check_case(broker, ROWS[what], case)

        tested.add(what)
        check_all.__name__ = cases.__name__
        return test(check_all)

    return make


def whole_row(what, kind=test):
    """A test of a row that says itself what is to happen."""
    tested.add(what)
    return kind


def check_case(broker, expected, case):
    raw, number = Raw(broker.address, hello=case.hello), 0
    try:
        if case.hello:
            raw.send(*case.before, PING)
            number = len(case.before) + 2
            read_reply(raw, number - 1)
        marker = unique("marker")
        raw.send(case.sent, b"" if expected.stays else hello_frame() * (not case.hello) + pack_frame(ringpost.PUSH, marker))
        error = raw.read_error()
        what = (case.what, error)
        assert error.status == (case.status or expected.statuses[0]), what
        assert error.status in expected.statuses, what
        assert error.text and error.text.isprintable(), what
        if expected.stays:
            assert (error.first, error.count) == (number, 1), what
            raw.send(PING)
            read_reply(raw, number + 1)
        else:
            assert error.first == 0, what
            rest = raw.read()
            assert rest is None, (what, rest)
            with refused("no-queue"):
                witness(broker).info(marker)
    finally:
        raw.close()
    check_witness(broker)


def read_reply(raw, number):
    while (frame := raw.read_until(ringpost.REPLY)).body[:8] != struct.pack("<Q", number):
        pass
    return frame


def witness(broker):
    """A connection that is there all the time, and that nothing may disturb."""
    found = [connection for connection in broker.connections if isinstance(connection, Client)]
    return found[0] if found else broker.connect()


def check_witness(broker):
    c, queue = witness(broker), b"witness"
    push(c, queue, b"still")
    c.consume(queue, 99, 1)
    assert messages(take(c, 1)) == [b"still"]
    c.ack(99, 1)
    c.cancel(99)
    assert not c.refused


def head(op, name_size, size, flags=0):
    return HEAD.pack(op, flags, name_size, size)


def subscription(pattern, wildcard=True):
    return pack_frame(ringpost.SUBSCRIBE, pattern, RANGE.pack(1, 0, 0), ringpost.WILDCARD if wildcard else 0)


def listening(fields, topic=b"t", flags=0):
    return pack_frame(ringpost.SUBSCRIBE, topic, RANGE.pack(1, 0, 0) + fields, flags)


def consumption(queue, consumer=1, count=10, size=1 << 20, flags=0):
    return pack_frame(ringpost.CONSUME, queue, RANGE.pack(consumer, count, size), flags)


BROKEN_FIELDS = {
    "half a field head": b"\x01\x01",
    "a key past the end": b"\x05\x01\x00\x00abc",
    "a value past the end": b"\x01\x01\x05\x00kabc",
    "a number of 4 bytes": b"\x01\x00\x04\x00kabcd",
    "a kind that is none": b"\x01\x02\x00\x00k",
    "a key of no bytes": b"\x00\x01\x01\x00v",
    "a key of 65 bytes": b"\x41\x01\x00\x00" + b"k" * 65,
    "rubbish behind a field": pack_fields({"max-messages": 1}) + b"\xff",
}


@test
def every_row_of_the_table_has_a_test():
    missing, unknown = ROWS.keys() - tested, tested - ROWS.keys()
    assert not missing and not unknown, f"rows without a test: {missing}; tests without a row: {unknown}"


@row("first frame is not HELLO")
def whoever_does_not_say_hello_is_closed(broker):
    for op, body in ALL_OPS.items():
        yield Case(hex(op), pack_frame(op, b"q" if op in QUEUE_OPS else b"", body), hello=False)
    for op in (0x9D, ringpost.WELCOME, 0xFF):
        yield Case(hex(op), pack_frame(op), hello=False)


@row("HELLO over 4,096 bytes")
def a_hello_that_is_too_large_is_closed(broker):
    base = hello_frame(x=b"")
    largest = hello_frame(x=b"x" * (4096 - len(base)))
    raw = broker.raw(hello=False)
    raw.send(largest)
    assert len(largest) == 4096 and raw.read().op == ringpost.WELCOME
    yield Case("one byte more", hello_frame(x=b"x" * (4097 - len(base))), hello=False)
    yield Case("a head alone", head(ringpost.HELLO, 0, 4097), hello=False)
    yield Case("the largest size", head(ringpost.HELLO, 0, 0xFFFFFFFF), hello=False)


@row("HELLO shorter than 12 bytes, or with broken fields")
def a_hello_of_the_wrong_shape_is_closed(broker):
    for size in range(4):
        yield Case(f"{size} bytes of version", pack_frame(ringpost.HELLO, body=bytes([1, 0, 0])[:size]), hello=False)
    for what, fields in BROKEN_FIELDS.items():
        yield Case(what, pack_frame(ringpost.HELLO, body=struct.pack("<I", 1) + fields), hello=False)


@row("HELLO with a name, or with flags")
def a_hello_with_a_name_or_flags_is_closed(broker):
    body = hello_frame()[8:]
    yield Case("name", pack_frame(ringpost.HELLO, b"me", body), status="bad-name", hello=False)
    for bit in range(8):
        yield Case(f"flag {bit}", pack_frame(ringpost.HELLO, body=body, flags=1 << bit), status="bad-flags", hello=False)


@row("HELLO of another version")
def another_version_is_closed(broker):
    for version in (0, 2, 256, 0xFFFFFFFF):
        yield Case(version, hello_frame(version), hello=False)


@whole_row("HELLO without the password of a broker that has one, or with another")
def a_hello_without_the_right_password_is_closed():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("secret\n")
        file.flush()
        with Broker("--password-file", file.name) as broker:
            for fields in ({}, {"password": b"secreT"}):
                raw = broker.raw(hello=False)
                raw.send(hello_frame(**fields))
                error = raw.read_error()
                assert (error.first, error.status) == (0, "denied"), error
                assert raw.read() is None


@whole_row("HELLO not complete 5 s after its first byte", long_test)
def a_hello_that_does_not_end_is_closed_after_5_seconds(broker):
    raw, patient = broker.raw(hello=False), broker.raw(hello=False)
    raw.send(hello_frame()[:-1])
    error = raw.read_error()
    assert (error.first, error.status) == (0, "hello"), error
    assert raw.read() is None
    patient.send(hello_frame())
    assert patient.read().op == ringpost.WELCOME, "one that has sent nothing has 60 s"


@whole_row("nothing sent for 60 s", long_test)
def a_connection_that_sends_nothing_is_closed_after_60_seconds(broker):
    raw, idle = broker.raw(hello=False), broker.raw()
    raw.socket.settimeout(4 * DEADLINE_S)
    assert raw.read() is None
    idle.send(PING)
    assert idle.read_until(ringpost.REPLY), "one that has said HELLO may be idle"


@row("HELLO twice")
def a_second_hello_is_refused(broker):
    yield Case("the same again", hello_frame())
    yield Case("of another version", hello_frame(2))


@row("later byte in op's place without its top bit")
def lost_framing_is_told_and_closed(broker):
    for sent in (b"\x00", b"\x7f" * 20, b"GET / HTTP/1.1\r\n\r\n"):
        yield Case(sent, sent)
        yield Case(sent, pack_frame(ringpost.PUSH, b"q", b"body")[:-1] + b"y" + sent, before=[PING])


@row("`size` under 8")
def a_frame_smaller_than_its_head_is_closed(broker):
    for op in (ringpost.PUSH, ringpost.PING, 0xBF):
        for size in (0, 1, 7):
            yield Case(f"{hex(op)} of {size}", head(op, 0, size))
    yield Case("with a name", head(ringpost.PUSH, 3, 0))


@row("`size` over `frame-max`")
def a_frame_that_is_too_large_is_closed(broker):
    most = witness(broker).welcome["frame-max"]
    for op in (ringpost.PUSH, ringpost.PUBLISH, ringpost.PING, 0xBF):
        for size in (most + 1, 0x80000000, 0xFFFFFFFF):
            yield Case(f"{hex(op)} of {size}", head(op, 1 if op == ringpost.PUSH else 0, size))


@row("unknown op, or an op of the broker's")
def an_op_that_no_client_has_is_refused(broker):
    for op in range(0x9D, 0x100):
        yield Case(hex(op), pack_frame(op, b"name" * (op % 2), b"body" * (op % 3), op % 5))


@row("`name_size` past the end of the frame")
def a_name_past_the_end_of_the_frame_is_refused(broker):
    for op in (*QUEUE_OPS, ringpost.LIST):
        yield Case(f"{hex(op)} by one", head(op, 4, 11) + b"abc")
        yield Case(f"{hex(op)} by far", head(op, 1024, 8))


@row("name empty where one is needed, over 1,024 bytes, or present where none belongs")
def a_name_of_the_wrong_size_is_refused(broker):
    for op, body in QUEUE_OPS.items():
        yield Case(f"{hex(op)} empty", pack_frame(op, b"", body))
        yield Case(f"{hex(op)} long", pack_frame(op, b"n" * 1025, body))
    yield Case("LIST long", pack_frame(ringpost.LIST, b"n" * 1025, LIST_BODY))
    for op, body in NAMELESS_OPS.items():
        yield Case(f"{hex(op)} named", pack_frame(op, b"n", body))


@row("a flag bit not listed for the op")
def a_flag_that_is_not_listed_is_refused(broker):
    for op, body in ALL_OPS.items():
        name = b"" if op in NAMELESS_OPS else b"q"
        for bit in (1 << bit for bit in range(8)):
            if not bit & FLAGS.get(op, 0):
                yield Case(f"{hex(op)} flag {bit}", pack_frame(op, name, body, bit | FLAGS.get(op, 0)))


@row("a body that is not of its op's size, or has broken fields")
def a_body_of_the_wrong_shape_is_refused(broker):
    for op, body in ALL_OPS.items():
        if op in (ringpost.PUSH, ringpost.PUBLISH, ringpost.DECLARE, ringpost.SET):
            continue
        name = b"" if op in NAMELESS_OPS else b"q"
        longer = set() if op == ringpost.REDRIVE else {len(body) + 1, 4000}
        for size in ({0, len(body) - 1} | longer) - {len(body), -1}:
            yield Case(f"{hex(op)} of {size}", pack_frame(op, name, b"\xff" * size))
    for what, fields in BROKEN_FIELDS.items():
        yield Case(what, pack_frame(ringpost.DECLARE, unique(), fields))
        yield Case(what, pack_frame(ringpost.SET, b"q", fields))
        to = fields.replace(pack_fields({"max-messages": 1}), pack_fields({"to": b"q2"}))
        yield Case(what, pack_frame(ringpost.REDRIVE, b"q", struct.pack("<I", 1) + to))
    for what, fields in list(BROKEN_FIELDS.items())[:-1]:
        yield Case(what, listening(fields))


@row("DECLARE, SET, SUBSCRIBE, REDRIVE: unknown key, wrong kind, value out of range; SUBSCRIBE: a group for an inbox")
def a_setting_that_is_none_is_refused(broker):
    number = struct.pack("<Q", 5)
    wrong = [{"colour": 1}, {"max_message": 1}, {"max_messages": 0}, {"max_bytes": 0}, {"max_messages": number}]
    wrong += [{"delivery_limit": 65536}, {"ttl": b""}, {"dead_letter": b"d" * 1025}, {"dead_letter": 1}, {"lease_max": b"1"}]
    wrong += [{"max_bytes": b""}, {"when_full": 1}, {"when_full": b"maybe"}, {"when_full": b""}, {"when_full": b"REFUSE"}]
    wrong += [{"pop_lease": 1}, {"pop_lease": b"maybe"}, {"pop_lease": b""}]
    for fields in wrong:
        queue = unique()
        yield Case(fields, pack_frame(ringpost.DECLARE, queue, pack_fields({"max_bytes": 7, **fields})))
        yield Case(fields, pack_frame(ringpost.SET, queue, pack_fields(fields)))
        with refused("no-queue"):
            witness(broker).info(queue)
    wrong = [{"groups": b"g"}, {"group": b""}, {"group": b"g" * 256}, {"group": 1}, {"overflow": b"drop"}, {"overflow": 1}]
    for fields in wrong + [{"retained": 2}, {"retained": b"1"}, {"max_messages": 1}]:
        yield Case(fields, listening(pack_fields(fields)))
    yield Case("group of an inbox", listening(pack_fields({"group": b"g"}), b"", INBOX))


@row("PUBLISH: `retain` with `inbox`; SUBSCRIBE: `wildcard` with `inbox`")
def flags_that_contradict_each_other_are_refused(broker):
    yield Case("publish", pack_frame(ringpost.PUBLISH, b"t", b"m", RETAIN | TO_INBOX))
    yield Case("subscribe", listening(b"", b"", ringpost.WILDCARD | INBOX))
    yield Case("with a name", listening(b"", b"t.*", ringpost.WILDCARD | INBOX))


@row("SUBSCRIBE: a name with `inbox`")
def an_inbox_is_not_named_by_its_owner(broker):
    yield Case("inbox", listening(b"", b"mine", INBOX))


@row("PUBLISH: `must`, and nobody is there")
def a_publish_that_must_reach_somebody_and_reaches_nobody_is_refused(broker):
    yield Case("topic", pack_frame(ringpost.PUBLISH, unique(), b"m", MUST))
    yield Case("retained", pack_frame(ringpost.PUBLISH, unique(), b"m", MUST | RETAIN))
    yield Case("inbox", pack_frame(ringpost.PUBLISH, unique(), b"m", MUST | TO_INBOX))
    topic = unique()
    yield Case("gone", pack_frame(ringpost.PUBLISH, topic, b"m", MUST), before=[
        listening(b"", topic), pack_frame(ringpost.UNSUBSCRIBE, body=struct.pack("<I", 1))])


@row("PUBLISH: `retain` beyond the bound of what is retained")
def a_message_that_is_too_much_to_be_retained_is_refused(broker):
    mebibyte = b"m" * ((1 << 20) - 8 - 2)
    names = [b"%02d" % number for number in range(65)]
    frames = [pack_frame(ringpost.PUBLISH, name, mebibyte, RETAIN) for name in names]
    yield Case("bytes", frames[-1], before=frames[:-1])
    for name in names:
        witness(broker).send(ringpost.PUBLISH, name, b"", RETAIN)
    assert not witness(broker).refused


@row("PUSH, PUBLISH with `headers`: a block that is malformed, or a known key of another kind or value")
def a_bad_header_is_refused(broker):
    blocks = [b"", bytes(3), struct.pack("<I", 3), struct.pack("<I", 5), struct.pack("<I", 1 << 31)]
    blocks += [struct.pack("<I", 4 + len(fields)) + fields for fields in BROKEN_FIELDS.values()]
    for headers in ({"ttl": 0}, {"ttl": b"soon"}, {"delay": b""}, {"reply_to": 7}, {"dead_queue": b"d" * 1025}):
        blocks.append(ringpost.pack_headers(headers))
    blocks.append(ringpost.pack_headers({f"x-{number}": b"v" * 60_000 for number in range(2)}))
    for block in blocks:
        for op in (ringpost.PUSH, ringpost.PUBLISH):
            yield Case(block[:20], pack_frame(op, b"q", block, ringpost.HEADERS))


@row("CONSUME, SUBSCRIBE: id already in use")
def an_id_in_use_is_refused(broker):
    queue, topic = unique(), unique()
    yield Case("consumer", consumption(unique()), before=[consumption(queue)])
    yield Case("same queue", consumption(queue), before=[consumption(queue)])
    yield Case("subscription", subscription(unique()), before=[subscription(topic)])
    yield Case("same topic", subscription(topic), before=[subscription(topic)])


@row("CANCEL, CREDIT, ACK, RETURN, REJECT, TOUCH: no such consumer")
def a_consumer_that_is_not_there_is_refused(broker):
    queue = unique()
    gone = [consumption(queue, 7), pack_frame(ringpost.CANCEL, body=struct.pack("<I", 7))]
    for before in ([], gone, [subscription(queue, False)], [consumption(queue, 8)]):
        for consumer in (0, 7, 0xFFFFFFFF):
            yield Case(f"CANCEL {consumer}", pack_frame(ringpost.CANCEL, body=struct.pack("<I", consumer)), before=before)
            for op in (ringpost.CREDIT, *SETTLEMENTS):
                yield Case(f"{hex(op)} {consumer}", pack_frame(op, body=RANGE.pack(consumer, 1, 1)), before=before)


@row("UNSUBSCRIBE: no such subscription")
def a_subscription_that_is_not_there_is_refused(broker):
    gone = [subscription(b"gone"), pack_frame(ringpost.UNSUBSCRIBE, body=struct.pack("<I", 1))]
    for before in ([], gone, [consumption(unique())]):
        yield Case("1", pack_frame(ringpost.UNSUBSCRIBE, body=struct.pack("<I", 1)), before=before)


@row("CREDIT: sum over 2³² − 1 messages or 2⁶³ − 1 bytes; CONSUME: bytes over 2⁶³ − 1")
def credit_beyond_all_bounds_is_refused(broker):
    queue = unique()
    for size in (1 << 63, (1 << 64) - 1):
        yield Case(f"CONSUME {size}", consumption(queue, size=size))
    most = consumption(queue, count=0xFFFFFFFF, size=(1 << 63) - 1)
    for count, size in ((1, 0), (0xFFFFFFFF, 0), (0, 1), (0, (1 << 64) - 1), (1, 1)):
        yield Case(f"CREDIT {count} {size}", pack_frame(ringpost.CREDIT, body=RANGE.pack(1, count, size)), before=[most])
    small = consumption(queue, count=5, size=5)
    for count, size in ((0xFFFFFFFB, 0), (0, (1 << 63) - 5), (0, (1 << 64) - 5)):
        yield Case(f"CREDIT {count} {size}", pack_frame(ringpost.CREDIT, body=RANGE.pack(1, count, size)), before=[small])


@row("ACK, RETURN, REJECT, TOUCH: count 0, tag 0, or tag + count − 1 over 2⁶⁴ − 1")
def a_range_that_is_none_is_refused(broker):
    queue, last = unique(), (1 << 64) - 1
    for op in SETTLEMENTS:
        for count, tag in ((0, 1), (1, 0), (0, 0), (2, last), (0xFFFFFFFF, last), (0xFFFFFFFF, last - 0xFFFFFFFD)):
            sent = pack_frame(op, body=RANGE.pack(1, count, tag))
            yield Case(f"{hex(op)} {count} {tag}", sent, before=[consumption(queue)])


@row("ACK, RETURN, REJECT, TOUCH: tags never delivered, or settled already")
def tags_that_are_not_leased_are_refused(broker):
    last = (1 << 64) - 1
    for op in SETTLEMENTS:
        queue = unique()
        leased = [pack_frame(ringpost.PUSH, queue), consumption(queue, count=1)]
        for count, tag in ((1, 2), (1, last), (0xFFFFFFFF, 1), (0xFFFFFFFF, last - 0xFFFFFFFE)):
            yield Case(f"{hex(op)} {count} {tag}", pack_frame(op, body=RANGE.pack(1, count, tag)), before=leased)
    for op in SETTLEMENTS:
        for settled_by in (ringpost.ACK, ringpost.REJECT):
            yield settled_already(broker, op, settled_by)
    queue = unique()
    done = [pack_frame(ringpost.PUSH, queue), consumption(queue, flags=ringpost.NO_ACK)]
    yield Case("no-ack", pack_frame(ringpost.ACK, body=RANGE.pack(1, 1, 1)), before=done)


def settled_already(broker, op, settled_by):
    """PING comes between, so that the message is delivered before it is settled the first time."""
    queue = unique()
    push(witness(broker), queue, b"")
    before = [consumption(queue), PING, pack_frame(settled_by, body=RANGE.pack(1, 1, 1))]
    return Case(f"{hex(op)} after {hex(settled_by)}", pack_frame(op, body=RANGE.pack(1, 1, 1)), before=before)


@row("SUBSCRIBE: pattern with `>` not last or over 32 levels")
def a_pattern_that_is_none_is_refused(broker):
    deep = b".".join([b"a"] * 32)
    for pattern in (b">.a", b"a.>.b", b">.>", b"a.>.", deep + b".a", deep + b".>", deep + b".*", b"." * 32, b"." * 1024):
        yield Case(pattern, subscription(pattern))
    for pattern in (b">", b"a.>", b"a>.b", b"a.b>", b">>.a", deep, b"." * 31, deep[:-1] + b">"):
        raw = broker.raw()
        raw.send(subscription(pattern))
        assert raw.read_until(ringpost.REPLY, ringpost.ERROR).op == ringpost.REPLY, pattern
        raw.close()


@row("PUSH over the bound of a queue that refuses, or larger than its bound")
def a_push_that_does_not_fit_the_queue_is_refused(broker):
    c = witness(broker)
    few, small, holds = unique(), unique(), unique()
    c.declare(few, max_messages=1)
    c.declare(small, max_bytes=50)
    c.declare(holds, max_bytes=50, when_full=b"hold")
    push(c, few, b"")
    yield Case("one too many", pack_frame(ringpost.PUSH, few, b""))
    for queue in (small, holds):
        yield Case("too large", pack_frame(ringpost.PUSH, queue, b"x" * 50))
        push(c, queue, b"fits")


@whole_row("over the memory limit: PUSH, PUBLISH; any frame over 4,096 bytes that comes in pieces (its end is skipped)")
def over_the_memory_limit_messages_and_large_frames_are_refused():
    with Broker("--memory-limit", "1kb") as broker:
        raw, large = broker.raw(), pack_frame(ringpost.DECLARE, b"large", bytes(5000))
        raw.send(pack_frame(ringpost.PUSH, b"q", b"x"), pack_frame(ringpost.PUBLISH, b"t", b"x"), large[:-1])
        errors = sorted(raw.read_error() for _ in range(3))
        assert [error[:3] for error in errors] == [(number, 1, "memory") for number in (1, 2, 3)], errors
        raw.send(large[-1:], PING)
        raw.read_until(ringpost.REPLY)


@whole_row("an eighth over the memory limit: whatever is answered with data")
def far_over_the_memory_limit_questions_are_refused():
    with Broker("--memory-limit", "1kb") as broker:
        raw = broker.raw()
        for op in (ringpost.PEEK, ringpost.LIST, ringpost.INFO, ringpost.CLIENTS, ringpost.STATS, ringpost.SETTINGS):
            raw.send(pack_frame(op, b"q" if op in QUEUE_OPS else b"", ALL_OPS[op]))
            assert raw.read_error().status == "memory"
        raw.send(PING)
        raw.read_until(ringpost.REPLY)


@row("PUSH beyond the window while pushes wait")
def a_push_beyond_the_window_is_refused(broker):
    queue, c = unique(), witness(broker)
    c.declare(queue, max_messages=1, when_full=b"hold")
    push(c, queue, b"")
    window = c.welcome["window-bytes"]
    large = pack_frame(ringpost.PUSH, queue, b"x" * (1 << 20 >> 1))
    fitting = window // len(large)
    yield Case("bytes", large, before=[large] * fitting)
    small = pack_frame(ringpost.PUSH, queue)
    yield Case("frames", small, before=[small] * c.welcome["window"])
    assert c.info(queue)["ready"] == 1
    c.delete(queue)


@row("PEEK, LIST, CLIENTS, TOPICS: count 0; LIST: database over 15")
def looking_at_nothing_is_refused(broker):
    queue = unique()
    push(witness(broker), queue, b"")
    yield Case("PEEK", pack_frame(ringpost.PEEK, queue, struct.pack("<I", 0)))
    yield Case("PEEK back", pack_frame(ringpost.PEEK, queue, struct.pack("<I", 0), ringpost.BACK))
    yield Case("CLIENTS", pack_frame(ringpost.CLIENTS, b"", struct.pack("<II", 0, 0)))
    yield Case("LIST", pack_frame(ringpost.LIST, b"", struct.pack("<I", 0)))
    yield Case("TOPICS", pack_frame(ringpost.TOPICS, b"", struct.pack("<I", 0)))
    yield Case("LIST behind", pack_frame(ringpost.LIST, queue, struct.pack("<I", 0)))
    yield Case("LIST elsewhere", pack_frame(ringpost.LIST, b"", struct.pack("<II", 1, 16)))


def assert_growth(broker, before_kib, most_mib, what):
    """Memory of a sanitizer or of valgrind says nothing about the broker's own."""
    grown = (broker.resident_kib() - before_kib) / 1024
    assert is_sanitized() or grown <= most_mib, f"{what}: memory grew by {grown:.1f} MiB, more than {most_mib}"


LARGE = b"L" * 1_000_000


UNREAD_MIB_MAX = 8  # what somebody who does not read may cost: answers, and the input that waits behind them
ASKED_MIB = 2 if is_sanitized() else 24
BURST = 1_200_000
FLOODS = {  # frames that are asked again and again, and how often to see an answer to each
    "pings": (PING, 100_000),
    "errors": (pack_frame(0xBF) + pack_frame(0xBE), 30_000),
    "subscriptions that are not there": (pack_frame(ringpost.UNSUBSCRIBE, body=bytes(4)), 60_000),
    "figures": (pack_frame(ringpost.STATS), 20_000),
    "pages": (pack_frame(ringpost.LIST, body=LIST_BODY), 15_000),
    "peeks": (pack_frame(ringpost.PEEK, b"flood", struct.pack("<I", 1)), 150),
    "refusals": (pack_frame(ringpost.PUSH, b"full", b"") + pack_frame(ringpost.PUSH, b"full too", b""), 30_000),
}


def make_flooded_queues(broker):
    c = witness(broker)
    push(c, b"flood", b"L" * 60_000)
    for queue in (b"full", b"full too"):
        c.declare(queue, max_bytes=1)


@whole_row("answers that are not read")
def whoever_asks_on_and_on_without_reading_is_not_read_from_and_memory_is_bounded():
    for what, (frames, _) in FLOODS.items():
        with Broker() as broker:
            make_flooded_queues(broker)
            raw, before = broker.raw(receive_buffer=4096), broker.resident_kib()
            raw.fill(frames * (BURST // len(frames)), ASKED_MIB << 20, witness(broker).ping)
            check_witness(broker)
            assert_growth(broker, before, UNREAD_MIB_MAX, what)


@test
def once_it_reads_it_gets_an_answer_to_each_frame_and_the_connection_goes_on(broker):
    make_flooded_queues(broker)
    for what, (frames, times) in FLOODS.items():
        count, times = sum(1 for _ in ringpost.unpack_frames(frames)), times // (10 if is_sanitized() else 1)
        raw = Raw(broker.address, receive_buffer=4096)
        sender = threading.Thread(target=raw.send, args=(frames * times, PING))
        sender.start()
        check_witness(broker)
        answered = 0
        while answered < count * times:
            frame = raw.read_until(ringpost.REPLY, ringpost.ERROR)
            answered += 1 if frame.op == ringpost.REPLY else unpack_error(frame).count
        assert answered == count * times, what
        read_reply(raw, count * times + 1)
        sender.join()
        raw.close()


@test
def many_who_do_not_read_cost_little_each():
    flood, _ = FLOODS["subscriptions that are not there"]
    with Broker() as broker:
        check_witness(broker)
        before, raws = broker.resident_kib(), [broker.raw(receive_buffer=4096) for _ in range(20)]
        for raw in raws:
            raw.fill(flood * (BURST // len(flood)), ASKED_MIB << 17, witness(broker).ping)
        assert_growth(broker, before, 20 * UNREAD_MIB_MAX, "20 connections")


@whole_row("a frame that never ends")
def a_frame_that_never_ends_costs_the_bytes_that_came(broker):
    most = witness(broker).welcome["frame-max"]
    before = broker.resident_kib()
    raws = [broker.raw() for _ in range(100)]
    for raw in raws:
        raw.send(head(ringpost.PUSH, 4, most) + b"name")
    check_witness(broker)
    assert_growth(broker, before, 20, "100 heads of 1 MiB each")
    queue = unique()
    raw, body = raws[0], b"x" * (most - 8 - len(queue))
    frame = pack_frame(ringpost.PUSH, queue, body)
    raw.send(frame[12 : most - 1])
    check_witness(broker)
    assert_growth(broker, before, 24, "one of them to its last byte but one")
    raw.send(frame[-1:], PING)
    read_reply(raw, 2)
    raws[1].send(b"y" * 100_000)
    check_witness(broker)


@test
def a_name_that_never_ends_is_waited_for(broker):
    raw, queue = broker.raw(), unique()
    frame = pack_frame(ringpost.PUSH, queue, b"whole")
    for byte in frame[:-1]:
        raw.send(bytes([byte]))
    with refused("no-queue"):
        witness(broker).info(queue)
    raw.send(frame[-1:])
    raw.read_until(ringpost.CONFIRM)
    assert witness(broker).peek(queue) == ([b"whole"], False)


@test
def the_error_is_read_even_if_much_more_was_sent_behind_the_fault(broker):
    for sent, hello in ((head(0xBF, 0, 8), False), (b"\x00", True), (head(ringpost.PUSH, 1, 0xFFFFFFFF), True)):
        for _ in range(10):
            raw = broker.raw(hello=hello)
            raw.send(sent + b"\x00" * 300_000)
            error = raw.read_error()
            assert error.status in ("hello", "protocol", "too-large"), error
            assert raw.read() is None
            raw.close()


@test
def good_frames_before_and_behind_bad_ones_are_carried_out_and_numbered(broker):
    queue, raw = unique(), broker.raw()
    good = pack_frame(ringpost.PUSH, queue, b"good")
    bad = [pack_frame(0xBF), pack_frame(ringpost.PUSH), pack_frame(ringpost.PUSH, queue, b"", 2), pack_frame(ringpost.CANCEL)]
    raw.send(good, *(frame + good for frame in bad))
    errors = [raw.read_error() for _ in bad]
    assert [(e.first, e.count) for e in errors] == [(2, 1), (4, 1), (6, 1), (8, 1)], errors
    assert [e.status for e in errors] == ["unknown-op", "bad-name", "bad-flags", "bad-frame"]
    while struct.unpack_from("<Q", raw.read_until(ringpost.CONFIRM).body)[0] < 9:
        pass
    assert witness(broker).info(queue)["ready"] == 5


@test
def many_connections_with_faults_at_once_disturb_nobody(broker):
    raws = [broker.raw(hello=False) for _ in range(60)]
    for number, raw in enumerate(raws):
        raw.send([b"\x00", hello_frame()[: 4 + number % 8], hello_frame() + b"\x00", hello_frame(2)][number % 4])
    check_witness(broker)
    for raw in raws:
        raw.reset()
    check_witness(broker)


if __name__ == "__main__":
    main()

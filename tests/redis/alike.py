"""Whether replies are the same, but for what may differ.

What may: ids, times, addresses, versions, HELLO's name of the server, the order of what has none, and the text of INFO,
CONFIG, COMMAND, SLOWLOG and CLIENT LIST and INFO. Whether something is an error may not, nor what it says.
"""

from itertools import groupby, zip_longest

from forms import ACKS, COUNT, HELLO, INFOS, NEAR, TYPE, UNORDERED
from resp import NESTS, parse, reply_end, split

NEAR_MAX = 60_000  # ms between two servers' answers to PTTL
HELLO_OWN = {b"server", b"version", b"id"}


def first_unlike(kinds, theirs, ours):
    """Which reply of what came of a step is the first that is not the same; None when all are.

    `kinds` (of forms.py) is of the step's commands, a list of them of EXEC.
    """
    if theirs == ours:
        return None
    theirs, ours = split(theirs), split(ours)
    if not kinds and _with_matches_sorted(theirs) == _with_matches_sorted(ours):
        return None
    if kinds == [ACKS]:
        return None if _same_acks(theirs, ours) else 0
    for index, (kind, reply, our_reply) in enumerate(zip_longest(kinds, theirs, ours)):
        if reply != our_reply and not (reply and our_reply and _same_reply(kind, reply, our_reply)):
            return index
    return None


def _same_reply(kind, reply, our_reply):
    are_whole = reply_end(reply) and reply_end(our_reply)
    return kind is not None and are_whole and _same(kind, parse(reply), parse(our_reply))


def _with_matches_sorted(replies):
    """Replies, in which those to one message by several patterns of a connection, an unordered set, are in order."""

    def heard(reply):
        is_match = b"\r\npmessage\r\n" in reply[:20] and reply_end(reply)
        return [node.content for node in parse(reply).content[2:]] if is_match else None

    return [sorted(run) if key else list(run) for key, run in groupby(replies, heard)]


def _same(kind, a, b):
    if a == b:
        return True
    if a.kind != b.kind or a.kind == "-" or a.content is None or b.content is None:
        return False
    if isinstance(kind, list):
        return _same_lists(kind, a, b)
    return kind is not None and _SAME[kind](a, b)


def _same_lists(kinds, a, b):
    """The replies of a transaction."""
    if not isinstance(a.content, list) or not len(a.content) == len(b.content) == len(kinds):
        return False
    return all(_same(*trio) for trio in zip(kinds, a.content, b.content))


def _same_elements(a, b):
    return isinstance(a.content, list) and sorted(map(repr, a.content)) == sorted(map(repr, b.content))


def _same_count(a, b):
    return isinstance(a.content, list) and len(a.content) == len(b.content)


def _near(a, b):
    """Times to live: -1 and -2 are words, the rest are figures."""
    if a.kind != ":":
        return False
    a, b = int(a.content), int(b.content)
    return a == b if min(a, b) < 0 else abs(a - b) <= NEAR_MAX


def _same_hello(a, b):
    if not isinstance(a.content, list) or len(a.content) != len(b.content):
        return False
    pairs = list(zip(a.content, b.content))
    return all(
        key == own and (value == our_value or (key.content in HELLO_OWN and value.kind == our_value.kind))
        for (key, own), (value, our_value) in zip(pairs[::2], pairs[1::2])
    )


def _same_infos(a, b):
    """What is known of commands: who is known matters."""
    return _same_count(a, b) and [n.content is None for n in a.content] == [n.content is None for n in b.content]


def _same_acks(theirs, ours):
    """Replies to UNSUBSCRIBE without names: one for each, in any order, with the same counts in this one."""
    names, counts = [], []
    if not all(map(reply_end, theirs + ours)):
        return False
    for nodes in (list(map(parse, theirs)), list(map(parse, ours))):
        if any(node.kind.encode() not in NESTS or len(node.content) != 3 for node in nodes):
            return False
        names.append(sorted(repr(node.content[:2]) for node in nodes))
        counts.append([(node.kind, node.content[2]) for node in nodes])
    return names[0] == names[1] and counts[0] == counts[1]


_SAME = {
    TYPE: lambda a, b: True,
    COUNT: _same_count,
    UNORDERED: _same_elements,
    NEAR: _near,
    HELLO: _same_hello,
    INFOS: _same_infos,
}

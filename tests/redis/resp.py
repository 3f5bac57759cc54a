"""The Redis protocol from a client's side, byte for byte: commands are packed, replies are cut and looked into."""

from collections import namedtuple

BULKS, NESTS, MAP, MINUS = b"$=!", b"*~>%", ord("%"), ord("-")

# A reply: its first byte, as text, and its content: bytes, a list of nodes, or None for a null.
Node = namedtuple("Node", "kind content")


def pack(words):
    """A command as clients send it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def pack_inline(words):
    """A command as a person types it; what is not plain is quoted."""
    return b" ".join(word if word.isalnum() else b'"%b"' % _escape(word) for word in words) + b"\r\n"


def _escape(word):
    return b"".join(b"%c" % byte if chr(byte).isalnum() else b"\\x%02x" % byte for byte in word)


def reply_end(data, at=0):
    """Where the reply ends that begins at `at`; None if it is not all there."""
    missing = 1
    while missing:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        kind, line, at = data[at], data[at + 1 : end], end + 2
        missing -= 1
        if kind in BULKS and line[0] != MINUS:
            at += int(line) + 2
            if at > len(data):
                return None
        elif kind in NESTS and line[0] != MINUS:
            missing += int(line) * (2 if kind == MAP else 1)
    return at


def split(data):
    """The replies in `data`, each as its bytes; what is left of one that is not all there comes last."""
    replies, at = [], 0
    while at < len(data):
        end = reply_end(data, at) or len(data)
        replies.append(bytes(data[at:end]))
        at = end
    return replies


def count_replies(data):
    """How many whole replies there are."""
    count, at = 0, 0
    while at < len(data) and (end := reply_end(data, at)):
        count, at = count + 1, end
    return count


def parse(reply):
    """A whole reply as a Node."""
    return _parse(reply, 0)[0]


def _parse(data, at):
    end = data.index(b"\r\n", at)
    kind, line, at = chr(data[at]), bytes(data[at + 1 : end]), end + 2
    if kind.encode() in BULKS and not line.startswith(b"-"):
        size = int(line)
        return Node(kind, bytes(data[at : at + size])), at + size + 2
    if kind.encode() in NESTS and not line.startswith(b"-"):
        nodes = []
        for _ in range(int(line) * (2 if kind == "%" else 1)):
            node, at = _parse(data, at)
            nodes.append(node)
        return Node(kind, nodes), at
    is_null = kind == "_" or (line == b"-1" and kind in "$*")
    return Node(kind, None if is_null else line), at

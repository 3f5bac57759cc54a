"""What a sequence is made of: steps, each at one connection, taken one after the other."""

from dataclasses import dataclass, field

from resp import pack, pack_inline


@dataclass(frozen=True)
class Id:
    """A word that stands for what CLIENT ID says of a connection, which is another on each server."""

    who: int


class Step:
    """What all steps have, unless they say otherwise."""

    commands, kinds, may_block = (), (), False


@dataclass
class Open(Step):
    """Opens a connection, anew if it is open."""

    who: int

    def __str__(self):
        return f"{self.who} is opened"


@dataclass
class Rescue(Step):
    """Opens all connections that were closed."""

    who: int = -1

    def __str__(self):
        return "all that were closed are opened"


@dataclass
class Send(Step):
    """Sends commands in one write.

    kinds      in what the replies may differ (see alike.py), for each command, as far as any may
    is_inline  as a person types them
    awaits     something comes back even when nothing else happens: a time-out ends
    may_block  it may have to wait for others, and so may those that were sent behind it
    cut        with a pause behind that many bytes
    """

    who: int
    commands: list = field(default_factory=list)
    kinds: list = field(default_factory=list)
    is_inline: bool = False
    awaits: bool = False
    may_block: bool = False
    cut: int = 0

    def encode(self, ids):
        words = [[b"%d" % ids[word.who] if isinstance(word, Id) else word for word in command] for command in self.commands]
        return b"".join((pack_inline if self.is_inline else pack)(command) for command in words)

    def __str__(self):
        commands = "; ".join(" ".join(show_word(word) for word in command) for command in self.commands)
        notes = [note for note in ("is_inline", "awaits", "may_block", "cut") if getattr(self, note)]
        return f"{self.who} {commands}" + (f"  ({', '.join(notes)})" if notes else "")


@dataclass
class Raw(Step):
    """Sends bytes, with a pause behind the first `cut` of them."""

    who: int
    data: bytes
    cut: int = 0

    def encode(self, ids):
        return self.data

    def __str__(self):
        return f"{self.who} {show_word(self.data)}"


@dataclass
class Scan(Step):
    """A whole iteration of SCAN, whose cursors and order are each server's own affair."""

    who: int
    words: list

    def __str__(self):
        return f"{self.who} SCAN … {' '.join(show_word(word) for word in self.words)}"


def show_word(word):
    if isinstance(word, Id):
        return f"<id of {word.who}>"
    plain = word.isascii() and all(33 <= byte < 127 for byte in word) and word
    text = word.decode() if plain else repr(word)[1:]
    return text if len(text) <= 80 else f"{text[:60]}…({len(word)} bytes)"

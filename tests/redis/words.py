"""The words of generated commands: few keys, so that things collide, and values that are easily mistaken."""

from steps import Id

LISTS = [b"l1", b"l2", b"jobs:high", b"jobs:low", b"\x00\r\n\xff l", b"deep" * 60]
STRINGS = [b"s1", b"s2", b"counter", b"lock:\xc3\xa9", b"s\x00"]
CHANNELS = [b"news", b"news.de", b"news.at", b"n\r\n", b"[x]", b"h*llo", b"new\x00", b"\xff" * 200]
GLOBS = """
* ? ne* n?ws news n*s* *.* news.[da][et] news.[^d]* news.[a-c]t news.[z-a]t [x] \\[x\\] h\\*llo h*llo h[*]llo
[ne [^ ] \\ ** *e*s*t l* s* counter jobs:* jobs:[hl]* [^l]* *[ *\\ ???? l[1-3] [\\x] [a-] [-z]* n[e-]ws
""".split()
VALUES = [b"a", b"b", b"c", b"1", b"2", b"", b"x\x00y", b"\r\n", b"\xff\xfe", b"a b", b'"q"', b"v" * 50, b"w" * 2000]
NUMBERS = [b"10", b"-5", b"0", b"9223372036854775807", b"-9223372036854775808", b"3.5", b"007"]

# What is not an integer, or an integer that few expect.
ODD_INTEGERS = """
9223372036854775807 -9223372036854775808 9223372036854775808 -9223372036854775809 18446744073709551617 1.5 abc -1 0
+1 01 0x10 1e3 -0 - 4294967296 2147483648 -2147483649 99999999999999999999999 \u0661 1\u0000
""".split()
ODD_WORDS = [b"abc", b"-1", b"0", b"1.5", b"3", b"nx", b"COUNT", b"left", b"GET", b"?", b"l1", b"s1", b"\xff"]

TIMEOUTS_LONG = [b"0", b"0.0", b"1000", b"1e3", b"0x100", b"+500", b"100.5", b"0e5", b"-0"]
TIMEOUTS_SHORT = [b"0.001", b"0.0001", b".001", b"1e-3", b"+.002"]
TIMEOUTS_BAD = [
    *(b"-1", b"abc", b"", b"nan", b"inf", b"-inf", b"1e400", b"1e5000", b"1e-5000", b"-0.1", b" 1", b"1 ", b"1\x00"),
    *(b"9223372036854775807", b"9223372036854776", b"1,5", b"--1", b"0x", b"-1e30"),
]

STRANGE_SIZE = 100  # of a value, at which it is long for a stranger

# Far enough in the future, or past, and never the same twice: nothing depends on when a test runs.
SECONDS_MIN, SECONDS_MAX = 1000, 10_000_000
BAD_TIMES = [b"0", b"-1", b"-100000", b"abc", b"1.5", b"9223372036854775807", b"-9223372036854775808", b"", b"1e3"]
HUGE_TIMES = [b"9223372036854775", b"9223372036854774", b"-9223372036854775", b"9223372036854775808", b"99999999999"]


class Vocabulary:
    """What the forms ask words of. `timeouts` and `victims` are what the next command may take.

    Where there is a password, nothing is long, since strangers may not say much.
    """

    def __init__(self, dice, password=None):
        self.dice, self.password = dice, password
        self.values = [value for value in VALUES if not password or len(value) < STRANGE_SIZE]
        self.timeouts, self.victims = TIMEOUTS_BAD, []

    def _one(self, words):
        return [self.dice.choice(words)]

    def _mostly(self, share, usual, odd):
        return self._one(usual if self.dice.random() < share else odd)

    def keyword(self, word):
        word, fate = word.encode(), self.dice.random()
        if fate < 0.8:
            return [word]
        return [word.lower() if fate < 0.95 else word.title()]

    # Keys and names

    def list(self):
        return self._mostly(0.93, LISTS, STRINGS)

    def string(self):
        return self._mostly(0.93, STRINGS, LISTS)

    def key(self):
        return self._mostly(0.6, LISTS, STRINGS)

    def lists(self):
        """A number of keys, and as many keys; or not."""
        keys = self.dice.choices(LISTS, k=self.dice.randint(1, 3))
        fate = self.dice.random()
        count = b"%d" % len(keys) if fate < 0.9 else self.odd_integer()[0]
        return [count, *keys]

    def channel(self):
        return self._one(CHANNELS)

    def glob(self):
        return [self.dice.choice(GLOBS).encode()]

    def name(self):
        return self._one([b"worker-1", b"w", b"", b"a b", b"a\nb", b"\xff", b"x" * 100, b"!~"])

    def user(self):
        return self._mostly(0.8, [b"default"], [b"nobody", b"Default", b""])

    def secret(self):
        return [self.password] if self.password and self.dice.random() < 0.8 else self.value()

    def made_up(self):
        made = [b"frobnicate", b"FOO", b"x\r\ny", b"n\x00l", b"\xff", b"a'b", b"l" * 150, b"lpush ", b"geT1"]
        return self._one(made)

    # Values and numbers

    def value(self):
        return self._mostly(0.85, self.values, NUMBERS)

    def odd_integer(self):
        return [self.dice.choice(ODD_INTEGERS).encode()]

    def index(self):
        return [b"%d" % self.dice.randint(-4, 4)] if self.dice.random() < 0.88 else self.odd_integer()

    def edge(self):
        """Of what LTRIM leaves, which is most as a rule."""
        return self._mostly(0.8, [b"0", b"-1", b"1", b"-2", b"-9", b"9"], [b"%d" % self.dice.randint(-3, 3)])

    def count(self):
        return [b"%d" % self.dice.randint(0, 4)] if self.dice.random() < 0.85 else self.odd_integer()

    def few(self):
        return self._one([b"0", b"1", b"-1", b"-2", b"abc", b"1.5"])

    def increment(self):
        return [b"%d" % self.dice.randint(-9, 9)] if self.dice.random() < 0.8 else self.odd_integer()

    def side(self):
        return self._mostly(0.97, [b"LEFT", b"RIGHT", b"left", b"Right"], [b"UP", b"", b"LEF"])

    # Times

    def timeout(self):
        return self._one(self.timeouts)

    def seconds(self):
        return self._mostly(0.8, [b"%d" % self.dice.randint(SECONDS_MIN, SECONDS_MAX)], BAD_TIMES + HUGE_TIMES)

    def milliseconds(self):
        return self._mostly(0.8, [b"%d" % self.dice.randint(SECONDS_MIN * 1000, SECONDS_MAX * 1000)], BAD_TIMES)

    def moment(self):
        return self._mostly(0.8, [b"4000000000", b"5000000000"], [b"0", b"-1", b"abc", b"9223372036854775807"])

    def moment_ms(self):
        return self._mostly(0.8, [b"4000000000000", b"5000000000000"], [b"0", b"-1", b"1.5", b"9223372036854775808"])

    # Connections and the server

    def protocol(self):
        return self._mostly(0.85, [b"2", b"3"], [b"1", b"4", b"0", b"abc", b"-1", b"3.0", b"99999999999999999999"])

    def database(self):
        return self._mostly(0.8, [b"0", b"0", b"0", b"1", b"15"], [b"16", b"-1", b"abc", b"1.5", b"99999999999", b""])

    def stranger(self):
        return self._one([b"999999999999", b"0", b"-1", b"abc", b"1.5"])

    def stranger_address(self):
        return self._one([b"192.0.2.1:1", b"nowhere", b"", b"[::1]:1"])

    def victim(self):
        return [Id(self.dice.choice(self.victims))] if self.dice.random() < 0.7 else self.stranger()

    def command(self):
        return self._one([b"lpush", b"GET", b"nosuch", b"client", b"client|list", b"blpop", b"multi"])

    def section(self):
        return self._one([b"server", b"clients", b"memory", b"all", b"Everything", b"default", b"stats", b"nosuch", b""])

    def memory_size(self):
        return self._one([b"0", b"4gb", b"100000MB", b"10000000000"])

    def setting(self):
        return self._one([b"maxmemory", b"maxmemory-policy", b"save", b"appendonly", b"timeout", b"*max*"])

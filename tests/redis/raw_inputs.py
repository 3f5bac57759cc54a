"""Bytes as no client writes them, to which a server of the Redis protocol has to say what Redis says, or nothing.

What a server says to each does not depend on how the bytes are cut on their way. Where Redis looks at a line that is too
long only when it has no end, an input here has none.
"""

LINE_MAX = 64 * 1024

# Behind each word a server has to tell that it is still in step.
PING = b"*1\r\n$4\r\nPING\r\n"


def words(*args):
    """A command as clients write it."""
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(arg), arg) for arg in args)


def with_counts(counts):
    return [b"*" + count + b"\r\n" + PING for count in counts]


def with_sizes(sizes):
    return [before + b"$" + size + b"\r\n" for before in (b"*1\r\n", b"*2\r\n$4\r\nECHO\r\n") for size in sizes]


# Commands, or nothing.
WHOLE = [
    PING,
    PING * 3,
    *with_counts([b"0", b"-1", b"-2147483649", b"-9223372036854775808"]),
    b"*1\rX$4\rXPING\rX",
    b"*1\r\n$4\r\nPINGxx" + PING,
    b"*1\r\n$0\r\n\r\n" + PING,
    b"*1\r\n$4\r\nP\r\nG\r\n" + PING,
    words(b"ECHO", b"\x00\r\n$1\r\n*1\r\n\xff") + PING,
    words(b"ECHO", b"a" * 100_000) + PING,
    words(b"no-such", *[b"%d" % i for i in range(10_000)]) + PING,
]

# Lines, by people and probes.
LINES = [
    b"PING\r\n",
    b"PING\n",
    b"ping\r\nPING\r\n" + PING + b"PING\r\n",
    b"\r\n\n   \r\n\t\n" + PING,
    b"PING a\r\n",
    b"PING a b\r\n",
    b'"PING"\r\n',
    b'PI"NG"\r\n',
    b'"PI"NG\r\n',
    b"ECHO \rb\r\n",
    b"ECHO b\r\r\n",
    b"ECHO a\tb\r\n",
    b"ECHO\ta\r\n",
    b"ECHO\x0ba\x0cb\r\n",
    b'ECHO "a"\x0b\r\n',
    b'ECHO ""\r\n',
    b"ECHO ''\r\n",
    b'""\r\n',
    b'ECHO "\\x41\\n\\r\\t\\b\\a\\\\\\"\\q\\x4\\xg1"\r\n',
    b'ECHO "\\x00\\xfF"\r\n',
    b"ECHO 'a\\'b\\n\\x41'\r\n",
    b"ECHO \\x41\r\n",
    b'ECHO "abc\r\n',
    b"ECHO 'abc\r\n",
    b'ECHO "abc\\"\r\n',
    b"ECHO 'abc\\'\r\n",
    b'ECHO "abc\\\r\n',
    b'ECHO "a"b\r\n',
    b"ECHO 'a'\"b\"\r\n",
    b"ECHO 'a' 'b\r\n",
    b"ECHO a\x00b\r\n" + PING,
    b"\x00\r\n" + PING,
    b"$4\r\nPING\r\n",
    b"+OK\r\n" + PING,
    b"GET / HTTP/1.1\r\n",
    b"POST / HTTP/1.1\r\n",
    b"post\r\n",
    b"Host: localhost\r\n",
    b"HOST:\r\n",
    b"Host:localhost\r\n",
    words(b"POST", b"/"),
    words(b"host:"),
    b"ECHO " + b"a" * (LINE_MAX - 5) + b"\n",
    b"no-such" + b" a" * 20_000 + b"\r\n" + PING,
    b"a" * LINE_MAX,
    b"a" * (LINE_MAX + 1),
    b"\x00" * LINE_MAX,
    b"\x00" * (LINE_MAX + 1),
]

COUNTS = [
    *with_counts([b"", b"x", b"+1", b"01", b" 1", b"1 ", b"-0", b"1\nX", b"*1", b"1.0", b"0x1", b"1\x0b"]),
    *with_counts([b"2147483648", b"9223372036854775808", b"-9223372036854775809", b"9" * 30, b"0" * 30]),
    b"*1000000000\r\n",
    b"*2147483647\r\n",
    b"*2147483647\r\n$4\r\nPING\r\n",
    b"*",
    b"*1\r",
    b"*x",
    b"*\x00\r\n" + PING,
    b"*1\x00\r\n" + PING,
    b"*" + b"1" * (LINE_MAX - 1),
    b"*" + b"1" * LINE_MAX,
    b"*" + b"\x00" * (LINE_MAX - 1),
    b"*" + b"\x00" * LINE_MAX,
]

SIZES = [
    *with_sizes([b"", b"x", b"+4", b"04", b" 4", b"4 ", b"4x", b"-0", b"00", b"-1", b"-2147483649", b"4\x0b"]),
    *with_sizes([b"536870913", b"4294967300", b"9223372036854775807", b"9223372036854775808", b"18446744073709551620"]),
    *with_sizes([b"-9223372036854775808", b"9" * 30]),
    *with_sizes([b"4\r\nPIN", b"4\r\nPING", b"4\r\nPING\r"]),
    b"*1\r\n4\r\nPING\r\n",
    b"*1\r\n\r\n",
    b"*1\r\n\r",
    b"*1\r\nx",
    b"*1\r\n\n\r\n",
    b"*1\r\n\xff\r\n",
    b"*1\r\n*1\r\n",
    b"*2\r\n$4\r\nPING\r\n\n\r\n",
    b"*2\r\n$4\r\nPING\r\n$",
    b"*2\r\n$4\r\nPING\r\n\x00\r\n" + PING,
    b"*1\r\n$\x00\r\n" + PING,
    b"*1\r\n$" + b"1" * (LINE_MAX - 1),
    b"*1\r\n$" + b"1" * LINE_MAX,
    b"*1\r\nx" + b"1" * LINE_MAX,
    b"*2\r\n$4\r\nPING\r\n$" + b"\x00" * LINE_MAX,
    PING + b"*1\r\n$-1\r\n" + PING,
]

# What an error shows of a client's bytes.
ERRORS = [
    words(b"no\r\nsuch", b"a\r\nb"),
    words(b"-ERR x\r\n+OK"),
    words(b"no\x00such", b"a\x00b", b"", b"c"),
    words(b"no-such\xff\x7f\x01"),
    words(b"a" * 300),
    words(b"a" * 300, b"b" * 300, b"c"),
    words(b"no-such", b"b" * 100, b"c" * 100, b"d"),
    words(b"no-such", *[b"b"] * 100),
    words(b"no-such", b"b" * 125, b"c"),
    words(b"no-such", b"b" * 124, b"c"),
    words(b"CLIENT", b"no\r\nsuch\x00x"),
    words(b"CONFIG", b"a" * 300),
]

INPUTS = WHOLE + LINES + COUNTS + SIZES + ERRORS

# To a server that has a password and was not given it. A line of 4 KiB without an end is refused here, and later there.
STRANGERS = [
    PING,
    b"PING\r\n",
    b"no-such a\r\n",
    words(b"no-such", b"a"),
    words(b"POST", b"/"),
    b"*0\r\n" + PING,
    b"*10\r\n",
    b"*11\r\n",
    b"*1000000000\r\n",
    b"*2147483648\r\n",
    b"*x\r\n",
    b"*1\r\n$16385\r\n",
    b"*1\r\n$512000000\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\nx\r\n",
    b"*2\r\n$4\r\nAUTH\r\n$16385\r\n",
]

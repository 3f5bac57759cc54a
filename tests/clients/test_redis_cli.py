#!/usr/bin/python3
"""redis-cli: at a terminal, in a script, with a pipe, and its pages of figures."""

import os
import re
import subprocess

from servers import DEADLINE_S, Process, connect, main, test, unique
from terminal import Terminal

PIPED_COUNT, SCANNED_COUNT = 10_000, 500


def command(server, *words):
    host, _, port = server.address.rpartition(":")
    return ["redis-cli", "-h", host, "-p", port, *words]


def cli(server, *words, given="", code=0):
    """Runs it to its end; returns the lines that it wrote. With -e, it exits 1 behind an error."""
    done = subprocess.run(
        command(server, "-e", *words), input=given, capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert done.returncode == code, done
    return (done.stdout + done.stderr).splitlines()


def environment():
    """A terminal that moves its cursor, and no file of past commands."""
    return {**os.environ, "TERM": "xterm", "REDISCLI_HISTFILE": "/dev/null"}


class Session:
    """redis-cli at a terminal, in a database."""

    def __init__(self, server, database, *words):
        host, _, port = server.address.rpartition(":")
        self.prompt = f"{host}:{port}[{database}]".encode()
        words = command(server, "-n", str(database), *words)
        self.terminal = Terminal(lambda **pipes: Process(words, env=environment(), **pipes))

    def __enter__(self):
        self.answer()
        return self

    def __exit__(self, *_):
        self.terminal.__exit__()

    def ask(self, line):
        """Types a line; returns what is answered to it, line by line."""
        self.terminal.type(line.encode() + b"\r")
        self.terminal.read_until(b"\n")
        return self.answer()

    def answer(self):
        """What is written before the next prompt."""
        lines = self.terminal.read_until(self.prompt).splitlines()
        self.is_in_transaction = "(TX)" in self.terminal.read_until(b"> ")
        return lines


@test
def what_is_typed_at_a_terminal_is_answered(server):
    jobs, news = unique("jobs").decode(), unique("news").decode()
    with Session(server, 5) as session:
        assert session.ask(f"lpush {jobs} one 'two words' \"\\xff\"") == ["(integer) 3"]
        assert session.ask(f"LRANGE {jobs} 0 -1") == ['1) "\\xff"', '2) "two words"', '3) "one"']
        assert session.ask(f"rpop {jobs} 2") == ['1) "one"', '2) "two words"']
        assert session.ask(f"blpop {jobs} other 1") == [f'1) "{jobs}"', '2) "\\xff"']
        assert session.ask(f"lpop {jobs}") == ["(nil)"]
        assert session.ask(f"llen {jobs} x") == ["(error) ERR wrong number of arguments for 'llen' command"]
        described = session.ask("help lpush")
        assert described[1].startswith("  LPUSH ") and described[2].startswith("  summary: "), described
        session.terminal.type(f"subscribe {news}\r".encode())
        session.terminal.read_until(b"(integer) 1")
        assert connect(server).publish(news, "rain") == 1
        session.terminal.read_until(b'"rain"')


@test
def a_terminal_may_speak_the_third_protocol(server):
    with Session(server, 3, "-3") as session:
        lines = session.ask("hello")
        assert any(re.fullmatch(r'\d+# "proto" => \(integer\) 3', line) for line in lines), lines
        assert session.ask("multi") == ["OK"] and session.is_in_transaction
        assert session.ask("ping") == ["QUEUED"] and session.ask("exec") == ["1) PONG"]
        assert not session.is_in_transaction


@test
def a_script_gets_plain_words_and_an_exit_code(server):
    jobs = unique("jobs").decode()
    assert cli(server, "-n", "7", "rpush", jobs, "a", "b") == ["2"]
    assert cli(server, "lrange", jobs, "0", "-1") == [""], "it is in another database"
    assert cli(server, "-n", "7", "-3", "--json", "lrange", jobs, "0", "-1") == ['["a","b"]']
    assert cli(server, "-n", "7", "get", jobs, code=1)[0].startswith("WRONGTYPE ")
    assert cli(server, given=f"ping\necho {jobs}\nselect 7\nllen {jobs}\n") == ["PONG", jobs, "OK", "2"]
    path = server.addresses[1].removeprefix("unix:")
    assert cli(server, "-s", path, "-n", "7", "--csv", "lpop", jobs, "2") == ['"a","b"']


def multibulk(*words):
    return f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)


@test
def a_pipe_carries_many_commands(server):
    jobs = unique("jobs").decode()
    given = "".join(multibulk("RPUSH", jobs, str(number)) for number in range(PIPED_COUNT))
    assert cli(server, "--pipe", given=given)[-1] == f"errors: 0, replies: {PIPED_COUNT}"
    assert connect(server).lrange(jobs, 0, -1) == [b"%d" % number for number in range(PIPED_COUNT)]
    given = "".join(f"LPOP {jobs}\r\n" for _ in range(PIPED_COUNT)) + f"LPOP {jobs} x\r\n"
    assert cli(server, "--pipe", given=given, code=1)[-2:] == [
        f"errors: 1, replies: {PIPED_COUNT + 1}",
        "ERR value is out of range, must be positive",
    ]
    assert not connect(server).exists(jobs)


@test
def all_keys_are_found(server):
    prefix = unique("scanned").decode()
    client = connect(server, db=9)
    for number in range(SCANNED_COUNT):
        client.set(f"{prefix}:{number}", "x") if number % 2 else client.rpush(f"{prefix}:{number}", "x")
    found = cli(server, "-n", "9", "--scan", "--pattern", f"{prefix}:*")
    assert sorted(found) == sorted(f"{prefix}:{number}" for number in range(SCANNED_COUNT))
    assert cli(server, "-n", "9", "--scan", "--pattern", f"{prefix}:*7?") == [
        key for key in found if key[-2:-1] == "7" and len(key) > len(prefix) + 2
    ]


@test
def info_and_stat_have_figures(server):
    info = dict(line.split(":", 1) for line in cli(server, "info") if ":" in line)
    assert info["redis_version"] and info["loading"] == "0" and int(info["connected_clients"]) >= 1, info
    with Process(command(server, "--stat", "-i", "0.01")) as stat:
        head, titles, first, second = (stat.line().decode() for _ in range(4))
    assert "data" in head and titles.split()[:5] == ["keys", "mem", "clients", "blocked", "requests"], titles
    requests = [int(line.split()[4]) for line in (first, second)]
    assert requests[1] > requests[0] > 0 and int(first.split()[2]) >= 1, (first, second)


if __name__ == "__main__":
    main()

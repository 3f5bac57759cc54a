#!/usr/bin/python3
"""build/ringpost top: on a terminal, and for scripts."""

import json
import os
import re
import signal
import termios

from cli import Running, cli, cli_json
from environment import unique, wait_until
from harness import Broker, main, push, take, test
from terminal import Terminal

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"
TITLES = "QUEUE READY LEASED DELAY HELD IN/s OUT/s OLDEST P50 P99".split()


class Screen(Terminal):
    """ringpost top on a terminal."""

    def __init__(self, broker, columns, lines):
        super().__init__(lambda **pipes: Running(broker, "top", **pipes), columns, lines)

    def picture(self, condition):
        """The lines of the next whole picture of which condition(lines) is true."""
        self.said = b""
        while True:
            assert self.read()
            for drawn in re.findall(rb"\x1b\[H([^\x1b]*(?:\x1b\[K[^\x1b]*)*)\x1b\[J", self.said):
                lines = drawn.replace(b"\x1b[K", b"").decode().split("\r\n")
                if condition(lines):
                    return lines

    def end(self):
        while self.read():
            pass
        assert self.said.endswith(LEAVE), self.said[-40:]
        assert self.running.wait() == os.EX_OK
        assert termios.tcgetattr(self.master) == self.before, "the terminal is as it was"


def row_of(lines, queue):
    """The figures of a queue, by title."""
    found = [line for line in lines if line.startswith(queue + " ")]
    return dict(zip(TITLES, found[0].split())) if found else None


@test
def top_shows_what_the_queues_hold_in_80_columns(broker):
    c, long, queue = broker.connect(), b"a.name.that.is.much.longer.than.there.is.room.for", unique("top")
    push(c, long, b"")
    push(c, queue, *[b"%d" % number for number in range(1500)])
    c.consume(queue, 1, 3)
    take(c, 3)
    with Screen(broker, 80, 24) as terminal:
        lines = terminal.picture(lambda lines: row_of(lines, queue.decode()))
        assert lines[2].split() == TITLES, lines
        assert max(map(len, lines)) == 80 and len(lines) <= 24, lines
        row = row_of(lines, queue.decode())
        assert (row["READY"], row["LEASED"], row["DELAY"], row["HELD"]) == ("1.50k", "3", "0", "0"), row
        assert any(line.startswith(long.decode()[:17] + " ") for line in lines), "a long name is cut"
        terminal.resize(120, 10)
        terminal.running.signal(signal.SIGWINCH)
        lines = terminal.picture(lambda lines: max(map(len, lines)) == 120)
        assert len(lines) <= 10 and any(line.startswith(long.decode()) for line in lines), lines
        terminal.type(b"q")
        terminal.end()


@test
def top_puts_what_waits_longest_first(broker):
    c, names = broker.connect(), [unique("wait") for _ in range(3)]
    for name in names:
        push(c, name, b"")
        wait_until(lambda: c.info(name)["oldest-ready"] > 1, "it waits")
    c.consume(names[0], 1, 1)
    take(c, 1)
    wait_until(lambda: c.info(names[1])["oldest-ready"] > 100, "some tenths of a second")
    records = [record for record in cli_json(broker, "top", "--once") if record["name"].encode() in names]
    assert [record["name"].encode() for record in records] == [names[1], names[2], names[0]], records
    waited, leased = records[0], records[2]
    assert waited["oldest_ready"] > 1000 and waited["ready"] == 1, waited
    assert "oldest_ready" not in leased and leased["leased"] == 1 and leased["waited_p99"] > 1000, leased
    lines = cli(broker, "top", "--once").decode().splitlines()
    row = row_of(lines, names[1].decode())
    assert re.fullmatch(r"[\d.]+(s|min)", row["OLDEST"]) and row_of(lines, names[0].decode())["OLDEST"] == "-", lines


@test
def the_figures_of_top_and_info_are_those_of_the_clients(broker):
    c, consumer, queue = broker.connect(), broker.connect(), unique("load")
    consumer.consume(queue, 1, 400)
    with Running(broker, "top", "--json") as command:
        push(c, queue, *[b"x"] * 10_000)
        for delivery in take(consumer, 400):
            consumer.ack(1, delivery.tag)
        consumer.flush()
        records = []
        while not records or records[-1]["ready"] != 9600:
            record = json.loads(command.line())
            records += [record] if record["name"].encode() == queue else []
    fields = c.info(queue)
    assert (fields["accepted"], fields["acknowledged"], fields["ready"]) == (10_000, 400, 9600), fields
    (told,) = cli_json(broker, "queue", "info", queue)
    assert all(told[key] == fields[key] for key in ("accepted", "acknowledged", "ready", "leased", "delivered")), told
    assert sum(record["in_per_second"] for record in records) > 0 and fields["waited-max"] >= fields["waited-p50"]


@test
def top_gives_the_terminal_back_when_a_signal_ends_it(broker):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        with Screen(broker, 80, 24) as terminal:
            terminal.picture(lambda lines: len(lines) > 2)
            terminal.running.signal(number)
            terminal.end()


@test
def top_once_shows_rates_for_scripts(broker):
    c, queue = broker.connect(), unique("rate").decode()
    push(c, queue.encode(), b"")
    with Running(broker, "top", "--json") as command:
        numbers = []
        while not any(record["in_per_second"] > 0 for record in numbers):
            push(c, queue.encode(), b"")
            record = json.loads(command.line())
            numbers += [record] if record["name"] == queue else []
    assert numbers[-1]["ready"] > 1 and numbers[-1]["out_per_second"] == 0, numbers
    (record,) = (record for record in cli_json(broker, "top", "--once") if record["name"] == queue)
    assert record["ready"] == c.info(queue.encode())["ready"] and record["in_per_second"] == 0, record
    lines = cli(broker, "top", "--once").decode().splitlines()
    assert lines[2].split() == TITLES and row_of(lines, queue)["READY"] == str(record["ready"]), lines


@test
def top_goes_on_with_another_broker():
    with Broker(listen=["127.0.0.1:0"]) as broker:
        push(broker.connect(), b"first", b"")
        with Screen(broker, 80, 24) as terminal:
            terminal.picture(lambda lines: row_of(lines, "first"))
            broker.close_connections()
            broker.terminate()
            broker.wait_for_end()
            lines = terminal.picture(lambda lines: re.search(r"connections  \w", lines[0]))
            assert row_of(lines, "first"), "it shows what it knows"
            with Broker(listen=[broker.address]) as other:
                push(other.connect(), b"second", b"")
                terminal.picture(lambda lines: row_of(lines, "second"))
                terminal.type(b"q")
                terminal.end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""build/ringpost: the command line itself, where the broker is, and what is told of queues and of the broker."""

import base64
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile

from cli import Running, cli, cli_json
from environment import RINGPOST, ROOT, unique, wait_until
from harness import Broker, main, push, take, test

ODD = b"odd \n\x1b[31m\xff\\"
ODD_ESCAPED = b"odd \\n\\x1b[31m\\xff\\\\"
COMMANDS = {
    "push": "QUEUE [MESSAGE]",
    "pop": "QUEUE",
    "peek": "QUEUE",
    "pub": "TOPIC [MESSAGE]",
    "sub": "TOPIC",
    "request": "ADDRESS [MESSAGE]",
    "reply": "ADDRESS",
    "queue ls": "[PATTERN]",
    "queue info": "QUEUE",
    "queue declare": "QUEUE",
    "queue set": "QUEUE",
    "queue redrive": "QUEUE",
    "queue delete": "QUEUE",
    "queue purge": "QUEUE",
    "queue pause": "QUEUE",
    "queue resume": "QUEUE",
    "topic ls": "[PATTERN]",
    "client ls": "",
    "client kill": "ID",
    "config show": "[PATTERN]",
    "stats": "",
    "top": "",
    "ping": "",
    "completion": "SHELL",
}
HEADERS = ["--header", "--reply-to", "--correlation-id"]
BOUND = ["--max-messages", "--max-bytes"]
SETTINGS = [*BOUND, "--when-full", "--ttl", "--delivery-limit", "--dead-letter", "--lease-max", "--pop-lease"]
OPTIONS = {  # besides those that every command takes
    "push": ["--lines", "--ttl", "--delay", *HEADERS],
    "pop": ["--count", "--follow", "--wait", "--ack", "--exec", "--back"],
    "peek": ["--count", "--back"],
    "pub": ["--lines", "--retain", "--must", *HEADERS],
    "sub": ["--wildcard", "--group", "--count", "--wait", "--overflow", "--no-retained", *BOUND],
    "request": ["--header"],
    "reply": ["--exec", "--group", "--count", "--wait"],
    "queue declare": SETTINGS,
    "queue set": SETTINGS,
    "queue redrive": ["--count", "--to"],
    "top": ["--once"],
    "ping": ["--count"],
}
COMMON = ["--json", "--server", "--password-file", "--timeout", "--help", "--version"]

PERIODS = {f"{what}_{which}" for what in ("waited", "worked") for which in ("p50", "p99", "max")}
PERIODS |= {"oldest_ready", "oldest_leased", "ttl", "lease_max"}


# The command line


@test
def help_names_every_command_and_fits_a_screen():
    text = cli(None, "--help").decode()
    for command, arguments in COMMANDS.items():
        assert re.search(rf"^  {command} {re.escape(arguments)} *\w", text, re.M), command
    for option in COMMON:
        assert option in text, option
    assert max(map(len, text.splitlines())) <= 100 and text.count("\n") <= 50
    assert cli(None, "-h") == text.encode() == cli(None, "queue", "--help")


@test
def help_of_a_command_names_its_options_and_no_others():
    for command, arguments in COMMANDS.items():
        text = cli(None, *command.split(), "--help").decode()
        assert text.startswith(f"usage: ringpost {command} [OPTION]… {arguments}".rstrip() + "\n"), text
        named = set(re.findall(r"^  (?:-\w,|   ) (--[\w-]+)", text, re.M))
        assert named == {*COMMON, *OPTIONS.get(command, [])}, (command, named)
        assert max(map(len, text.splitlines())) <= 100, command


@test
def version_is_that_of_the_project():
    version = (ROOT / "meson.build").read_text().partition("version: '")[2].partition("'")[0]
    assert cli(None, "--version") == cli(None, "ping", "-V") == f"ringpost {version}\n".encode()


@test
def wrong_usage_exits_64_and_says_in_a_line_what_is_wrong():
    wrong = {
        "frobnicate": "no command frobnicate",
        "queue": "queue needs ls, info",
        "queue frobnicate": "no command queue frobnicate",
        "push": "push needs QUEUE",
        "pop": "pop needs QUEUE",
        "queue info": "queue info needs QUEUE",
        "push a b c": "push takes no c",
        "stats now": "stats takes no now",
        "pop q --nope": "no option --nope",
        "pop q -x": "no option -x",
        "pop q --lines": "pop takes no --lines",
        "push q -n 3": "push takes no --count",
        "stats --wait 3": "stats takes no --wait",
        "pop q --count": "--count needs N behind it",
        "pop q --count 0": "--count 0 is not",
        "pop q --count -1": "--count -1 is not",
        "pop q --count 3x": "--count 3x is not",
        "pop q --count 18446744073709551616": "--count 18446744073709551616 is not",
        "pop q --wait soon": "--wait soon is not",
        "pop q --wait=": "--wait  is not",
        "pop q --wait -1": "--wait -1 is not",
        "pop q --timeout forever": "--timeout forever is not",
        "pop q --json=yes": "--json takes no value",
        "pop q --ack maybe": "--ack is auto, manual or none",
        "pop q --ack auto --exec true": "--exec settles",
        "push q text --lines": "--lines takes its messages",
        "queue declare q --max-bytes 3t": "--max-bytes 3t is not",
        "queue declare q --max-bytes 0": "--max-bytes 0 is not",
        "queue declare q --max-bytes 99999999999g": "is not",
        "queue declare q --when-full explode": "--when-full is refuse, hold or drop-oldest",
        "queue declare q --pop-lease explode": "--pop-lease is none or connection",
        "queue set q --ttl never": "--ttl never is not",
        "queue set q --delivery-limit 0": "--delivery-limit 0 is not",
        "queue redrive q -n 4294967296": "--count 4294967296 is too much",
        "pop q --follow -n 3": "--follow has no end",
        "push q m --header price=4": "--header is x-KEY=VALUE",
        "push q m --header x-price": "--header is x-KEY=VALUE",
        "push q m --must": "push takes no --must",
        "pub t m --ttl 3": "pub takes no --ttl",
        "sub t --overflow explode": "--overflow is drop-oldest,",
        "sub t --max-messages 4294967296": "--max-messages is at most",
        "client": "client needs ls or kill",
        "client kill me": "client kill needs the number",
        "config frobnicate": "no command config frobnicate; there is show",
        "reply t": "reply needs --exec",
        "reply inbox:x --exec true": "reply needs a topic",
        "completion fish": "completion is for bash or zsh",
        "top": "top needs a terminal",
        "ping --server nowhere:port": "nowhere:port is not an address",
        "ping --server=": "is not an address",
        "a b c d e f g h i": "too many arguments",
    }
    for line, said in wrong.items():
        cli(None, *line.split(), code=os.EX_USAGE, error=said.encode())


def complete(*words):
    """What bash offers behind these words."""
    line = " ".join(shlex.quote(word) for word in ("ringpost", *words))
    script = f"eval \"$({shlex.quote(str(RINGPOST))} completion bash)\"; COMP_WORDS=({line}); COMP_CWORD={len(words)};"
    done = subprocess.run(["bash", "-uc", script + ' _ringpost_words; echo "${COMPREPLY[@]}"'], capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode().split()


@test
def completion_offers_commands_and_their_options():
    assert set(complete("")) == {command.split()[0] for command in COMMANDS}
    assert complete("queue", "re") == ["redrive", "resume"]
    for command in COMMANDS:
        assert set(complete(*command.split(), "-")) == {*COMMON, *OPTIONS.get(command, [])}, command
    assert set(complete("push", "jobs", "--t")) == {"--ttl", "--timeout"}
    assert complete("nothing", "-") == []
    assert cli(None, "completion", "zsh").startswith(b"#compdef ringpost\n")


def options_in(text):
    """The long options that a page of troff names."""
    return set(re.findall(r"--[a-z][a-z-]*", text.replace("\\-", "-")))


@test
def the_manual_page_names_what_help_names():
    page = (ROOT / "docs" / "man" / "ringpost.1").read_text()
    commands, _, rest = page.partition(".SH COMMANDS\n")[2].partition(".SH OPTIONS\n")
    options = rest.partition(".SH ")[0]
    told = {}
    for block in commands.split(".TP\n")[1:]:
        title, _, text = block.partition("\n")
        name, arguments = re.fullmatch(r"\\fB([a-z ]+)\\fR(.*)", title).groups()
        told[name] = re.sub(r"\\f.", "", arguments).strip()
        takes = re.search(r"^Takes (\\fB.*)\.$", text, re.M)
        assert (options_in(takes[1]) if takes else set()) == set(OPTIONS.get(name, [])), name
    assert told == COMMANDS, told.items() ^ COMMANDS.items()
    explained = set().union(*(options_in(block.partition("\n")[0]) for block in options.split(".TP\n")))
    assert explained == {*COMMON, *(option for taken in OPTIONS.values() for option in taken)}, explained


@test
def no_command_at_all_shows_the_help_as_an_error():
    with Running(None) as command:
        out, error = command.end(os.EX_USAGE)
    assert out == b"" and error == cli(None, "--help")


@test
def options_may_stand_anywhere_and_end_at_two_dashes(broker):
    queue, c = unique(), broker.connect()
    cli(broker, "--json", "push", "--", queue, "--lines")
    cli(broker, "push", "--timeout=3", queue, "-j", "two")
    assert cli(broker, "-n2", "pop", queue, "-w", "1.5") == b"--lines\ntwo\n"
    wait_until(lambda: not c.has_queue(queue), "both were taken")


# Where the broker is


@test
def the_server_is_an_option_or_a_variable_or_the_default(broker):
    with tempfile.TemporaryDirectory() as folder, Broker(listen=[f"unix:{folder}/socket", "[::1]:0"]) as other:
        push(other.connect(), b"here", b"")
        assert not broker.connect().has_queue(b"here")
        for address in other.addresses:
            assert b"here" in cli(broker, "queue", "ls", "--server", address)
        assert b"here" not in cli(broker, "queue", "ls")
        assert b"here" in cli(other, "queue", "ls")
        assert b"here" in cli(None, "-s", f"127.0.0.1:1,{other.address}", "queue", "ls"), "the next is tried"


@test
def a_broker_that_is_not_there_exits_69():
    with tempfile.TemporaryDirectory() as folder:
        for address in ("127.0.0.1:1", f"unix:{folder}/none"):
            for command in (["ping"], ["push", "q", "m"], ["pop", "q", "--wait", "1"], ["sub", "t"], ["queue", "ls"]):
                said = f"cannot connect to {address}: ".encode()
                cli(None, *command, "-s", address, code=os.EX_UNAVAILABLE, error=said)


@test
def a_variable_that_is_no_address_exits_78():
    cli("nowhere:port", "ping", code=os.EX_CONFIG, error=b"RINGPOST_SERVER=nowhere:port is not an address")


@test
def a_peer_that_is_no_broker_exits_69():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = "127.0.0.1:%d" % server.getsockname()[1]
        with Running(None, "ping", "--server", address) as command:
            peer, _ = server.accept()
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            out, error = command.end(os.EX_UNAVAILABLE)
            peer.close()
    assert out == b"" and error.startswith(b"ringpost: cannot connect to ") and error.count(b"\n") == 1, error


@test
def a_broker_that_does_not_answer_is_given_up():
    with Broker() as broker, broker.stopped():
        cli(broker, "ping", "--timeout", "0.1", code=os.EX_UNAVAILABLE, error=b"cannot connect to ")


@test
def a_broker_that_ends_meanwhile_is_told():
    with Broker() as broker:
        c = broker.connect()
        c.declare(b"q", max_messages=1, when_full=b"hold")
        push(c, b"q", b"")
        with Running(broker, "push", "q", "waits") as command:
            wait_until(lambda: c.info(b"q")["waiting"] == 1, "it waits")
            broker.kill()
            _, error = command.end(os.EX_UNAVAILABLE)
        assert error.startswith(b"ringpost: push: ") and error.count(b"\n") == 1, error


# Queues


@test
def queue_declare_makes_a_queue_that_stays(broker):
    queue, c = unique(), broker.connect()
    settings = "--max-messages 7 --max-bytes 2k --when-full hold".split()
    assert cli(broker, "queue", "declare", queue, *settings) == b""
    fields = c.info(queue)
    assert (fields["declared"], fields["max-messages"], fields["max-bytes"]) == (1, 7, 2048), fields
    assert fields["when-full"] == b"hold"
    assert cli_json(broker, "queue", "declare", unique()) == [{"done": True}]
    cli(broker, "queue", "declare", queue)  # nothing else is asked for
    other = ("--max-messages", "8")
    cli(broker, "queue", "declare", queue, *other, code=os.EX_DATAERR, error=b"queue declare: exists: ")


@test
def queue_ls_lists_names_that_cannot_steer_a_terminal(broker):
    c, names = broker.connect(), [ODD, unique(), "grüße".encode()]
    for name in names:
        push(c, name, b"12345")
    c.pause(names[1])
    cli(broker, "push", ODD, "12", "--delay", "3600")
    text = cli(broker, "queue", "ls")
    assert ODD not in text and b"\x1b" not in text
    rows = {tuple(line.split(None, 6)) for line in text.splitlines()}
    assert (b"READY", b"LEASED", b"DELAYED", b"BYTES", b"CONSUMERS", b"STATE", b"NAME") in rows
    fields = c.info(ODD)
    size = b"%d" % (fields["ready-bytes"] + fields["delayed-bytes"])
    assert (b"1", b"0", b"1", size, b"0", b"-", ODD_ESCAPED) in rows, text
    assert any(row[5:] == (b"paused", names[1]) for row in rows), text
    records = {record.get("name", record.get("name_base64")): record for record in cli_json(broker, "queue", "ls")}
    assert base64.b64encode(ODD).decode() in records and "grüße" in records
    for name in names:
        cli(broker, "queue", "delete", name)


@test
def queue_ls_of_many_queues_lists_each_once(broker):
    c, prefix = broker.connect(), unique("many")
    names = sorted(prefix + b".%d" % number for number in range(1500))
    numbers = [c.push(name, b"") for name in names]
    c.wait(numbers[-1])
    listed = [record["name"].encode() for record in cli_json(broker, "queue", "ls")]
    assert [name for name in listed if name.startswith(prefix)] == names


@test
def queue_ls_marks_queues_of_other_databases(broker):
    name = unique("both")
    push(broker.connect(), name, b"x")
    redis = broker.raw(hello=False).socket
    redis.sendall(b"SELECT 5\r\nRPUSH %s y z\r\nSELECT 15\r\nRPUSH %s w\r\n" % (name, name))
    wait_until(lambda: cli(broker, "queue", "ls", name).count(b"\n") == 4, "all three are listed")
    rows = [line.split(None, 6) for line in cli(broker, "queue", "ls", name).splitlines()[1:]]
    assert [(row[0], row[6]) for row in rows] == [
        (b"1", name),
        (b"2", name + b" (database 5)"),
        (b"1", name + b" (database 15)"),
    ], rows
    records = [(record.get("database"), record["ready"]) for record in cli_json(broker, "queue", "ls", name)]
    assert records == [(None, 1), (5, 2), (15, 1)], records


@test
def queue_ls_of_a_pattern_lists_what_is_like_it(broker):
    c, prefix = broker.connect(), unique("like")
    for name in (prefix + b".a", prefix + b".b", prefix):
        push(c, name, b"")
    listed = [record["name"].encode() for record in cli_json(broker, "queue", "ls", prefix + b".[a-z]")]
    assert listed == [prefix + b".a", prefix + b".b"]
    assert cli(broker, "queue", "ls", "nothing-is-like-this").count(b"\n") == 1


@test
def queue_info_tells_what_the_protocol_tells(broker):
    queue, c = unique(), broker.connect()
    push(c, queue, b"a", b"b", b"c")
    c.consume(queue, 1, 1)
    take(c, 1)
    (record,) = cli_json(broker, "queue", "info", queue)
    fields = c.info(queue)
    expected = {key.replace("-", "_"): value for key, value in fields.items()}
    expected |= {key: bool(fields[key]) for key in ("declared", "paused")}
    expected = {key: value.decode() if isinstance(value, bytes) else value for key, value in expected.items()}
    assert record.keys() >= expected.keys(), expected.keys() - record.keys()
    for key in set(expected) - PERIODS:
        assert record[key] == expected[key], (key, record, expected)
    text = cli(broker, "queue", "info", queue).decode()
    for key, value in expected.items():
        shown = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
        assert key in PERIODS and f"{key}: " in text or f"{key}: {shown}\n" in text, key


@test
def queue_pause_resume_purge_and_delete_do_so(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    push(c, queue, b"a", b"b", b"c")
    assert cli(broker, "queue", "pause", queue) == b""
    assert c.info(queue)["paused"] == 1
    assert cli_json(broker, "queue", "resume", queue) == [{"done": True}]
    assert c.info(queue)["paused"] == 0
    assert cli(broker, "queue", "purge", queue) == b"purged: 3\n"
    assert cli_json(broker, "queue", "purge", queue) == [{"purged": 0}]
    assert cli(broker, "queue", "delete", queue) == b""
    assert not c.has_queue(queue)


@test
def a_queue_that_is_not_there_exits_65(broker):
    queue = unique()
    for command in ("info", "delete", "purge", "pause", "resume"):
        said = f"queue {command}: no-queue: ".encode()
        cli(broker, "queue", command, queue, code=os.EX_DATAERR, error=said)


# The broker


@test
def ping_tells_who_answered_and_how_soon(broker):
    assert re.fullmatch(rb"ringpost/\S+ answered in \d+\.\d{3} ms\n", cli(broker, "ping"))
    records = cli_json(broker, "ping", "--count", "3")
    assert len(records) == 3
    for record in records:
        assert record["server"].startswith("ringpost/") and record["round_trip_ms"] > 0, record


@test
def stats_tells_figures(broker):
    c = broker.connect()
    wait_until(lambda: c.stats()["connections"] == 1, "the others have gone")
    (record,) = cli_json(broker, "stats")
    assert record.keys() == {key.replace("-", "_") for key in c.stats()}
    assert record["connections"] == 2 and all(isinstance(value, int) for value in record.values())
    wait_until(lambda: c.stats()["connections"] == 1, "it has gone")
    text = cli(broker, "stats").decode()
    assert "connections: 2\n" in text and text.count("\n") == len(record)


@test
def ping_without_end_ends_by_a_signal_or_with_its_reader(broker):
    with Running(broker, "ping", "-n", "1000000000000") as command:
        command.line()
        command.signal(signal.SIGINT)
        assert command.wait() == -signal.SIGINT
    with Running(broker, "ping", "-n", "1000000000000") as command:
        command.line()
        command.process.stdout.close()
        command.process.stdout = None
        assert command.wait() == os.EX_OK
        assert command.process.stderr.read() == b""


@test
def what_cannot_be_written_exits_74(broker):
    for arguments in (["--help"], ["stats"], ["queue", "ls"], ["ping"], ["--json", "push", unique(), "m"]):
        with open("/dev/full", "wb") as full, Running(broker, *arguments, stdout=full) as command:
            _, error = command.end(os.EX_IOERR)
        assert error == b"ringpost: standard output: No space left on device\n", (arguments, error)


if __name__ == "__main__":
    main()

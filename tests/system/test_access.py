#!/usr/bin/python3
"""Who is let in: passwords, listeners that others can reach, limits on connections."""

import os
import select
import signal
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

from connections import hello_frame
from environment import wait_until
from harness import Broker, bare_test, main, run_broker, test
import ringpost


@contextmanager
def secret(text="open sesame\nnot this\n", mode=0o600):
    """A password file."""
    with tempfile.TemporaryDirectory(prefix="ringpost-") as folder:
        path = Path(folder) / "password"
        path.write_text(text)
        path.chmod(mode)
        yield path


def answer(broker, **fields):
    """What a HELLO with these fields is answered with: `welcome`, or the status of the ERROR before the end."""
    raw = broker.raw(hello=False)
    raw.send(hello_frame(**fields))
    frame = raw.read()
    if frame.op == ringpost.WELCOME:
        return "welcome"
    raw.input[:0] = ringpost.pack_frame(frame.op, body=frame.body)
    status = raw.read_error().status
    assert raw.read() is None
    return status


def is_closed(raw):
    """Whether its end has come, with or without a reset."""
    try:
        return bool(select.select([raw.socket], [], [], 0)[0]) and raw.socket.recv(1, socket.MSG_PEEK) == b""
    except ConnectionError:
        return True


@test
def the_first_line_of_the_password_file_lets_in_and_nothing_else_does():
    for text in ("open sesame\nnot this\n", "open sesame\r\n", "open sesame"):
        with secret(text) as path, Broker("--password-file", path) as broker:
            assert answer(broker, password=b"open sesame") == "welcome"
            for wrong in (b"", b"open", b"open sesame\n", b"open sesamE", b"not this", b"open sesame" * 50):
                assert answer(broker, password=wrong) == "denied", wrong
            assert answer(broker) == "denied"
            broker.connect(password=b"open sesame").ping()
            assert "sesame" not in broker.said()


@test
def frames_behind_a_hello_that_is_denied_are_not_carried_out():
    with secret() as path, Broker("--password-file", path) as broker:
        raw = broker.raw(hello=False)
        raw.send(hello_frame(password=b"wrong"), ringpost.pack_frame(ringpost.PUSH, b"q", b"x"))
        assert raw.read_error().status == "denied"
        assert raw.read() is None
        assert not broker.connect(password=b"open sesame").has_queue(b"q")


@test
def a_password_file_that_others_can_read_or_that_says_nothing_is_refused():
    cases = [("x\n", 0o604, "others may read"), ("x\n", 0o602, "others may"), ("\nx\n", 0o600, "empty"), ("", 0o600, "empty")]
    cases += [("x" * 1025 + "\n", 0o600, "longer")]
    for text, mode, why in cases:
        with secret(text, mode) as path:
            done = run_broker("--listen", "127.0.0.1:0", "--password-file", path)
            assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1), done
            assert str(path) in done.stderr and why in done.stderr, done
    for path in ("/nonexistent", "/tmp", "/dev/null"):
        assert run_broker("--password-file", path).returncode == os.EX_CONFIG
    with secret("x" * 1024 + "\n", 0o640) as path, Broker("--password-file", path) as broker:
        assert answer(broker, password=b"x" * 1024) == "welcome"


@test
def a_listener_off_loopback_needs_a_password_or_the_word_insecure():
    for address in ("0.0.0.0:0", "[::]:0"):
        done = run_broker("--listen", address)
        assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1), done
        assert address in done.stderr and "password-file" in done.stderr and "insecure" in done.stderr, done
        assert run_broker("--listen", address, "--insecure=no").returncode == os.EX_CONFIG
    with Broker("--insecure", listen=["0.0.0.0:0"]) as broker:
        assert answer(broker) == "welcome"
    with secret() as path, Broker("--password-file", path, listen=["0.0.0.0:0"]) as broker:
        assert answer(broker) == "denied"


@test
def hup_takes_another_password_and_never_none_where_others_listen():
    with secret() as path, Broker("--password-file", path, listen=["0.0.0.0:0"]) as broker:
        old = broker.connect(password=b"open sesame")
        path.write_text("another\n")
        os.kill(broker.pid, signal.SIGHUP)
        wait_until(lambda: "password: it is another one" in broker.said(), "the password is another")
        assert answer(broker, password=b"open sesame") == "denied"
        assert answer(broker, password=b"another") == "welcome"
        old.ping()
        path.write_text("")
        os.kill(broker.pid, signal.SIGHUP)
        wait_until(lambda: "the configuration stays as it was" in broker.said(), "it is refused")
        assert answer(broker, password=b"another") == "welcome"


@test
def hup_cannot_take_the_password_away_with_a_listener_that_stays():
    with secret() as path, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ringpost.conf"
        config.write_text(f"listen = 0.0.0.0:0\npassword-file = {path}\n")
        with Broker("--config", config, listen=()) as broker:
            config.write_text("listen = 127.0.0.1:0\n")
            os.kill(broker.pid, signal.SIGHUP)
            wait_until(lambda: "the configuration stays as it was" in broker.said(), "it is refused")
            assert answer(broker) == "denied"


@test
def each_limit_on_connections_has_an_error_of_its_own():
    for flag, status in (
        ("--max-connections", "too-many-connections"),
        ("--max-connections-per-address", "too-many-from-address"),
        ("--max-strangers", "too-many-strangers"),
    ):
        with Broker(flag, "2") as broker:
            welcomed = [broker.raw(hello=False) for _ in range(2)]
            assert answer(broker) == status
            assert answer(broker) == status
            welcomed[0].send(hello_frame())
            assert welcomed[0].read().op == ringpost.WELCOME
            if status == "too-many-strangers":
                assert answer(broker) == "welcome"
            welcomed[0].close()
            wait_until(lambda: answer(broker) == "welcome", "there is room again")
            assert broker.said().count(flag.removeprefix("--") + " is reached") == 1, broker.said()


@test
def connections_over_a_unix_socket_come_from_no_address():
    with tempfile.TemporaryDirectory(prefix="ringpost-") as folder:
        path = f"unix:{folder}/socket"
        with Broker("--max-connections-per-address", "1", listen=["127.0.0.1:0", path]) as broker:
            for _ in range(3):
                broker.connect(address=path).ping()
            broker.connect().ping()
            assert answer(broker) == "too-many-from-address"


@test
def time_and_bytes_before_hello_can_be_set():
    with Broker("--hello-timeout", "100ms", "--idle-hello-timeout", "100ms") as broker:
        silent, slow = broker.raw(hello=False), broker.raw(hello=False)
        slow.send(b"\x80")
        assert slow.read_error().status == "hello"
        assert silent.read() is None
    with Broker("--hello-max", "256") as broker:
        long = broker.raw(hello=False)
        long.send(hello_frame(client=b"x" * 256))
        assert long.read_error().status == "too-large"


@test
def hup_changes_the_limits_of_those_who_come():
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file, Broker("--config", file.name) as broker:
        first = broker.connect()
        file.write("max-connections = 1\n")
        file.flush()
        os.kill(broker.pid, signal.SIGHUP)
        wait_until(lambda: "max-connections: was '65536', is '1'" in broker.said(), "it is read")
        assert answer(broker) == "too-many-connections"
        first.ping()


@bare_test
def without_descriptors_those_who_wait_are_closed_and_later_ones_come_in():
    with Broker(nofile=64) as broker:
        first = broker.connect()
        crowd = [broker.raw(hello=False) for _ in range(80)]
        wait_until(lambda: sum(is_closed(one) for one in crowd) >= 20, "those for whom there is no descriptor are closed")
        first.ping()
        for one in crowd:
            one.close()
        wait_until(lambda: answer(broker) == "welcome", "there is room again")
        assert broker.said().count("no descriptor is free") == 1, broker.said()


if __name__ == "__main__":
    main()

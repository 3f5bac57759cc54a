#!/usr/bin/python3
"""How ringpostd starts, what it says when it cannot, where it listens, and how it ends."""

import errno
import os
import signal
import socket
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

from connections import Client
from environment import BUILD, DEADLINE_S, wait_until
from harness import Broker, assert_quiet, bare_test, main, messages, push, run_broker, take, test
import ringpost
from ringpost import pack_frame

OPTIONS = ["--listen", "--frame-max", "--ready-file", "--ring-features", "--check-kernel", "--version", "--help"]


@contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="ringpost-") as path:
        yield Path(path)


def assert_works(broker, address=None):
    c = broker.connect(address=address or broker.address)
    push(c, b"works", b"yes")
    c.consume(b"works", 1, 1, no_ack=True)
    assert messages(take(c, 1)) == [b"yes"]
    c.cancel(1)


@test
def help_names_every_option_and_the_exit_codes():
    done = run_broker("--help")
    assert (done.returncode, done.stderr) == (os.EX_OK, "")
    for option in OPTIONS + ["0 ", "64 ", "69 ", "71 ", "73 ", "78 "]:
        assert option in done.stdout, option
    assert max(map(len, done.stdout.splitlines())) <= 120


@test
def version_says_the_version_that_welcome_says():
    done = run_broker("--version")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (os.EX_OK, "", 1)
    with Broker() as broker:
        version = broker.connect().welcome["server"].decode().removeprefix("ringpost/")
    assert version in done.stdout.split(), (version, done.stdout)


@test
def check_kernel_says_what_there_is():
    done = run_broker("--check-kernel")
    assert (done.returncode, done.stderr) == (os.EX_OK, "")
    assert os.uname().release in done.stdout


@test
def bad_usage_exits_64_with_one_line():
    bad = [
        ["--nope"],
        ["extra"],
        ["--listen"],
        ["--listen", "nowhere"],
        ["--listen", "127.0.0.1"],
        ["--listen", "127.0.0.1:65536"],
        ["--listen", "127.0.0.1:x"],
        ["--listen", "[::1"],
        ["--listen", "unix:"],
        ["--listen", "unix:/" + "x" * 200],
        ["--frame-max"],
        ["--frame-max", "4095"],
        ["--frame-max", "65mb"],
        ["--frame-max", "-1"],
        ["--frame-max", "18446744073709551617"],
        ["--frame-max", "many"],
        ["--ring-features", "5.0"],
        ["--ready-file"],
        ["--help", "--nope"],
    ]
    for flags in bad:
        done = run_broker(*flags)
        assert done.returncode == os.EX_USAGE, (flags, done)
        assert done.stdout == "" and done.stderr.count("\n") == 1, (flags, done)
        assert done.stderr.startswith("ringpostd: "), (flags, done)


@test
def a_port_in_use_exits_69_and_names_it():
    with Broker() as broker:
        done = run_broker("--listen", broker.address)
        assert done.returncode == os.EX_UNAVAILABLE, done
        assert broker.address in done.stderr and done.stderr.count("\n") == 1, done
        assert_works(broker)


@test
def one_listener_that_cannot_be_had_ends_the_start_and_leaves_no_ready_file():
    with Broker() as broker, folder() as place:
        done = run_broker("--listen", "127.0.0.1:0", "--listen", broker.address, "--ready-file", place / "ready")
        assert done.returncode == os.EX_UNAVAILABLE, done
        assert os.listdir(place) == []


@test
def a_ready_file_that_cannot_be_written_ends_the_start():
    done = run_broker("--listen", "127.0.0.1:0", "--ready-file", "/nonexistent/ready")
    assert done.returncode == os.EX_CANTCREAT and "/nonexistent/ready" in done.stderr, done


@test
def the_ready_file_holds_the_addresses_a_line_each():
    with folder() as place:
        path = f"unix:{place}/socket"
        with Broker(listen=["127.0.0.1:0", "[::1]:0", path]) as broker:
            assert len(broker.addresses) == 3
            first, second, third = broker.addresses
            assert first.startswith("127.0.0.1:") and not first.endswith(":0"), first
            assert second.startswith("[::1]:") and not second.endswith(":0"), second
            assert third == path
            for address in broker.addresses:
                assert address in broker.said()
                assert_works(broker, address)


@test
def connections_of_all_listeners_meet_at_the_same_queues_and_topics():
    with folder() as place, Broker(listen=["127.0.0.1:0", "[::1]:0", f"unix:{place}/socket"]) as broker:
        connections = [broker.connect(address=address) for address in broker.addresses]
        for c in connections:
            c.subscribe(b"news", 1)
        for number, c in enumerate(connections):
            push(c, b"q", b"%d" % number)
            c.publish(b"news", b"%d" % number)
            for other in connections:
                assert other.receive(DEADLINE_S).message == b"%d" % number
        connections[2].consume(b"q", 1, 10)
        assert messages(take(connections[2], 3)) == [b"0", b"1", b"2"]


@test
def a_unix_socket_is_for_its_owner_alone_and_goes_when_the_broker_ends():
    with folder() as place:
        path = place / "socket"
        with Broker(listen=[f"unix:{path}"]) as broker:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert_works(broker)
        assert not path.exists()


@test
def a_stale_unix_socket_is_replaced():
    with folder() as place:
        path = place / "socket"
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(str(path))
        stale.close()
        with Broker(listen=[f"unix:{path}"]) as broker:
            assert_works(broker)
            broker.kill()
            assert path.exists()
            with Broker(listen=[f"unix:{path}"]) as another:
                assert_works(another)


@test
def a_unix_socket_that_somebody_listens_on_is_left_to_him():
    with folder() as place:
        address = f"unix:{place}/socket"
        with Broker(listen=[address]) as broker:
            done = run_broker("--listen", address)
            assert done.returncode == os.EX_UNAVAILABLE and address in done.stderr, done
            assert_works(broker)


@test
def a_file_that_is_no_socket_is_never_replaced():
    with folder() as place:
        path = place / "precious"
        path.write_text("data")
        done = run_broker("--listen", f"unix:{path}")
        assert done.returncode == os.EX_UNAVAILABLE and str(path) in done.stderr, done
        assert path.read_text() == "data"


@test
def an_address_that_was_asked_for_is_never_left_out():
    elsewhere = "[2001:db8::7]:0"
    done = run_broker("--listen", "127.0.0.1:0", "--listen", elsewhere, "--insecure")
    assert done.returncode == os.EX_UNAVAILABLE and elsewhere in done.stderr, done


@test
def the_broker_can_start_at_once_again_on_a_port_that_had_connections():
    with Broker() as broker:
        address = broker.address
        raw = broker.raw()
        raw.send(pack_frame(ringpost.PING))
        broker.terminate()
        while raw.read():
            pass
        broker.close_connections()
        broker.wait_for_end()
        with Broker(listen=[address]) as again:
            assert_works(again)


@test
def frame_max_is_told_and_held_to():
    for text, size in (("4kb", 4096), ("8mb", 8 << 20)):
        with Broker("--frame-max", text) as broker:
            c = broker.connect()
            assert c.welcome["frame-max"] == size
            largest = b"x" * (size - 8 - 1)
            push(c, b"q", largest)
            c.consume(b"q", 1, 1, no_ack=True)
            assert messages(take(c, 1)) == [largest]
            raw = broker.raw()
            raw.send(pack_frame(ringpost.PUSH, b"q", largest + b"x")[:4096])
            error = raw.read_error()
            assert (error.first, error.status) == (0, "too-large"), error
            assert raw.read() is None


@test
def a_broker_that_uses_what_linux_6_1_offers_does_the_same():
    with Broker("--ring-features", "6.1") as broker:
        c = broker.connect()
        push(c, b"q", *(b"%d" % number for number in range(2000)))
        c.consume(b"q", 1, 2000)
        assert messages(take(c, 2000)) == [b"%d" % number for number in range(2000)]
        c.ack(1, 1, 2000)
        c.flush()


def ends_by(number):
    with Broker("--drain-timeout", "0") as broker:
        c, consumer, raw = broker.connect(), broker.connect(), broker.raw()
        unread = broker.connect()
        push(c, b"q", b"1", b"2")
        consumer.consume(b"q", 1, 1)
        take(consumer, 1)
        unread.consume(b"q", 1, 1)
        os.kill(broker.pid, number)
        for connection in (c, consumer):
            event = connection.receive(DEADLINE_S)
            assert isinstance(event, ringpost.Goaway) and event.status == "closing" and event.text, event
            try:
                extra = connection.receive(DEADLINE_S)
                raise AssertionError(f"there is {extra} behind GOAWAY")
            except ConnectionError:
                pass
        assert raw.read_until(ringpost.GOAWAY) and raw.read() is None
        broker.close_connections()
        broker.wait_for_end()


@test
def term_says_goaway_to_all_connections_and_exits_0():
    ends_by(signal.SIGTERM)


@test
def int_does_the_same():
    ends_by(signal.SIGINT)


@test
def a_connection_that_does_not_read_does_not_keep_the_broker_from_ending():
    with Broker() as broker:
        c, raw, silent = broker.connect(), broker.raw(receive_buffer=4096), broker.raw(hello=False)
        raw.send(pack_frame(ringpost.SUBSCRIBE, b"t", ringpost.RANGE.pack(1, 0, 0)))
        raw.read_until(ringpost.REPLY)
        for _ in range(2000):
            c.publish(b"t", b"x" * 8000)
        c.flush()
        silent.send(b"\x80")
        broker.terminate()
        broker.wait_for_end()


@test
def what_was_confirmed_before_term_was_confirmed_and_the_rest_is_not():
    with Broker() as broker:
        c = broker.connect()
        c.declare(b"held", max_messages=1, when_full=b"hold")
        push(c, b"held", b"1")
        number = c.push(b"held", b"waits")
        c.ping()
        broker.terminate()
        try:
            c.wait(number)
            raise AssertionError("a push that waited was confirmed at the end")
        except (ConnectionError, ringpost.Refused):
            broker.close_connections()
        broker.wait_for_end()


@bare_test
def out_of_descriptors_the_broker_serves_those_it_has_and_takes_others_later():
    limit = 40
    with Broker(nofile=limit) as broker:
        first = broker.connect()
        crowd = [socket.create_connection(broker.address.split(":")) for _ in range(limit + 10)]
        push(first, b"q", b"served")
        first.consume(b"q", 1, 1)
        assert messages(take(first, 1)) == [b"served"]
        for one in crowd:
            one.close()
        wait_until(lambda: broker.count_descriptors() <= broker.descriptors + 1, "it has seen that they are gone")
        assert_works(broker)
        assert_quiet(first)


def denied(number, *flags):
    """Runs ringpostd where io_uring_setup fails with this errno."""
    return run_broker(*flags, before=[BUILD / "tests" / "system" / "deny_io_uring", str(number)])


@test
def where_io_uring_is_refused_the_broker_exits_78_with_cause_and_remedy():
    with folder() as place:
        for number, cause, remedy in (
            (errno.EPERM, "EPERM", "seccomp"),
            (errno.ENOSYS, "ENOSYS", "seccomp"),
            (errno.ENOMEM, "ENOMEM", "RLIMIT_MEMLOCK"),
        ):
            for flags in ([], ["--check-kernel"]):
                done = denied(number, "--listen", "127.0.0.1:0", "--ready-file", place / "ready", *flags)
                said = done.stdout + done.stderr
                assert done.returncode == os.EX_CONFIG, done
                assert "io_uring" in said and cause in said and remedy in said, done
                assert os.uname().release in said, done
                assert not (place / "ready").exists()


@test
def a_client_that_cannot_connect_is_told_by_the_kernel():
    with Broker() as broker:
        address = broker.address
    try:
        Client(address)
        raise AssertionError("somebody still listens")
    except ConnectionRefusedError:
        pass


@test
def hundreds_of_connections_come_and_go_and_leave_nothing():
    with Broker() as broker:
        c = broker.connect()
        for _ in range(5):
            raws = [broker.raw() for _ in range(100)]
            for number, raw in enumerate(raws):
                raw.send(pack_frame(ringpost.CONSUME, b"q", ringpost.RANGE.pack(1, 1, 1)))
                raw.send(pack_frame(ringpost.SUBSCRIBE, b"t.%d.*" % number, ringpost.RANGE.pack(1, 0, 0), 1))
            for raw in raws:
                raw.read_until(ringpost.REPLY)
            for number, raw in enumerate(raws):
                raw.reset() if number % 2 else raw.close()
            wait_until(lambda: c.stats()["connections"] == 1, "the connections are gone")
        stats = c.stats()
        assert (stats["queues"], stats["consumers"], stats["subscriptions"]) == (0, 0, 0), stats


if __name__ == "__main__":
    main()

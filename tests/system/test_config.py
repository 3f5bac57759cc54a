#!/usr/bin/python3
"""Where ringpostd takes its configuration from, what it refuses, and what HUP does."""

import os
import re
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

from connections import connect_socket
from environment import ROOT, wait_until
from harness import Broker, main, run_broker, test


@contextmanager
def file(text):
    """A configuration file with this text."""
    with tempfile.TemporaryDirectory(prefix="ringpost-") as folder:
        path = Path(folder) / "ringpost.conf"
        path.write_text(text)
        yield path


def shown(*flags):
    """What --show-config says: value and origin by key."""
    done = run_broker("--show-config", *flags)
    assert (done.returncode, done.stderr) == (os.EX_OK, ""), done
    return {key: (value, origin) for key, value, origin in (line.split("\t") for line in done.stdout.splitlines())}


def reload(broker, said):
    """Sends HUP, and returns what the broker said up to the line that ends in `said`."""
    before = len(broker.said())
    os.kill(broker.pid, signal.SIGHUP)
    wait_until(lambda: broker.said()[before:].endswith(said + "\n"), f"the broker says: {said}")
    return broker.said()[before:]


@test
def every_flag_of_help_is_a_key_and_shown_with_its_origin():
    text = run_broker("--help").stdout
    actions = {"check-config", "show-config", "check-kernel", "version", "help", "config"}
    flags = {line.split()[0][2:] for line in text.splitlines() if line.startswith("  --")} - actions
    settings = shown()
    assert flags == set(settings), flags ^ set(settings)
    assert {origin for _, origin in settings.values()} == {"default"}


@test
def the_manual_names_every_key_and_every_flag_of_help():
    keys, flags = (
        (ROOT / "docs" / "man" / page).read_text().replace("\\-", "-") for page in ("ringpost.conf.5", "ringpostd.8")
    )
    for key in shown():
        assert re.search(rf"^\.BI {key} ", keys, re.M), key
    for flag in re.findall(r"^  (--\S+)", run_broker("--help").stdout, re.M):
        assert flag[2:] in shown() or flag in flags, flag


@test
def a_flag_goes_before_the_file_and_the_file_before_the_default():
    with file("frame-max = 4096kb\nready-file = /nowhere\n") as path:
        settings = shown("--config", path, "--ready-file=/somewhere")
        assert settings["frame-max"] == ("4mb", f"{path}:1"), settings
        assert settings["ready-file"] == ("/somewhere", "flag"), settings
        assert settings["ring-features"] == ("all", "default"), settings


@test
def the_broker_does_what_the_file_says():
    with file("# for tests\nframe-max = 8kb\n") as path, Broker("--config", path) as broker:
        assert broker.connect().welcome["frame-max"] == 8192


@test
def check_config_says_good_or_what_is_wrong_and_where():
    with file("frame-max = 4mb\n[queue a.>]\nttl = 30s\n") as path:
        done = run_broker("--check-config", "--config", path)
        assert (done.returncode, done.stderr) == (os.EX_OK, ""), done
        path.write_text("frame-max = 4mb\nframe-min = 4mb\n[queue a.>]\nttl = soon\n")
        for flags in (["--check-config"], []):
            done = run_broker(*flags, "--config", path)
            assert (done.returncode, done.stdout) == (os.EX_CONFIG, ""), done
            assert done.stderr.splitlines() == [
                f"ringpostd: {path}:2: unknown key 'frame-min'",
                f"ringpostd: {path}:4: ttl takes a DURATION such as 500ms or 2m, or 0, not 'soon'",
            ], done


@test
def a_file_that_cannot_be_read_is_refused():
    for path in ("/nonexistent/ringpost.conf", "/"):
        done = run_broker("--config", path)
        assert (done.returncode, done.stderr.count("\n")) == (os.EX_CONFIG, 1), done
        assert path in done.stderr, done
    with file("#" * (1 << 20) + "\n") as path:
        assert run_broker("--config", path).returncode == os.EX_CONFIG


@test
def hup_takes_the_new_file_and_says_what_changed():
    with file("frame-max = 8kb\n[queue a]\nttl = 1s\nmax-messages = 5\n") as path:
        with Broker("--config", path) as broker:
            nothing = reload(broker, "the configuration was read again, nothing has changed")
            assert nothing.count("\n") == 1, nothing
            path.write_text("frame-max = 16kb\n[queue a]\nttl = 2s\n")
            said = reload(broker, "was '5', is not set")
            assert said.splitlines() == [
                "ringpostd: frame-max: '8kb' stays until a restart makes it '16kb'",
                "ringpostd: queue a ttl: was '1s', is '2s'",
                "ringpostd: queue a max-messages: was '5', is not set",
            ], said
            assert broker.connect().welcome["frame-max"] == 8192
            again = reload(broker, "stays until a restart makes it '16kb'")
            assert again.count("\n") == 1, again


@test
def hup_with_a_fault_in_the_file_changes_nothing():
    with file("[queue a]\nttl = 1s\n") as path, Broker("--config", path) as broker:
        path.write_text("[queue a]\nttl = 2s\ncolour = red\n")
        said = reload(broker, "the configuration stays as it was")
        assert f"{path}:3: unknown key 'colour' of a queue" in said, said
        path.write_text("[queue a]\nttl = 1s\n")
        reload(broker, "the configuration was read again, nothing has changed")


@test
def hup_without_a_file_ends_nothing():
    with Broker() as broker:
        reload(broker, "the configuration was read again, nothing has changed")
        broker.connect().ping()


def say(broker, line, count=1):
    """The lines that a client of the Redis protocol is told to one of its own."""
    with connect_socket(broker.address) as stream, stream.makefile("rb") as lines:
        stream.sendall(line.encode() + b"\r\n")
        return [lines.readline().decode().rstrip() for _ in range(count)]


@test
def a_redis_client_changes_settings_until_the_file_is_read_again():
    with Broker("--max-queues", "10") as broker:
        assert say(broker, "CONFIG SET max-queues 20 maxmemory 64mb") == ["+OK"]
        assert "ringpostd: memory-limit: was '0', is '64mb'\n" in broker.said()
        assert say(broker, "CONFIG GET max-queues", 5) == ["*2", "$10", "max-queues", "$2", "20"]
        (refusal,) = say(broker, "CONFIG SET max-queues 30 frame-max 1mb")
        assert refusal.endswith("'frame-max') - can't set immutable config"), refusal
        said = reload(broker, "memory-limit: was '64mb', is '0'")
        assert "max-queues: was '20', is '10'" in said, said


@test
def a_broker_sleeps_only_when_it_may():
    with Broker() as broker:
        (refusal,) = say(broker, "DEBUG SLEEP 0")
        assert refusal.startswith("-ERR DEBUG command not allowed."), refusal
    with Broker("--enable-debug-command") as broker:
        assert say(broker, "DEBUG SLEEP 0.01") == ["+OK"]


if __name__ == "__main__":
    main()

"""Runs build/ringpost as a person or a script would."""

import json
import os
import select
import subprocess

from environment import DEADLINE_S, RINGPOST, wait_for_exit

EX_EMPTY = 1
BODIES = [b"", b"plain", b"\x00\xff\x1b[31m", "grüße ✓".encode(), b"two\nlines\n", b'"quoted\\"']

# A slow machine is no failure; what a test says behind it counts.
COMMAND = [RINGPOST, "--timeout", str(DEADLINE_S)]


def environment(broker):
    """What the command sees: a broker or an address as the server, or none at all."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("RINGPOST")}
    return {**env, "RINGPOST_SERVER": getattr(broker, "address", broker)} if broker else env


def cli(broker, *arguments, given=b"", code=os.EX_OK, error=b""):
    """Runs a command to its end and returns what it wrote.

    It must exit with `code`, and say on standard error nothing, or one line that begins with its name and has `error`.
    """
    env = environment(broker)
    done = subprocess.run([*COMMAND, *arguments], input=given, capture_output=True, timeout=DEADLINE_S, env=env)
    assert done.returncode == code, (arguments, done)
    if error:
        assert error in done.stderr and done.stderr.startswith(b"ringpost: ") and done.stderr.count(b"\n") == 1, done
    else:
        assert done.stderr == b"", (arguments, done)
    return done.stdout


def cli_json(broker, *arguments, **options):
    """The same with --json; returns one object for each line."""
    return [json.loads(line) for line in cli(broker, "--json", *arguments, **options).splitlines()]


class Process:
    """A program that runs; a context manager that ends it."""

    def __init__(self, command, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        self.process = subprocess.Popen(command, bufsize=0, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def line(self, stream="stdout"):
        """The next line of one of its outputs."""
        stream = getattr(self.process, stream)
        ready, _, _ = select.select([stream], [], [], DEADLINE_S)
        assert ready, "it says nothing"
        return stream.readline()

    def say(self, text):
        self.process.stdin.write(text)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self):
        """Until it ends by itself; returns its exit code."""
        return wait_for_exit(self.process, "the command")

    def end(self, code=os.EX_OK):
        """Its end, and what it wrote that was not read yet, on its two outputs."""
        ended = self.wait()
        out, error = self.process.communicate()
        assert ended == code, (ended, out, error)
        return out, error


class Running(Process):
    """A command that runs on."""

    def __init__(self, broker, *arguments, **options):
        super().__init__([*COMMAND, *arguments], env=environment(broker), **options)

#!/usr/bin/python3
"""Programs of node's redis, asked for RESP3, and of ioredis, unchanged: see node/."""

import os
import subprocess
from contextlib import ExitStack

import node_packages
from servers import DEADLINE_S, Process, connect, main, start, test, wait_until

CLIENTS = ["redis", "ioredis"]


def command(client, *words):
    why = node_packages.why_missing()
    assert not why, why
    return [node_packages.node(), node_packages.SOURCES / f"{client}.mjs", *words]


def environment(server):
    return {
        **os.environ,
        "NODE_FOLDER": str(node_packages.folder()),
        "RINGPOST_SERVER": server.address,
        "RINGPOST_SOCKET": server.addresses[1].removeprefix("unix:"),
    }


def running(server, client, program, argument):
    """A program that writes a line for each thing that it hears."""
    return Process(command(client, program, argument), env=environment(server))


def check(server, client):
    done = subprocess.run(
        command(client, "check"), env=environment(server), capture_output=True, text=True, timeout=DEADLINE_S
    )
    print(done.stdout, end="")
    assert done.returncode == 0 and "FAILED" not in done.stdout and done.stderr == "", done.stderr


@test
def what_programs_of_node_redis_do_works(server):
    check(server, "redis")


@test
def what_programs_of_ioredis_do_works(server):
    check(server, "ioredis")


@test
def listeners_and_workers_go_on_after_a_restart():
    for client in CLIENTS:
        with ExitStack() as programs:
            with start() as first:
                listener = programs.enter_context(running(first, client, "listen", "news"))
                worker = programs.enter_context(running(first, client, "work", "jobs"))
                page = connect(first)
                assert listener.line() == b"listening\n"
                assert page.publish("news", "rain") == 1 and page.lpush("jobs", "first") == 1
                assert (listener.line(), worker.line()) == (b"rain\n", b"first\n")
                first.terminate()
                first.wait_for_end()
            with start(listen=first.addresses) as again:
                page = connect(again)
                wait_until(lambda: page.publish("news", "back"), "the listener is subscribed again")
                page.lpush("jobs", "second")
                assert (listener.line(), worker.line()) == (b"back\n", b"second\n")
                programs.close()


if __name__ == "__main__":
    main()

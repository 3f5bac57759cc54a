#!/usr/bin/python3
"""README.md's commands, and tools/run, do what they say."""

import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

from cli import cli, environment
from environment import BUILD, DEADLINE_S, ROOT, wait_for_exit, wait_until
from harness import Broker, main, test

README = (ROOT / "README.md").read_text()


def shell(broker):
    """What a reader has: build/ on the PATH, and a broker where RINGPOST_SERVER says."""
    return {**environment(broker), "PATH": f"{BUILD}:{os.environ['PATH']}"}


def run_block(broker, block):
    """Runs commands of the page. redis-cli does not read RINGPOST_SERVER: it is told the port."""
    if "redis-cli" in block:
        block = block.replace("-p 7464", f"-p {broker.address.rpartition(':')[2]}")
    command = ["bash", "-euo", "pipefail", "-c", block]
    done = subprocess.run(command, env=shell(broker), capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, (block, done)
    return done.stdout.splitlines()


def blocks():
    return re.findall(r"<!-- test -->\n```sh\n(.*?)```", README, re.S)


@test
def the_commands_of_the_readme_do_what_is_said_beside_them():
    with Broker() as broker:
        queue, bounded, dead, redis = (run_block(broker, block) for block in blocks())
    assert queue[:4] == ["resize cat.png", "a", "b", "c"], "peek shows what was pushed"
    assert queue[4:6] == ["resize cat.png", "name: jobs"], "pop took the first, and the command found no z"
    assert queue[-3] == '{"queue":"jobs","deliveries":1,"body":"a"}', queue
    assert re.search(r" declared kitchen$", "\n".join(bounded), re.M), bounded
    assert bounded[-2:] == ["paused: nothing comes (exit 1)", "soup"], bounded
    assert '"dead-reason":"deliveries"' in dead[0] and '"x-from":"shop"' in dead[0], dead
    assert dead[1:4] == ["redriven: 1", "more: no", "name: orders"] and "delayed: 1" in dead, dead
    assert redis[:2] == ["2", "milk"] and redis[-2:] == ["errands", "a stamp"], redis


@test
def the_commands_of_the_readme_for_several_terminals_reach_each_other():
    (block,) = (b for b in re.findall(r"```sh\n(.*?)```", README, re.S) if b.startswith("ringpost sub "))
    *listening, publishing = block.splitlines()
    with Broker() as broker:
        c, listeners = broker.connect(), []
        for line in listening:
            command = ["bash", "-c", f"exec {line}"]
            listeners.append(subprocess.Popen(command, env=shell(broker), stdout=subprocess.PIPE, text=True))
        wait_until(lambda: c.stats()["subscriptions"] == len(listening), "they listen")
        run_block(broker, publishing)
        said = [listener.stdout.readline() for listener in listeners]
        for listener in listeners:
            listener.terminate()
            listener.communicate()
    assert said == ["orders.7.paid\t42 EUR\n", '{"topic":"orders.7.paid","body":"42 EUR"}\n'], said


@test
def a_request_of_the_readme_is_answered():
    (block,) = (b for b in re.findall(r"```sh\n(.*?)```", README, re.S) if b.startswith("ringpost reply "))
    answering, asking = block.splitlines()
    with Broker() as broker:
        c = broker.connect()
        replier = subprocess.Popen(["bash", "-c", f"exec {answering}"], env=shell(broker))
        try:
            wait_until(lambda: c.stats()["subscriptions"] == 1, "it listens")
            assert run_block(broker, asking) == ["HELLO"]
        finally:
            replier.terminate()
            replier.wait()


@test
def every_file_and_folder_that_the_pages_name_is_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"`((?:docs|examples|include|tests|tools|src)/[\w./-]*)`", page.read_text()):
            assert page.name == "STYLE.md" or (ROOT / name).exists(), f"{page.name}: {name}"


def tools_run(*arguments):
    env = {**environment(None), "RINGPOST_BUILD": str(BUILD)}
    command = [ROOT / "tools" / "run", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@test
def tools_run_starts_a_broker_says_what_to_try_and_ends_on_term():
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready"
        process = tools_run("--listen", "127.0.0.1:0", "--ready-file", ready)
        try:
            wait_until(lambda: ready.exists() or process.poll() is not None, "it listens")
            assert ready.exists(), process.communicate()
            address = ready.read_text().strip()
            assert cli(address, "ping")
            process.send_signal(signal.SIGTERM)
            assert wait_for_exit(process, "tools/run") == 0
        finally:
            process.kill()
            out, error = process.communicate()
    assert f"listening on {address}" in error, error
    with Broker() as broker:
        tried = [line.partition("  # ")[0] for line in out.splitlines() if re.match(r"  \S+/ringpost ", line)]
        assert len(tried) == 5, out
        for line in tried:
            if " sub " not in line:
                run_block(broker, f"cd {ROOT} && {line}")


@test
def tools_run_passes_its_options_on():
    process = tools_run("--nope")
    _, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == os.EX_USAGE and "--nope" in error, error
    process = tools_run("--help")
    out, _ = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and out.startswith("Building\nusage: ringpostd "), out


@test
def the_demonstration_shows_queue_and_topic_traffic_and_exits_0():
    process = tools_run("--demo")
    out, error = process.communicate(timeout=2 * DEADLINE_S)
    assert process.returncode == 0, (out, error)
    for expected in ("three cups", "came back 1 time", "weather.rome\tsun", "acknowledged: 3", "errands", "thaw", "exited with 0"):
        assert expected in out, (expected, out)


if __name__ == "__main__":
    main()

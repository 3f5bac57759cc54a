#!/usr/bin/python3
"""examples/kitchen, in C and in Python at one counter: it never holds more than its ten, nobody waits in vain, and every
dish is eaten once."""

import re
import subprocess
from contextlib import contextmanager

from cli import environment
from environment import BUILD, DEADLINE_S, ROOT, wait_until
from harness import Broker, main, take, test

C, PYTHON = [BUILD / "tests" / "system" / "kitchen"], ["/usr/bin/python3", ROOT / "examples" / "kitchen" / "kitchen.py"]
COUNTER, ROOM, DISHES = b"counter", 10, 20
COOKS = {"anna": C, "bob": PYTHON, "cleo": C}
EATERS = {"dave": PYTHON, "eve": C}
ALL = {f"dish {number} of {name}" for name in COOKS for number in range(1, DISHES + 1)}


def start(broker, language, *words):
    command = [*language, *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(broker))


def end(process):
    """Until it ends as it should; returns the lines that it said."""
    out, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and error == "", (process.returncode, out, error)
    return out.splitlines()


@contextmanager
def people(broker, who, role, *words):
    processes = [start(broker, language, role, name, *words) for name, language in who.items()]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def depth(counter):
    """What stands on the counter. A dish is there from its acceptance to its acknowledgement: the counters say the same."""
    held = counter["ready"] + counter["leased"]
    assert held == counter["accepted"] - counter["acknowledged"], counter
    return held


def all_cooks_wait(counter):
    """The counter is full, and every cook stands there with a dish in hand."""
    return depth(counter) == ROOM and counter["waiting"] == len(COOKS)


def eaten(lines):
    return [re.fullmatch(r"\w+ eats (.*)", line)[1] for line in lines]


def eat_one(c):
    """Takes a dish and is done with it. Returns the dish and how many were accepted before and after that."""
    c.credit(1, 1)
    (delivery,) = take(c, 1)
    before = c.info(COUNTER)
    c.ack(1, delivery.tag)
    c.flush()
    after = c.info(COUNTER)
    assert max(depth(before), depth(after)) <= ROOM, (before, after)
    return delivery.message.decode(), before["accepted"], after["accepted"]


@test
def a_held_cook_goes_on_with_the_next_acknowledgement_and_not_before():
    with Broker() as broker, people(broker, COOKS, "cook", DISHES) as cooks:
        c, dishes = broker.connect(), []
        c.declare(COUNTER, max_messages=ROOM, when_full=b"hold")
        c.consume(COUNTER, 1, 0)
        for accepted in range(ROOM, DISHES):  # until then no cook can be done
            wait_until(lambda: all_cooks_wait(c.info(COUNTER)), "all cooks wait at a full counter")
            dish, before, after = eat_one(c)
            assert (before, after) == (accepted, accepted + 1), "an acknowledgement lets one dish in, a delivery none"
            dishes.append(dish)
        while len(dishes) < len(ALL):
            dishes.append(eat_one(c)[0])
        assert sorted(dishes) == sorted(ALL), "every dish was eaten once"
        for name, cook in zip(COOKS, cooks):
            assert end(cook) == [f"{name} serves dish {number}" for number in range(1, DISHES + 1)]


@test
def cooks_and_eaters_of_both_languages_share_a_counter():
    with Broker() as broker:
        c = broker.connect()
        c.declare(COUNTER, max_messages=ROOM, when_full=b"hold")
        with people(broker, COOKS, "cook", DISHES) as cooks, people(broker, EATERS, "eat") as eaters:
            while any(cook.poll() is None for cook in cooks):
                assert depth(c.info(COUNTER)) <= ROOM
            for cook in cooks:
                end(cook)
            end(start(broker, PYTHON, "close", len(eaters)))
            lines = [line for eater in eaters for line in end(eater)]
        counter = c.info(COUNTER)
        assert sorted(eaten(lines)) == sorted(ALL), "every dish was eaten once"
        assert {line.split()[0] for line in lines} <= set(EATERS)
        assert depth(counter) == 0 and counter["waiting"] == 0 and counter["refused"] == 0, counter
        assert counter["accepted"] == counter["delivered"] == len(ALL) + len(EATERS), counter


@test
def each_language_runs_the_whole_kitchen_alone():
    for language in C, PYTHON:
        with Broker() as broker:
            lines = end(start(broker, language))
            plates = [line for line in lines if " eats " in line]
            assert sorted(eaten(plates)) == sorted(ALL), lines
            assert len(lines) == 2 * len(ALL), "and every dish was served once"
            assert depth(broker.connect().info(COUNTER)) == 0


@test
def a_kitchen_without_a_broker_says_so():
    for language in C, PYTHON:
        eater = start("127.0.0.1:1", language, "eat", "eve")
        _, error = eater.communicate(timeout=DEADLINE_S)
        assert eater.returncode == 1 and "refused" in error, (eater.returncode, error)


if __name__ == "__main__":
    main()

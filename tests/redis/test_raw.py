#!/usr/bin/python3
"""Bytes as no client writes them, whole and cut: ringpost says to them what redis-server says, and ends who it ends.

With `--against redis`, two redis-servers.
"""

import random

from compare import first_difference
from play import Player
from raw_inputs import INPUTS, STRANGERS
from servers import Redis, main, take_subject, test
from steps import Open, Raw, show_word

SUBJECT = take_subject()
PASSWORD = b"open, sesame"
CUTS = 3  # ways in which each input is cut besides
SEED_MAX = 1 << 32


def ways(inputs, seed):
    """Steps for each input: in one piece, and in two, with a pause."""
    dice = random.Random(seed)
    for data in inputs:
        for cut in {0, *(dice.randrange(len(data)) for _ in range(CUTS))}:
            yield [Open(0), Raw(0, data, cut)]


def assert_same(inputs, password=None):
    seed = random.SystemRandom().randrange(SEED_MAX)
    with Redis(password=password) as redis, SUBJECT(password=password) as subject:
        with Player(redis.connect, password=password) as leader, Player(subject.connect, password=password) as follower:
            for steps in ways(inputs, seed):
                difference = first_difference(steps, leader, follower)
                assert difference is None, f"{show_word(steps[-1].data)}, cut at {steps[-1].cut}: {difference.what}"


@test
def each_input_is_answered_as_redis_does():
    assert_same(INPUTS)


@test
def each_input_of_a_stranger_is_answered_as_redis_does():
    assert_same(STRANGERS, PASSWORD)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Sequences of commands from seeds, on redis-server and on ringpostd: the replies must be the same, byte for byte.

    test_compare.py [--seeds N] [--seed FIRST] [--against redis] [--flags FLAGS]

What may differ says alike.py. A difference is shown with the shortest sequence that still has it.
"""

import argparse
import random
import shlex
import sys
import time

from compare import first_difference, minimise
from generate import generate
from play import Player
from servers import Redis, take_subject

SEEDS, SEEDS_LONG = 100, 2000
SEED_MAX = 1 << 32
PASSWORD = b"open, sesame"


def report(seed, steps, difference, players, is_minimal):
    print(f"FAILED  seed {seed}, step {difference.index}: {difference.step}\n{difference.what}")
    if not is_minimal:
        return
    least, again = minimise(steps[: difference.index + 1], difference.sign, *players)
    if again is None:
        print("It does not happen again.")
        return
    print("The least that shows it:")
    for step in least[: again.index + 1]:
        print(f"  {step}")
    print(again.what, flush=True)


def compare(seeds, leader, follower, arguments):
    """Returns how many sequences differ, and how many steps were taken."""
    differences, step_count = 0, 0
    for seed in seeds:
        steps = generate(seed, PASSWORD if arguments.password else None, arguments.only)
        step_count += len(steps)
        difference = first_difference(steps, leader, follower)
        if difference:
            differences += 1
            report(seed, steps, difference, (leader, follower), not arguments.whole)
        if differences == arguments.differences:
            break
    return differences, step_count


def parse_arguments():
    """All but `--against redis`, which compares a redis-server."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--long", action="store_true", help=f"{SEEDS_LONG} sequences")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"how many sequences (default {SEEDS})")
    parser.add_argument("--seed", type=int, help="of the first; the others count up from it (default: a random one)")
    parser.add_argument("--flags", default="", help="more options for what is compared")
    parser.add_argument("--password", action="store_true", help="both have one, and connections begin as strangers")
    parser.add_argument("--only", nargs="+", default=[], metavar="COMMAND", help="sequences of these alone, transaction being one")
    parser.add_argument("--differences", type=int, default=3, metavar="N", help="end after so many")
    parser.add_argument("--whole", action="store_true", help="do not look for the shortest sequence")
    return parser.parse_args()


def main():
    subject, arguments = take_subject(), parse_arguments()
    count = arguments.seeds or (SEEDS_LONG if arguments.long else SEEDS)
    first = random.SystemRandom().randrange(SEED_MAX) if arguments.seed is None else arguments.seed
    print(f"{count} sequences from seed {first} on", flush=True)
    start = time.monotonic()
    password = PASSWORD if arguments.password else None
    with Redis(password=password) as redis, subject(*shlex.split(arguments.flags), password=password) as server:
        with Player(redis.connect, password=password) as leader, Player(server.connect, password=password) as follower:
            differences, steps = compare(range(first, first + count), leader, follower, arguments)
    print(f"{steps} steps in {time.monotonic() - start:.1f} s; {differences} sequences differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""The comparison is worth something: its sequences hold what they should, it finds what is planted, and nothing else."""

import random
import re
from collections import Counter

from compare import first_difference, minimise
from forms import CALLS_MIN, FORMS
from generate import generate
from play import Player
from servers import Redis, main, test
from steps import Scan, Send

SEEDS = range(30)
SEEDS_SAME = 5
PATIENCE_S = 0.5  # here differences are to be found
SEED_MAX = 1 << 32

# What is made wrong with a second redis-server, how many seeds may pass before it is found, and in how few steps at most.
PLANTED = [
    (["--rename-command", "LPOS", "gone"], 1, 2),
    (["--rename-command", "RPOP", "q", "--rename-command", "LPOP", "RPOP", "--rename-command", "q", "LPOP"], 1, 3),
    (["--rename-command", "BRPOP", "q", "--rename-command", "BLPOP", "BRPOP", "--rename-command", "q", "BLPOP"], 1, 6),
    (["--databases", "15"], 5, 3),
    (["--rename-command", "EXEC", "q", "--rename-command", "DISCARD", "EXEC", "--rename-command", "q", "DISCARD"], 1, 3),
    (["--list-max-listpack-size", "1", "--rename-command", "PUNSUBSCRIBE", ""], 1, 2),
]


def sent(seeds):
    """The words of all commands of these seeds, as text in capitals."""
    for seed in seeds:
        for step in generate(seed):
            if isinstance(step, Scan):
                yield ["SCAN", *(word.decode("latin1").upper() for word in step.words)]
            for words in step.commands:
                yield [word.decode("latin1").upper() if isinstance(word, bytes) else "ID" for word in words]


@test
def each_command_is_called_often_in_each_sequence():
    wanted = {line.split()[0] for line in FORMS.splitlines() if line[:1].isupper()}
    for seed in SEEDS:
        calls = Counter(words[0] for words in sent([seed]))
        few = {name for name in wanted | {"SCAN", "QUIT", "RESET"} if calls[name] < CALLS_MIN}
        assert not few, f"seed {seed} has fewer than {CALLS_MIN} calls of {sorted(few)}"


@test
def each_option_of_each_command_is_used():
    used = {(words[0], word) for words in sent(SEEDS) for word in words[1:]}
    for line in FORMS.splitlines():
        words = re.findall(r"\b[A-Z][A-Z-]*\b", line.partition(" : ")[0])
        unused = [word for word in words[1:] if (words[0], word) not in used]
        assert not unused, f"{words[0]} is never sent with {unused}"


@test
def the_same_seed_is_the_same_sequence():
    assert generate(7) == generate(7)
    assert generate(7) != generate(8)


@test
def two_servers_that_are_the_same_do_not_differ():
    first = random.SystemRandom().randrange(SEED_MAX)
    with Redis() as one, Redis() as other:
        players = Player(one.connect), Player(other.connect)
        for seed in range(first, first + SEEDS_SAME):
            difference = first_difference(generate(seed), *players)
            assert difference is None, f"seed {seed}: {difference.step}\n{difference.what}"


@test
def what_is_planted_is_found_and_shown_in_few_steps():
    with Redis() as redis:
        leader = Player(redis.connect)
        for flags, seeds, steps_max in PLANTED:
            with Redis(*flags) as other:
                assert_found(leader, Player(other.connect, PATIENCE_S), seeds, steps_max, flags)


def assert_found(leader, follower, seeds, steps_max, flags):
    for seed in range(seeds):
        steps = generate(seed)
        difference = first_difference(steps, leader, follower)
        if difference:
            least, again = minimise(steps[: difference.index + 1], difference.sign, leader, follower)
            sent_count = sum(isinstance(step, Send) for step in least)
            assert again and sent_count <= steps_max, f"{flags}: {sent_count} steps\n" + "\n".join(map(str, least))
            return
    raise AssertionError(f"{flags} make no difference in {seeds} sequences")


if __name__ == "__main__":
    main()

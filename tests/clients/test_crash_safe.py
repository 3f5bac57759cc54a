#!/usr/bin/python3
"""Workers that die while they have a job in hand: a job popped under a lease of the connection is not lost.

The same is done without the lease and on redis-server, and what was lost there is printed beside it. --seed N chooses
who dies when and how.
"""

import random
import signal
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from mortals import BEGUN, DONE, LIST, STOP, Notes, Worker
from servers import IS_REDIS, Redis, Ringpost, connect, long_test, main, option, test, wait_until

WORKERS = 4
LEASE_MAX_MS = 500  # longer than a worker that is well is ever held up
DEATHS = {"kill -9": signal.SIGKILL, "FIN": signal.SIGUSR1, "RST": signal.SIGUSR2, "SIGSTOP": signal.SIGSTOP}
PUSHED_AT_ONCE = 1000


SEED = int(option("--seed", random.randrange(1 << 32)))


class OnRingpost:
    """Jobs in a broker, leased to the connection that pops them, or not."""

    def __init__(self, server, has_lease):
        self.title = "ringpost, pop-lease connection" if has_lease else "ringpost, no lease"
        self.address, self.client, self.native = server.address, connect(server), server.connect()
        if has_lease:
            self.client.execute_command("RP.QUEUE", "SET", LIST, "pop-lease", "connection", "lease-max", LEASE_MAX_MS)

    def figures(self):
        return self.native.info(LIST)

    def unfinished(self):
        figures = self.figures()
        return figures["ready"] + figures["leased"]

    def returned(self):
        return self.figures()["returned"]


class OnRedis:
    """The same in redis-server, which has no leases."""

    title = "redis-server"

    def __init__(self, server):
        self.address, self.client = server.address, connect(server)

    def unfinished(self):
        return self.client.llen(LIST)

    def returned(self):
        return 0


@dataclass
class Outcome:
    deaths: dict = field(default_factory=lambda: dict.fromkeys(DEATHS, 0))
    jobs: int = 0
    lost: int = 0  # never done
    twice: int = 0  # done again, each time
    begun: int = 0  # noted as popped


class Round:
    """One run: workers at a list, of whom many die."""

    def __init__(self, place, chance):
        self.place, self.chance, self.outcome = place, chance, Outcome()
        self.notes = Notes()
        self.workers = [Worker(place.address, self.notes) for _ in range(WORKERS)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            worker.die(signal.SIGKILL)
        self.notes.file.close()

    def push(self, count):
        first = self.outcome.jobs
        self.outcome.jobs += count
        for start in range(first, first + count, PUSHED_AT_ONCE):
            end = min(start + PUSHED_AT_ONCE, first + count)
            self.place.client.rpush(LIST, *(b"%08d" % number for number in range(start, end)))

    def stop_and_go(self, worker):
        """It stands still until its job was given to another, or, where there is no lease, until all is popped."""
        returned = self.place.returned()
        worker.signal(signal.SIGSTOP)
        wait_until(
            lambda: self.place.returned() > returned or self.place.unfinished() == 0, "a stopped worker has no job"
        )
        worker.signal(signal.SIGCONT)

    def let_one_die(self, way):
        index = self.chance.randrange(WORKERS)
        self.outcome.deaths[way] += 1
        if way == "SIGSTOP":
            self.stop_and_go(self.workers[index])
        else:
            self.workers[index].die(DEATHS[way])
            self.workers[index] = Worker(self.place.address, self.notes)

    def hand_out(self, count, way):
        """Pushes jobs, and has somebody die while they are done."""
        begun = self.notes.size()
        self.push(count)
        after = begun + self.chance.randrange(count)
        wait_until(lambda: self.notes.size() >= after, "the workers work")
        self.let_one_die(way)

    def end(self):
        """Until all is done that will be; the workers go home then."""
        wait_until(lambda: self.place.unfinished() == 0, "all jobs are done")
        self.place.client.rpush(LIST, *[STOP] * WORKERS)
        while self.workers:
            self.workers.pop().end()
        done = self.notes.count(DONE)
        self.outcome.begun = self.notes.count(BEGUN).total()
        self.outcome.lost = self.outcome.jobs - len(done)
        self.outcome.twice = done.total() - len(done)
        return self.outcome


def play(place, jobs, deaths):
    chance = random.Random(SEED)
    ways = [list(DEATHS)[number % len(DEATHS)] for number in range(deaths)]
    chance.shuffle(ways)
    with Round(place, chance) as round:
        for way in ways:
            round.hand_out(jobs // deaths, way)
        outcome = round.end()
    told = ", ".join(f"{count} {way}" for way, count in outcome.deaths.items())
    print(f"        {place.title:<31} {outcome.jobs} jobs, {told}: {outcome.lost} lost, {outcome.twice} done twice")
    return outcome


def play_all(jobs, deaths):
    """Under a lease none is lost; without, some are."""
    print(f"        --seed {SEED}")
    with Redis() as server:
        outcome = play(OnRedis(server), jobs, deaths)
        assert 0 < outcome.lost <= deaths and outcome.twice == 0, outcome


@test
def no_job_is_lost_under_a_lease_and_some_are_without():
    play_all(jobs=4000, deaths=20)


@long_test
def of_many_jobs_none_is_lost_under_a_lease_and_some_are_without():
    play_all(jobs=100_000, deaths=200)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Workers that die while they have a job in hand: a job popped under a lease of the connection is not lost.

The same is done without the lease and on redis-server, and what was lost there is printed beside it. --seed N chooses
who dies when and how.
"""

import random
import signal
from contextlib import closing
from dataclasses import dataclass, field

from servers import Redis, Ringpost, connect, long_test, main, option, test, wait_until

from harness import push, take
from mortals import BEGUN, DONE, LIST, STOP, Notes, Worker, hold

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
            self.native.declare(LIST, pop_lease=b"connection", lease_max=LEASE_MAX_MS)
        else:
            self.native.declare(LIST)

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
        self.notes.close()

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


def assert_counted(outcome, figures, deaths):
    """What the broker counted is what the workers noted; some died between the one and the other."""
    all_pushed = outcome.jobs + WORKERS
    assert figures["accepted"] == figures["acknowledged"] == all_pushed and figures["dead-lettered"] == 0, figures
    assert figures["delivered"] == all_pushed + figures["returned"], figures
    assert 0 < figures["returned"] <= deaths, figures
    assert 0 <= figures["delivered"] - WORKERS - outcome.begun <= deaths, (figures, outcome)


def play_all(jobs, deaths):
    """Under a lease none is lost; without, some are."""
    print(f"        --seed {SEED}")
    with Ringpost() as server:
        place = OnRingpost(server, has_lease=True)
        outcome = play(place, jobs, deaths)
        assert outcome.lost == 0 and outcome.twice <= deaths, outcome
        assert_counted(outcome, place.figures(), deaths)
    with Ringpost() as server:
        outcome = play(OnRingpost(server, has_lease=False), jobs, deaths)
        assert 0 < outcome.lost <= deaths and outcome.twice == 0, outcome
    with Redis() as server:
        outcome = play(OnRedis(server), jobs, deaths)
        assert 0 < outcome.lost <= deaths and outcome.twice == 0, outcome


@test
def no_job_is_lost_under_a_lease_and_some_are_without():
    play_all(jobs=4000, deaths=20)


@long_test
def of_many_jobs_none_is_lost_under_a_lease_and_some_are_without():
    play_all(jobs=100_000, deaths=200)


def die_with_the_job(place, notes, way):
    """A worker takes the job that is there, and has it in hand when it dies."""
    begun, returned = notes.size(), place.returned()
    worker = Worker(place.address, notes, hold)
    try:
        wait_until(lambda: notes.size() == begun + 1, "the worker has a job")
        assert place.figures()["leased"] == 1
        worker.signal(DEATHS[way])
        wait_until(lambda: place.returned() == returned + 1, f"{way} gives the job back")
    finally:
        worker.die(signal.SIGKILL)


@test
def however_a_worker_dies_its_job_comes_back_and_is_counted():
    with Ringpost() as server, closing(Notes()) as notes:
        place, c = OnRingpost(server, has_lease=True), server.connect()
        push(c, LIST, b"%08d" % 1)
        for way in DEATHS:
            die_with_the_job(place, notes, way)
        c.consume(LIST, 1, 1)
        (delivery,) = take(c, 1)
        assert (delivery.message, delivery.deliveries) == (b"%08d" % 1, len(DEATHS)), delivery


@test
def a_job_that_kills_its_workers_becomes_a_dead_letter():
    with Ringpost() as server, closing(Notes()) as notes:
        place, c = OnRingpost(server, has_lease=True), server.connect()
        c.set(LIST, delivery_limit=2)
        push(c, LIST, b"%08d" % 1)
        die_with_the_job(place, notes, "kill -9")
        die_with_the_job(place, notes, "RST")
        assert place.client.lrange(LIST + b".dead", 0, -1) == [b"%08d" % 1] and place.client.llen(LIST) == 0


@test
def the_next_pop_and_quit_acknowledge_what_was_popped():
    with Ringpost() as server:
        place = OnRingpost(server, has_lease=True)
        worker = connect(server, single_connection_client=True)
        place.client.rpush(LIST, "one", "two")
        for leased, acknowledged in (1, 0), (1, 1), (0, 2):
            worker.lpop(LIST)
            figures = place.figures()
            assert (figures["leased"], figures["acknowledged"]) == (leased, acknowledged), figures
        place.client.rpush(LIST, "three")
        assert worker.blpop(LIST) == (LIST, b"three")
        worker.execute_command("QUIT")
        wait_until(lambda: place.figures()["acknowledged"] == 3, "QUIT acknowledges")
        assert place.returned() == 0


if __name__ == "__main__":
    main()

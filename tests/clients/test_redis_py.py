#!/usr/bin/python3
"""Programs of redis-py, unchanged: work handed from page to worker through a list, news through a channel, transactions,
and subscribers that come back when their connection is gone."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import redis
from servers import DEADLINE_S, Client, connect, main, start, test, unique, wait_until


def wait_until_blocked(client, count=1):
    """Until so many connections wait in BLPOP."""
    wait_until(
        lambda: sum("b" in one["flags"] for one in client.client_list()) == count,
        f"{count} wait in BLPOP",
    )


def next_message(listener):
    """The next message as (kind, pattern, channel, data)."""
    message = wait_until(lambda: listener.get_message(timeout=1), "something is heard")
    return message["type"], message["pattern"], message["channel"], message["data"]


def publish(client, channel, message, reached=1):
    assert client.publish(channel, message) == reached


@test
def what_lpush_puts_in_last_blpop_takes_out_first(server):
    client, jobs = connect(server, db=5), unique("jobs")
    assert [client.lpush(jobs, job) for job in ("one", "two", "three")] == [1, 2, 3]
    assert [client.blpop(jobs) for _ in range(3)] == [(jobs, b"three"), (jobs, b"two"), (jobs, b"one")]
    assert client.llen(jobs) == 0 and not client.exists(jobs)


@test
def a_worker_waits_in_blpop_until_there_is_work(server):
    client, jobs = connect(server, db=5), unique("jobs")
    with ThreadPoolExecutor() as pool:
        worker = pool.submit(lambda: connect(server, db=5).blpop(jobs, timeout=DEADLINE_S))
        wait_until_blocked(client)
        assert client.lpush(jobs, "work") == 1
        assert worker.result() == (jobs, b"work")


@test
def of_several_workers_each_job_goes_to_one(server):
    client, jobs = connect(server), unique("jobs")
    work = [b"job %d" % number for number in range(6)]
    with ThreadPoolExecutor(len(work)) as pool:
        workers = [pool.submit(lambda: connect(server).blpop(jobs, timeout=DEADLINE_S)) for _ in work]
        wait_until_blocked(client, len(work))
        for job in work:
            client.rpush(jobs, job)
        assert sorted(worker.result()[1] for worker in workers) == work


@test
def the_first_list_named_goes_first_and_an_empty_one_times_out(server):
    client, urgent, plain = connect(server), unique("urgent"), unique("plain")
    client.rpush(plain, "later")
    client.rpush(urgent, "now")
    assert client.blpop([urgent, plain]) == (urgent, b"now")
    assert client.blpop([urgent, plain]) == (plain, b"later")
    assert client.blpop([urgent, plain], timeout=0.05) is None


@test
def lists_can_be_looked_at_and_changed(server):
    client, names = connect(server, decode_responses=True), unique("names").decode()
    client.rpush(names, "anna", "bob", "cleo", "bob", "dave")
    assert client.lrange(names, 0, -1) == ["anna", "bob", "cleo", "bob", "dave"]
    assert client.lindex(names, 2) == "cleo" and client.lpos(names, "bob", rank=-1) == 3
    assert client.lrem(names, 1, "bob") == 1 and client.linsert(names, "before", "bob", "béa") == 5
    client.lset(names, 0, "anne")
    client.ltrim(names, 0, 2)
    assert client.lrange(names, 0, -1) == ["anne", "cleo", "béa"]
    assert client.rpoplpush(names, names + ".done") == "béa" and client.lpop(names, 5) == ["anne", "cleo"]


@test
def a_list_is_of_one_database(server):
    jobs = unique("jobs")
    connect(server, db=5).lpush(jobs, "five")
    assert connect(server, db=6).lpop(jobs) is None and connect(server).lpop(jobs) is None
    assert connect(server, db=5).lpop(jobs) == b"five"


@test
def values_live_beside_lists(server):
    client, key = connect(server), unique("result")
    assert client.set(key, b"\x00\r\n\xff", ex=600, nx=True) and client.set(key, "again", nx=True) is None
    assert client.get(key) == b"\x00\r\n\xff" and 0 < client.ttl(key) <= 600 and client.type(key) == b"string"
    try:
        client.lpush(key, "no list")
    except redis.ResponseError as error:
        assert str(error).startswith("WRONGTYPE "), error
    else:
        raise AssertionError("a value took a push")
    assert client.delete(key) == 1 and client.incr(key) == 1 and client.mget(key, "nothing") == [b"1", None]


@test
def everybody_who_subscribed_hears_what_is_published(server):
    client, news = connect(server), unique("news").decode()
    with closing(connect(server, db=5).pubsub()) as plain, closing(connect(server).pubsub()) as pattern:
        plain.subscribe(news)
        pattern.psubscribe(f"{news}*")
        assert next_message(plain) == ("subscribe", None, news.encode(), 1)
        assert next_message(pattern) == ("psubscribe", None, f"{news}*".encode(), 1)
        publish(client, news, "rain", 2)
        publish(client, f"{news}.sport", "goal")
        assert next_message(plain) == ("message", None, news.encode(), b"rain")
        assert next_message(pattern) == ("pmessage", f"{news}*".encode(), news.encode(), b"rain")
        assert next_message(pattern)[2:] == (f"{news}.sport".encode(), b"goal")
        plain.unsubscribe()
        assert next_message(plain) == ("unsubscribe", None, news.encode(), 0)
        publish(client, news, "sun")


@test
def a_listening_thread_calls_its_handlers(server):
    client, news, heard = connect(server), unique("news").decode(), threading.Event()
    listener = connect(server).pubsub(ignore_subscribe_messages=True)
    listener.subscribe(**{news: lambda message: heard.set()})
    thread = listener.run_in_thread()
    try:
        wait_until(lambda: client.pubsub_numsub(news) == [(news.encode(), 1)], "the thread listens")
        publish(client, news, "rain")
        assert heard.wait(DEADLINE_S)
    finally:
        thread.stop()
        thread.join()


@test
def a_transaction_is_done_as_one(server):
    client, jobs, count = connect(server), unique("jobs"), unique("count")
    with client.pipeline() as pipeline:
        results = pipeline.rpush(jobs, "a", "b").incr(count).lpop(jobs).llen(jobs).execute()
    assert results == [2, 1, b"a", 1]
    with client.pipeline() as pipeline:
        results = pipeline.get(jobs).incr(count).execute(raise_on_error=False)
    assert isinstance(results[0], redis.ResponseError) and results[1] == 2, "one that fails does not stop the others"


@test
def a_transaction_fails_when_what_it_watches_changes(server):
    client, count = connect(server), unique("count")
    client.set(count, 5)
    with client.pipeline() as pipeline:
        pipeline.watch(count)
        wanted = int(pipeline.get(count)) + 1
        client.incr(count)
        pipeline.multi()
        pipeline.set(count, wanted)
        try:
            pipeline.execute()
        except redis.WatchError:
            pass
        else:
            raise AssertionError("it was done all the same")
    assert client.transaction(lambda pipeline: pipeline.multi() or pipeline.incr(count), count) == [7]


@test
def a_client_is_told_of_itself_and_of_others(server):
    client, other = connect(server, client_name="one"), connect(server, client_name="other")
    assert client.ping() and other.ping()
    info = client.client_info()
    assert (info["id"], info["name"], info["flags"], info["db"]) == (client.client_id(), "one", "N", 0), info
    assert {"one", "other"} <= {one["name"] for one in client.client_list()}


@test
def many_commands_in_one_write_are_answered_in_order(server):
    client, jobs = connect(server), unique("jobs")
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.rpush(jobs, number)
        assert pipeline.execute() == list(range(1, 1001))
    assert client.lpop(jobs, 1000) == [b"%d" % number for number in range(1000)]


@test
def a_socket_file_is_as_good_as_a_port(server):
    client, jobs = redis.Redis(unix_socket_path=server.addresses[1].removeprefix("unix:"), db=5), unique("jobs")
    client.lpush(jobs, "work")
    assert connect(server, db=5).rpop(jobs) == b"work" and client.ping()


def listen_again(listener):
    """What a listener does whose connection is gone: it asks again, and is subscribed again."""
    try:
        return listener.get_message(timeout=1)
    except redis.ConnectionError:
        return None


def hears_again(listener, client, news):
    def is_subscribed():
        message = listen_again(listener)
        return message and message["type"] == "subscribe"

    wait_until(is_subscribed, "the listener is subscribed again")
    publish(client, news, "back")
    assert next_message(listener)[3] == b"back"


@test
def a_subscriber_whose_connection_is_killed_subscribes_again(server):
    client, news = connect(server), unique("news").decode()
    with closing(connect(server, client_name=f"listener-{news}").pubsub()) as listener:
        listener.subscribe(news)
        assert next_message(listener)[0] == "subscribe"
        (number,) = [one["id"] for one in client.client_list() if one["name"] == f"listener-{news}"]
        assert client.client_kill_filter(_id=number) == 1
        hears_again(listener, client, news)


@test
def a_worker_whose_connection_is_killed_takes_the_next_job(server):
    client, jobs = connect(server), unique("jobs")
    worker = connect(server, client_name="worker")
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(worker.blpop, jobs, timeout=DEADLINE_S)
        wait_until_blocked(client)
        (number,) = [one["id"] for one in client.client_list() if one["name"] == "worker"]
        assert client.client_kill_filter(_id=number) == 1
        assert isinstance(waits.exception(DEADLINE_S), redis.ConnectionError)
    assert client.rpush(jobs, "work") == 1, "nobody waits any more"
    assert worker.blpop(jobs, timeout=DEADLINE_S) == (jobs, b"work")


@test
def subscribers_and_workers_go_on_after_a_restart():
    news, jobs = "news", "jobs"
    with start() as first:
        client = Client(first)
        listener = client.pubsub()
        listener.subscribe(news)
        assert next_message(listener)[0] == "subscribe"
        publish(client, news, "rain")
        first.terminate()
        first.wait_for_end()
    with start(listen=first.addresses), closing(client), closing(listener):
        hears_again(listener, client, news)
        client.lpush(jobs, "work")
        assert client.blpop(jobs) == (jobs.encode(), b"work")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""What ringpost has beyond Redis, for clients of Redis: RP.PUSH, RP.ACK, RP.RETURN, RP.STATS and RP.QUEUE SET."""

import redis
from servers import connect, main, test, unique, wait_until

from harness import take
from ringpost import unpack_headers


def stats(client, *queue):
    """RP.STATS as a dict: a flat array in version 2."""
    flat = client.execute_command("RP.STATS", *queue)
    return dict(zip(flat[::2], flat[1::2]))


def leased_queue(client, *settings):
    queue = unique()
    assert client.execute_command("RP.QUEUE", "SET", queue, "pop-lease", "connection", *settings) == b"OK"
    return queue


def refused(client, *words):
    try:
        client.execute_command(*words)
    except redis.ResponseError as error:
        return str(error)
    raise AssertionError(f"{words} was not refused")


@test
def headers_of_a_push_reach_native_consumers(broker):
    c, client, queue = broker.connect(), connect(broker), unique()
    words = ("REPLY-TO", "queue:back", "CORRELATION-ID", "77")
    assert client.execute_command("RP.PUSH", queue, "message", *words) == 1
    c.consume(queue, 1, 1)
    (delivery,) = take(c, 1)
    headers, message = unpack_headers(delivery.message)
    assert (message, headers) == (b"message", {"reply-to": b"queue:back", "correlation-id": b"77"})


@test
def a_message_is_ready_when_its_delay_is_over(broker):
    client, queue = connect(broker), unique()
    assert client.execute_command("RP.PUSH", queue, "later", "DELAY", 3600000) == 0
    assert client.execute_command("RP.PUSH", queue, "soon", "DELAY", 1) == 0
    assert client.blpop(queue) == (queue, b"soon")
    assert stats(client, queue)[b"delayed"] == 1


@test
def a_message_expires_when_its_time_is_over(broker):
    client, queue = connect(broker), unique()
    client.execute_command("RP.PUSH", queue, "short-lived", "TTL", 1)
    wait_until(lambda: client.llen(queue) == 0, "it expires")
    assert client.lpop(queue) is None


@test
def what_is_popped_is_leased_until_it_is_acknowledged(broker):
    client = connect(broker, single_connection_client=True)
    queue = leased_queue(client)
    client.rpush(queue, "one", "two", "three")
    assert client.lpop(queue) == b"one"
    assert stats(client, queue)[b"leased"] == 1
    assert client.lpop(queue) == b"two", "the next pop acknowledges the last"
    assert stats(client, queue)[b"acknowledged"] == 1
    assert client.execute_command("RP.ACK", queue) == 1
    assert client.execute_command("RP.ACK") == 0
    told = stats(client, queue)
    assert (told[b"leased"], told[b"acknowledged"], told[b"ready"]) == (0, 2, 1)


@test
def what_is_given_back_is_counted_and_dies_at_the_limit(broker):
    client = connect(broker, single_connection_client=True)
    queue = leased_queue(client, "delivery-limit", 2)
    client.rpush(queue, "poison")
    for _ in range(2):
        assert client.lpop(queue) == b"poison"
        assert client.execute_command("RP.RETURN", queue) == 1
    assert client.lpop(queue) is None and client.lrange(queue + b".dead", 0, -1) == [b"poison"]


@test
def what_a_dead_connection_had_is_handed_out_again(broker):
    dying, client = connect(broker, single_connection_client=True), connect(broker)
    queue = leased_queue(client)
    client.rpush(queue, "job")
    assert dying.brpop(queue) == (queue, b"job") and client.lpop(queue) is None
    dying.close()
    assert client.blpop(queue)[1] == b"job"
    assert stats(client, queue)[b"returned"] == 1


@test
def who_quits_has_done_what_it_popped(broker):
    leaving, client = connect(broker, single_connection_client=True), connect(broker)
    queue = leased_queue(client)
    client.rpush(queue, "job")
    assert leaving.lpop(queue) == b"job" and leaving.execute_command("QUIT")
    assert stats(client, queue)[b"acknowledged"] == 1


@test
def wrong_words_are_refused_in_a_sentence(broker):
    client, queue = connect(broker), unique()
    assert "no such setting" in refused(client, "RP.QUEUE", "SET", queue, "colour", "red")
    assert "no such setting" in refused(client, "RP.QUEUE", "SET", queue, "pop-lease", "sometimes")
    assert "syntax" in refused(client, "RP.QUEUE", "SET", queue, "ttl", "1", "pop-lease")
    assert "milliseconds" in refused(client, "RP.PUSH", queue, "x", "DELAY", "-1")
    assert "ttl" in refused(client, "RP.PUSH", queue, "x", "TTL", "0")
    assert "syntax" in refused(client, "RP.PUSH", queue, "x", "DELAY")
    assert "syntax" in refused(client, "RP.PUSH", queue, "x", "DELAY", "1", "DELAY", "1")
    assert "longer" in refused(client, "RP.PUSH", queue, "x", "REPLY-TO", "a" * 1025)
    assert "no queue" in refused(client, "RP.STATS", queue)
    assert client.exists(queue) == 0


@test
def the_broker_is_counted_as_a_whole(broker):
    client, queue = connect(broker), unique()
    before = stats(client)[b"accepted"]
    client.rpush(queue, "one")
    assert stats(client)[b"accepted"] == before + 1


if __name__ == "__main__":
    main()

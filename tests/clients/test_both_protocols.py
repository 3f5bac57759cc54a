#!/usr/bin/python3
"""Programs of Redis and ringpost's own at the same queues and topics, on the same port."""

from contextlib import closing
from concurrent.futures import ThreadPoolExecutor

from servers import DEADLINE_S, connect, main, test, unique, wait_until

from harness import assert_quiet, heard, messages, push, take


@test
def what_redis_programs_push_native_consumers_take_and_acknowledge(broker):
    c, client, queue = broker.connect(), connect(broker), unique()
    c.declare(queue)
    assert client.rpush(queue, "one", "two") == 2
    c.consume(queue, 1, 1)
    (first,) = take(c, 1)
    assert first.message == b"one" and client.lrange(queue, 0, -1) == [b"two"], "what is leased is no element"
    c.return_(1, first.tag)
    c.flush()
    c.credit(1, 2)
    deliveries = take(c, 2)
    assert messages(deliveries) == [b"one", b"two"] and deliveries[0].deliveries == 1
    assert not client.exists(queue)
    for delivery in deliveries:
        c.ack(1, delivery.tag)
    c.flush()
    assert c.info(queue)["acknowledged"] == 2


@test
def what_native_producers_push_redis_programs_pop(broker):
    c, client, queue = broker.connect(), connect(broker), unique()
    c.declare(queue)
    push(c, queue, b"one", b"two", b"three")
    assert client.lindex(queue, 1) == b"two" and client.llen(queue) == 3
    assert client.lpop(queue) == b"one" and client.rpop(queue) == b"three" and client.blpop(queue) == (queue, b"two")
    info = c.info(queue)
    assert (info["accepted"], info["acknowledged"], info["ready"], info["leased"]) == (3, 3, 0, 0), info


@test
def a_blocking_pop_and_a_consumer_wait_in_one_line(broker):
    c, client, queue = broker.connect(), connect(broker), unique()
    with ThreadPoolExecutor() as pool:
        waits = pool.submit(lambda: connect(broker).blpop(queue, timeout=DEADLINE_S))
        wait_until(lambda: any("b" in one["flags"] for one in client.client_list()), "it waits")
        push(c, queue, b"work")
        assert waits.result() == (queue, b"work")


@test
def channels_and_topics_are_the_same(broker):
    c, client, topic = broker.connect(), connect(broker), unique("news")
    with closing(connect(broker, db=7).pubsub(ignore_subscribe_messages=True)) as listener:
        listener.subscribe(topic)
        wait_until(lambda: client.pubsub_numsub(topic) == [(topic, 1)], "it listens")
        c.subscribe(topic, 1)
        assert client.publish(topic, "from redis") == 2
        c.publish(topic, b"from ringpost")
        c.flush()
        for said in b"from redis", b"from ringpost":
            message = wait_until(lambda: listener.get_message(timeout=1), "it is heard")
            assert (message["channel"], message["data"]) == (topic, said)
        assert heard(c, 2) == [b"from redis", b"from ringpost"]


@test
def other_databases_are_apart_from_native_names(broker):
    c, client, queue = broker.connect(), connect(broker, db=5), unique()
    client.rpush(queue, "five")
    c.consume(queue, 1, 1)
    assert_quiet(c)
    push(c, queue, b"zero")
    assert messages(take(c, 1)) == [b"zero"] and client.lpop(queue) == b"five"


if __name__ == "__main__":
    main()

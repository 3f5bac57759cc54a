#!/usr/bin/python3
"""How the broker ends while there is work under way: what is leased may be settled, and nothing else begins."""

import os
import signal

from connections import connect_socket, hello_frame
from environment import DEADLINE_S
from harness import Broker, assert_quiet, main, push, refused, take, test
import ringpost
from ringpost import REPLY, pack_frame


def lease_one(c):
    push(c, b"q", b"1")
    c.consume(b"q", 1, 1)
    take(c, 1)


def hear_goaway(connection):
    event = connection.receive(DEADLINE_S)
    assert isinstance(event, ringpost.Goaway) and event.status == "closing" and event.text, event


def hear_end(connection):
    """Nothing more comes but the end of the connection."""
    try:
        event = connection.receive(DEADLINE_S)
    except ConnectionError:
        return
    raise AssertionError(f"there is {event} before the end")


def end(broker):
    broker.close_connections()
    broker.wait_for_end()


@test
def leases_are_settled_and_nothing_more_is_delivered():
    with Broker("--drain-timeout", "1h") as broker:
        c, consumer = broker.connect(), broker.connect()
        push(c, b"q", *(b"%d" % number for number in range(10)))
        consumer.consume(b"q", 1, 4)
        taken = take(consumer, 4)
        broker.terminate()
        hear_goaway(consumer)
        hear_goaway(c)
        consumer.credit(1, 100)
        consumer.ack(1, taken[0].tag, 2)
        consumer.return_(1, taken[2].tag, 1)
        consumer.flush()
        assert_quiet(consumer)
        assert broker.is_running()
        consumer.ack(1, taken[3].tag, 1)
        hear_end(consumer)
        end(broker)


@test
def redis_clients_settle_what_they_have_and_are_ended_when_they_ask_for_more():
    with Broker("--drain-timeout", "1h") as broker:
        c = broker.connect()
        with connect_socket(broker.address) as worker, connect_socket(broker.address) as producer:
            worker.sendall(b"RP.QUEUE SET q pop-lease connection\r\nRPUSH q 1 2\r\nLPOP q\r\n")
            said = b""
            while not said.endswith(b"$1\r\n1\r\n"):
                said += worker.recv(100)
            producer.sendall(b"PING\r\n")
            assert producer.recv(100) == b"+PONG\r\n"
            broker.terminate()
            hear_goaway(c)
            producer.sendall(b"RPUSH q 3\r\n")
            assert producer.recv(100) == b"", "a push is not taken"
            worker.sendall(b"PING\r\nRP.ACK q\r\n")
            said = b""
            while not said.endswith(b":1\r\n"):
                said += worker.recv(100)
            assert said == b"+PONG\r\n:1\r\n"
        end(broker)


@test
def what_asks_for_more_is_refused_with_closing():
    with Broker("--drain-timeout", "1h") as broker:
        c = broker.connect()
        push(c, b"q", b"1", b"2")
        c.consume(b"q", 1, 1)
        (taken,) = take(c, 1)
        c.subscribe(b"t", 2)
        broker.terminate()
        hear_goaway(c)
        for ask in (
            lambda: c.wait(c.push(b"q", b"3")),
            lambda: c.wait(c.publish(b"t", b"3")),
            lambda: c.consume(b"q", 3, 1),
            lambda: c.subscribe(b"t", 4),
            lambda: c.declare(b"r"),
            lambda: c.delete(b"q"),
            lambda: c.purge(b"q"),
            lambda: c.pause(b"q"),
            lambda: c.info(b"q"),
            lambda: c.list(),
            lambda: c.stats(),
        ):
            with refused("closing"):
                ask()
        c.unsubscribe(2)
        assert_quiet(c)
        c.cancel(1)
        hear_end(c)
        end(broker)


@test
def pushes_that_wait_are_refused_with_closing():
    with Broker("--drain-timeout", "1h") as broker:
        c = broker.connect()
        c.declare(b"held", max_messages=1, when_full=b"hold")
        push(c, b"held", b"1")
        c.consume(b"held", 1, 1)
        take(c, 1)
        numbers = [c.push(b"held", b"waits"), c.push(b"held", b"too")]
        c.ping()
        broker.terminate()
        hear_goaway(c)
        for number in numbers:
            with refused("closing"):
                c.wait(number)
        c.ack(1, 1, 1)
        hear_end(c)
        end(broker)


@test
def waiting_pushes_are_refused_by_name_even_when_nothing_is_leased():
    with Broker() as broker:
        raw = broker.raw()
        raw.send(pack_frame(ringpost.DECLARE, b"held", ringpost.pack_fields({"max-messages": 1, "when-full": b"hold"})))
        raw.send(pack_frame(ringpost.PUSH, b"held", b"1"), pack_frame(ringpost.PUSH, b"held", b"waits"))
        raw.send(pack_frame(ringpost.PING))
        raw.read_until(REPLY)
        raw.read_until(REPLY)
        broker.terminate()
        error = raw.read_error()
        assert (error.first, error.count, error.status) == (3, 1, "closing"), error
        while raw.read():
            pass
        end(broker)


@test
def strangers_are_sent_away_and_nobody_comes_in():
    with Broker("--drain-timeout", "1h") as broker:
        c, silent, stranger = broker.connect(), broker.raw(hello=False), broker.raw(hello=False)
        stranger.send(hello_frame()[:1])
        lease_one(c)
        broker.terminate()
        hear_goaway(c)
        assert silent.read() is None
        assert stranger.read_until(ringpost.GOAWAY) and stranger.read() is None
        late = broker.raw(hello=False)
        late.send(hello_frame())
        c.ping()
        late.socket.setblocking(False)
        try:
            assert late.socket.recv(1) == b""
        except BlockingIOError:
            pass
        c.ack(1, 1, 1)
        hear_end(c)
        end(broker)


@test
def leases_that_are_not_settled_in_time_do_not_keep_it():
    with Broker("--drain-timeout", "100ms") as broker:
        c = broker.connect()
        lease_one(c)
        broker.terminate()
        hear_goaway(c)
        hear_end(c)
        end(broker)


@test
def a_lease_whose_consumer_goes_does_not_keep_it():
    with Broker("--drain-timeout", "1h") as broker:
        c = broker.connect()
        lease_one(c)
        broker.terminate()
        hear_goaway(c)
        end(broker)


@test
def a_second_signal_ends_it_at_once():
    for second in (signal.SIGTERM, signal.SIGINT):
        with Broker("--drain-timeout", "1h") as broker:
            c = broker.connect()
            push(c, b"q", b"1")
            c.consume(b"q", 1, 1)
            take(c, 1)
            broker.terminate()
            hear_goaway(c)
            c.ping()
            assert broker.is_running()
            os.kill(broker.pid, second)
            broker.wait_for_end()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A kitchen: cooks put dishes on a counter that has room for ten, eaters take them, and everyone waits for everyone.

    kitchen.py                    three cooks with twenty dishes each, and two eaters
    kitchen.py cook NAME DISHES   one cook
    kitchen.py eat NAME           one eater, until the kitchen closes
    kitchen.py close EATERS       tells so many eaters to go home when everything is eaten

The counter is a queue that holds its producers while it is full. kitchen.c is the same in C, and both can work at one
counter. The broker is $RINGPOST_SERVER (HOST:PORT), or else 127.0.0.1:7464."""

import os
import socket
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from ringpost import ACK, Connection, Delivery  # noqa: E402

ROOM, COOKS, DISHES, EATERS = 10, ["anna", "bob", "cleo"], 20, ["dave", "eve"]
COUNTER, CLOSED = b"counter", b""


def enter():
    """Comes in. Whoever is first puts up the counter."""
    host, _, port = os.environ.get("RINGPOST_SERVER", "127.0.0.1:7464").rpartition(":")
    broker = Connection(socket.create_connection((host, int(port))), timeout=None, client=b"kitchen.py")
    broker.declare(COUNTER, max_messages=ROOM, when_full=b"hold")
    return broker


def say(line):
    """A whole line at once, since cooks and eaters speak at the same time."""
    print(line + "\n", end="", flush=True)


def serve(broker, dish):
    """Returns once it stands on the counter. While that is full, this waits."""
    broker.push(COUNTER, dish)
    broker.flush()


def cook(name, dishes):
    broker = enter()
    for number in range(1, dishes + 1):
        serve(broker, f"dish {number} of {name}".encode())
        say(f"{name} serves dish {number}")


def close(eaters):
    """An empty plate says that the kitchen is closed."""
    broker = enter()
    for _ in range(eaters):
        serve(broker, CLOSED)


def take(broker):
    event = broker.receive()
    return event if isinstance(event, Delivery) else sys.exit(f"kitchen.py: {event}")


def eat(name):
    """Takes one dish at a time. Until it is acknowledged it still stands on the counter, as a lease."""
    broker = enter()
    broker.consume(COUNTER, consumer=1, count=1)
    while (dish := take(broker)).message != CLOSED:
        say(f"{name} eats {dish.message.decode()}")
        broker.settle(ACK, dish.consumer, dish.tag)
        broker.credit(dish.consumer, 1)
    broker.settle(ACK, dish.consumer, dish.tag)
    broker.flush()


def whole_kitchen():
    cooks = [threading.Thread(target=cook, args=(name, DISHES)) for name in COOKS]
    eaters = [threading.Thread(target=eat, args=(name,)) for name in EATERS]
    for person in cooks + eaters:
        person.start()
    for person in cooks:
        person.join()
    close(len(eaters))
    for person in eaters:
        person.join()


def main(*words):
    if not words:
        whole_kitchen()
    elif words[0] == "cook" and len(words) == 3:
        cook(words[1], int(words[2]))
    elif words[0] == "eat" and len(words) == 2:
        eat(words[1])
    elif words[0] == "close" and len(words) == 2:
        close(int(words[1]))
    else:
        sys.exit("usage: kitchen.py [cook NAME DISHES | eat NAME | close EATERS]")


if __name__ == "__main__":
    main(*sys.argv[1:])

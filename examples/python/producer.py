#!/usr/bin/python3
"""Pushes numbered messages into a queue: producer.py [QUEUE [COUNT [ADDRESS]]]"""

import sys

from ringpost import Connection, Refused

queue, count, address = (sys.argv[1:] + ["orders", "10", "127.0.0.1:7464"][len(sys.argv) - 1 :])[:3]

with Connection(address, client="producer.py") as broker:
    for number in range(int(count)):
        broker.push(queue, b"message %d" % number)  # does not wait for the one before
    try:
        broker.flush()
    except Refused as refused:
        sys.exit(f"producer.py: {refused}")
    print(f"{count} messages are in {queue}")

#!/usr/bin/python3
"""Pushes numbered messages into a queue: producer.py [QUEUE [COUNT [HOST [PORT]]]]"""

import socket
import sys

from ringpost import Connection, Refused

queue, count, host, port = (sys.argv[1:] + ["orders", "10", "127.0.0.1", "7464"][len(sys.argv) - 1 :])[:4]

with socket.create_connection((host, int(port))) as stream:
    broker = Connection(stream, client=b"producer.py")
    for number in range(int(count)):
        broker.push(queue.encode(), b"message %d" % number)  # does not wait for the one before
    try:
        broker.flush()
    except Refused as refused:
        sys.exit(f"producer.py: {refused}")
    print(f"{count} messages are in {queue}")

#!/usr/bin/python3
"""Takes messages out of a queue and prints them, until COUNT are done: consumer.py [QUEUE [COUNT [HOST [PORT]]]]"""

import socket
import sys

from ringpost import ACK, Connection, Delivery

queue, count, host, port = (sys.argv[1:] + ["orders", "10", "127.0.0.1", "7464"][len(sys.argv) - 1 :])[:4]

with socket.create_connection((host, int(port))) as stream:
    broker = Connection(stream, client=b"consumer.py")
    broker.consume(queue.encode(), consumer=1, count=int(count))
    for _ in range(int(count)):
        event = broker.receive()
        if not isinstance(event, Delivery):
            sys.exit(f"consumer.py: {event}")
        print(event.message.decode(errors="replace"), flush=True)
        broker.settle(ACK, event.consumer, event.tag)  # unless this is said, another consumer gets the message
    broker.flush()

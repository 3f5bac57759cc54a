#!/usr/bin/python3
"""Takes messages out of a queue and prints them, until COUNT are done: consumer.py [QUEUE [COUNT [ADDRESS]]]"""

import sys

from ringpost import Connection, Delivery

queue, count, address = (sys.argv[1:] + ["orders", "10", "127.0.0.1:7464"][len(sys.argv) - 1 :])[:3]

with Connection(address, client="consumer.py") as broker:
    broker.consume(queue, consumer=1, count=int(count))
    for _ in range(int(count)):
        event = broker.receive()
        if not isinstance(event, Delivery):
            sys.exit(f"consumer.py: {event}")
        print(event.message.decode(errors="replace"), flush=True)
        broker.ack(event.consumer, event.tag)  # unless this is said, another consumer gets the message
    broker.flush()

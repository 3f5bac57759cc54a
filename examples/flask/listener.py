#!/usr/bin/python3
"""Hears all that is published while it listens."""

from broker import NEWS, connect, run


def listener():
    subscription = connect().pubsub()
    subscription.subscribe(NEWS)
    for event in subscription.listen():
        if event["type"] == "subscribe":
            print(f"listening to {NEWS}", flush=True)
        else:
            print(f"heard {event['data']}", flush=True)


if __name__ == "__main__":
    run(listener)

#!/usr/bin/python3
"""Takes one job after the other off the list, the newest first, and leaves its result where the page finds it."""

import json

from broker import JOBS, RESULT_KEPT_S, connect, result_of, run


def work(message):
    return f"{message.upper()} has {len(message)} letters"


def worker():
    broker = connect()
    print(f"waiting for {JOBS}", flush=True)
    while True:
        _, element = broker.blpop(JOBS)
        order = json.loads(element)
        print(f"popped {order['message']}", flush=True)
        broker.set(result_of(order["job"]), work(order["message"]), ex=RESULT_KEPT_S)


if __name__ == "__main__":
    run(worker)

"""What the page, the worker and the listener agree on: where the broker is, and what things are called there."""

import os
import sys

import redis

ADDRESS = os.environ.get("BROKER", "redis://127.0.0.1:7464/5")  # 5 is the database
JOBS = "jobs"
NEWS = "news"
RESULT_KEPT_S = 600


def connect():
    return redis.Redis.from_url(ADDRESS, decode_responses=True)


def result_of(job):
    """The key of a job's result, which is there once the job is done."""
    return f"result:{job}"


def run(program):
    """Runs a program of the terminal until Ctrl-C, or until the broker is gone."""
    try:
        program()
    except KeyboardInterrupt:
        pass
    except redis.ConnectionError as error:
        sys.exit(f"The broker is gone: {error}")

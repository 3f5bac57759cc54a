#!/usr/bin/python3
"""redis-benchmark runs through: it ends at the first error."""

import re
import subprocess

from servers import DEADLINE_S, long_test, main, test

WORK = "ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,lrange_100,mset"
TITLES = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP"]
TITLES += ["LPUSH (needed to benchmark LRANGE)", "LRANGE_100 (first 100 elements)", "MSET (10 keys)"]


def run(server, *words, count):
    host, _, port = server.address.rpartition(":")
    command = ["redis-benchmark", "-h", host, "-p", port, "--csv", "-t", WORK, "-n", str(count), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S)
    titles = re.findall(r'^"([^"]+)","[\d.]+",', done.stdout, re.M)
    assert done.returncode == 0 and done.stderr == "" and titles == TITLES, (words, done)


def run_all(server, count):
    run(server, "-P", "1", count=count)
    run(server, "-P", "16", count=count)
    path = server.addresses[1].removeprefix("unix:")
    run(server, "-P", "4", "-3", "-s", path, "--dbnum", "7", "-r", "1000", "-d", "3000", count=count)


@test
def every_work_is_done_without_an_error(server):
    run_all(server, 2000)


@long_test
def every_work_is_done_without_an_error_for_longer(server):
    run_all(server, 30_000)


if __name__ == "__main__":
    main()

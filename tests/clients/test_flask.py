#!/usr/bin/python3
"""examples/flask: many visitors at once, and what each of them asked for is done once, heard once and shown."""

import json
import os
import re
import subprocess
import tempfile
import urllib.request
from contextlib import ExitStack

from servers import DEADLINE_S, ROOT, Process, main, start, test, wait_until

FLASK = ROOT / "examples" / "flask"
VISITORS, VISITS = 10, 5
SIEGE_SETTINGS = "verbose = false\nlogging = false\nshow-logfile = false\nparser = false\njson_output = true\n"


def run(server, name):
    """Starts a program of the example."""
    env = {**os.environ, "BROKER": f"redis://{server.address}/5", "PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    return Process(["/usr/bin/python3", FLASK / f"{name}.py"], env=env)


def address_of(page):
    """Where the page says that it is."""
    while not (found := re.search(rb"Running on (http://\S+)", page.line("stderr"))):
        pass
    return found[1].decode()


def besiege(address):
    """Every visitor comes so many times."""
    with tempfile.TemporaryDirectory() as home:
        settings = os.path.join(home, "siegerc")
        with open(settings, "w") as file:
            file.write(SIEGE_SETTINGS)
        command = ["siege", f"--rc={settings}", "-b", f"-c{VISITORS}", f"-r{VISITS}", address]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, "HOME": home}
        )
    counted = json.loads(done.stdout[done.stdout.index("{") :])
    assert counted["successful_transactions"] == VISITORS * VISITS and counted["failed_transactions"] == 0, done


def fetch(address):
    with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:
        return answer.read().decode()


@test
def all_that_visitors_push_and_publish_arrives_and_has_its_result():
    with ExitStack() as running:
        server = running.enter_context(start())
        worker, listener, page = (running.enter_context(run(server, name)) for name in ("worker", "listener", "page"))
        assert worker.line() == b"waiting for jobs\n" and listener.line() == b"listening to news\n"
        address = address_of(page)
        besiege(f"{address}/push/hello")
        besiege(f"{address}/publish/rain")
        count = VISITORS * VISITS
        assert [worker.line() for _ in range(count)] == [b"popped hello\n"] * count
        assert [listener.line() for _ in range(count)] == [b"heard rain\n"] * count
        result = "<td>hello<td>HELLO has 5 letters\n"
        wait_until(lambda: fetch(f"{address}/results").count(result) == count, "all results are shown")


if __name__ == "__main__":
    main()

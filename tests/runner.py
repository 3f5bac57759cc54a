#!/usr/bin/python3
"""Builds ringpost and runs its tests; tools/test starts it. The last line is `N passed, N failed, N skipped`.

A test is a meson test. Its suite names its kind (unit, transcript, model, sim, system, redis, tidy, fuzz-replay …); a second
suite says when it runs: `default` from the default on, `long` only with --long, none of these always.
"""

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPS = ROOT / "tests" / "skips"
MODES = ["fast", "default", "long"]
OUTPUT_LINES_MAX = 60  # of a failed test that are shown

BUILDS = {  # the options of meson, and the environment it is set up in
    "build": ({}, {}),
    "build-asan": ({"b_sanitize": "address,undefined", "verify": "true"}, {}),
    "build-fuzz": (
        {"b_sanitize": "address,undefined", "b_lundef": "false", "verify": "true", "fuzz": "true"},
        {"CC": "clang"},
    ),
}


@dataclass
class Step:
    mode: str  # the least mode that takes this step
    build: str
    only: tuple = ()  # suites, all when empty
    never: tuple = ()  # suites
    setup: str = ""  # a meson test setup
    title: str = ""


STEPS = [
    Step("fast", "build", never=("fuzz",), title="Release"),
    Step("default", "build", only=("system",), never=("no-valgrind", "long"), setup="valgrind", title="Valgrind"),
    Step("default", "build-asan", never=("tidy", "no-asan", "fuzz"), title="Address and undefined-behaviour sanitizers"),
    Step("long", "build", only=("unit",), never=("no-valgrind",), setup="memcheck", title="Valgrind on the units"),
    Step("long", "build-fuzz", only=("fuzz",), title="Fuzzing"),
]


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def fail(self, name, why):
        self.failed += 1
        self.failures.append(f"{name}: {why}")


def allowed_skips():
    """The names in tests/skips: a line each, `name: reason`."""
    names = set()
    for line in SKIPS.read_text().splitlines() if SKIPS.exists() else []:
        name, colon, reason = line.partition(":")
        if colon and reason.strip() and not line.startswith("#"):
            names.add(name.strip())
    return names


def say(text=""):
    print(text, flush=True)


def tail(text):
    lines = text.rstrip().splitlines()
    cut = [f"… {len(lines) - OUTPUT_LINES_MAX} lines before"] if len(lines) > OUTPUT_LINES_MAX else []
    return "\n".join("    | " + line for line in cut + lines[-OUTPUT_LINES_MAX:])


def run_quietly(command, env=None):
    """Runs a command whose output matters only when it fails; returns that output then, else None."""
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return None if done.returncode == 0 else done.stdout.decode(errors="replace")


def build(name):
    """Configures a build folder, if need be, and compiles it. Returns an error text, or None."""
    options, extra = BUILDS[name]
    options, env = {"tests": "true", **options}, {**os.environ, **extra}
    command = ["meson", "setup"]
    if (ROOT / name / "build.ninja").exists():
        listed = json.loads((ROOT / name / "meson-info" / "intro-buildoptions.json").read_text())
        known = {option["name"]: str(option["value"]).lower() for option in listed}
        command = ["meson", "configure"] if any(known.get(key) != options[key] for key in options) else None
    if command:
        error = run_quietly([*command, name, *(f"-D{key}={value}" for key, value in options.items())], env)
        if error:
            return error
    return run_quietly(["ninja", "-C", name], env) or name_twice(name)


def name_twice(build):
    """Tests are chosen by name, so a name that two have is an error."""
    names = [test["name"] for test in json.loads((ROOT / build / "meson-info" / "intro-tests.json").read_text())]
    twice = sorted({name for name in names if names.count(name) > 1})
    return f"tests of the same name: {', '.join(twice)}" if twice else None


def runs_in(mode, suites):
    return all(MODES.index(suite) <= MODES.index(mode) for suite in suites if suite in MODES)


def select(step, mode, pattern):
    """The names of the tests that a step runs."""
    listed = json.loads((ROOT / step.build / "meson-info" / "intro-tests.json").read_text())
    names = []
    for test in listed:
        suites = {suite.partition(":")[2] for suite in test["suite"]}
        if step.only and not suites & set(step.only):
            continue
        if suites & set(step.never) or not runs_in(mode, suites):
            continue
        if not pattern or fnmatch.fnmatch(test["name"], pattern) or pattern in test["name"]:
            names.append(test["name"])
    return names


def run_tests(step, mode, names):
    """Runs tests by name, shows each as it ends, and returns meson's records of them."""
    logs = ROOT / step.build / "meson-logs"
    base = "runner"
    for old in logs.glob(base + "*"):
        old.unlink()
    command = ["meson", "test", "-C", step.build, "--no-rebuild", "--logbase", base]
    if step.setup:
        command += ["--setup", step.setup]
    env = {
        "ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1:detect_leaks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "RINGPOST_BUILD": str(ROOT / step.build),
        "RINGPOST_LONG": "1" if mode == "long" else "0",
    }
    meson = subprocess.Popen(
        command + names,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said = []
    for line in meson.stdout:
        said.append(line)
        ended = re.match(r"\s*\d+/\d+ (?:ringpost:)?(.*?)\s+([A-Z]+)\s+([\d.]+)s", line)
        if ended:
            say(f"  {ended[2]:<8}{ended[1]:<60}{float(ended[3]):>8.2f} s")
    meson.wait()

    records = []
    for log in logs.glob(base + "*.json"):
        for line in log.read_text().splitlines():
            records.append(json.loads(line))
    return records, "".join(said)


def count(tally, step, names, records, said, skips):
    """Adds the step's results to the tally; a test without a result has failed."""
    results = [(r["name"].removeprefix("ringpost:"), r) for r in records]
    for name, record in results:
        result = record["result"]
        bare = name.rpartition(" / ")[2].strip()
        output = (record.get("stdout") or "") + (record.get("stderr") or "")
        if result in ("OK", "EXPECTEDFAIL"):
            tally.passed += 1
        elif result == "SKIP":
            reason = output.strip().splitlines()[-1:] or ["no reason given"]
            if os.environ.get("CI") and bare not in skips:
                tally.fail(f"{step.build}: {name}", f"skipped, and not listed in tests/skips: {reason[0]}")
            else:
                tally.skipped += 1
                say(f"  skipped {name}: {reason[0]}")
        else:
            tally.fail(f"{step.build}: {name}", f"{result.lower()} (exit code {record['returncode']})")
            say(f"\n  {name}: {result.lower()}, exit code {record['returncode']}\n{tail(output)}\n")
    if len(results) < len(names):
        tally.fail(step.build, f"{len(names) - len(results)} tests gave no result")
        tally.failed += len(names) - len(results) - 1
        say(tail(said))


def main():
    parser = argparse.ArgumentParser(prog="tools/test", description="Builds ringpost and runs its tests.")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--fast", action="store_true", help="what takes less than a minute")
    length.add_argument("--long", action="store_true", help="everything, however long it takes")
    parser.add_argument("--filter", metavar="PATTERN", help="only tests whose name matches, or contains, PATTERN")
    arguments = parser.parse_args()
    mode = "fast" if arguments.fast else "long" if arguments.long else "default"

    tally, skips, start, errors = Tally(), allowed_skips(), time.monotonic(), {}
    for step in STEPS:
        if MODES.index(step.mode) > MODES.index(mode):
            continue
        if step.build not in errors:
            say(f"Building {step.build}")
            errors[step.build] = build(step.build)
            if errors[step.build]:
                say(tail(errors[step.build]))
                tally.fail(step.build, "did not build")
        if errors[step.build]:
            continue
        names = select(step, mode, arguments.filter)
        if names:
            say(f"{step.title}: {len(names)} tests in {step.build}")
            count(tally, step, names, *run_tests(step, mode, names), skips)

    say(f"\n{time.monotonic() - start:.0f} s")
    for failure in tally.failures:
        say(f"FAILED {failure}")
    if tally.passed + tally.failed + tally.skipped == 0:
        tally.fail("tests", "none was run")
        say("FAILED no test was run")
    say(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())

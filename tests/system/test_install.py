#!/usr/bin/python3
"""What `meson install` puts where: examples/c are built with it outside the tree, and talk to a broker."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from environment import BUILD, DEADLINE_S, ROOT, unique, wait_until
from harness import main, test

STRICT = "-Wall -Wextra -Wpedantic -Werror".split()
folder = Path(tempfile.mkdtemp(prefix="ringpost-install-"))


def run(*command, code=0, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, **options)
    assert done.returncode == code, (command, done.returncode, done.stdout, done.stderr)
    return done


@cache
def installed():
    """Installs into a folder; returns what stands for / there."""
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder / "root")
    return folder / "root"


def package_file():
    (found,) = installed().rglob("ringpost.pc")
    return found


def pkg_config(*questions):
    """Asks as on a machine where the prefix is /."""
    prefix = re.search(r"^prefix=(.*)$", package_file().read_text(), re.M)[1]
    moved = f"--define-variable=prefix={installed()}{prefix}"
    env = {**os.environ, "PKG_CONFIG_PATH": str(package_file().parent)}
    return shlex.split(run("pkg-config", moved, *questions, "ringpost", env=env).stdout)


def library_folder():
    return Path(*pkg_config("--variable=libdir"))


@cache
def build(name, is_static):
    """Builds an example away from the tree, as its first comment says; returns the program."""
    place = folder / f"{name}-{'static' if is_static else 'shared'}"
    place.mkdir()
    shutil.copy(ROOT / "examples" / "c" / f"{name}.c", place)
    library = [library_folder() / "libringpost.a"] if is_static else pkg_config("--libs")
    run("cc", "-std=c11", *STRICT, f"{name}.c", *pkg_config("--cflags"), *library, "-o", name, cwd=place)
    return place / name


def start(name, is_static, address, *arguments):
    program = build(name, is_static)
    env = {**os.environ, "RINGPOST_SERVER": address, "LD_LIBRARY_PATH": str(library_folder())}
    return subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def see_end(process, code=0):
    out, error = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, (process.returncode, out, error)
    return out, error


def exported(library, *flags):
    """The names that a library shows, without those of versions."""
    lines = run("nm", *flags, "--defined-only", library).stdout.splitlines()
    return {words[2].partition("@")[0] for line in lines if len(words := line.split()) == 3 and words[1] != "A"}


def declared():
    """The functions that the header declares."""
    text = (ROOT / "include" / "ringpost.h").read_text()
    return set(re.findall(r"^RINGPOST_API [^;]*?\b(ringpost_\w+)\(", text, re.M))


@test
def programs_header_libraries_and_package_file_are_installed():
    names = {path.name for path in installed().rglob("*") if path.is_file()}
    expected = {"ringpost", "ringpostd", "ringpost.h", "ringpost.pc"}
    expected |= {"libringpost.a", "libringpost.so", "libringpost.so.0"}
    expected |= {"ringpost.1", "ringpostd.8", "ringpost.conf.5", "ringpost-protocol.7", "_ringpost"}
    assert expected <= names, names
    assert {path.name for path in installed().rglob("*.h")} == {"ringpost.h"}
    version = (ROOT / "meson.build").read_text().partition("version: '")[2].partition("'")[0]
    assert pkg_config("--modversion") == [version]
    others = {path.name for path in (ROOT / "docs" / "man").iterdir()} | {f"libringpost.so.{version}", "ringpost-bench"}
    assert names - expected <= others, names


@test
def manual_pages_say_all_that_the_protocol_says_and_troff_has_no_complaint():
    (page,) = installed().rglob("ringpost-protocol.7")
    words = set(re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs" / "PROTOCOL.md").read_text()))
    text = page.read_text().replace("\\-", "-")
    assert not {word for word in words if word not in text}
    for page in [*installed().rglob("man?/*")] if shutil.which("groff") else []:
        assert run("groff", "-man", "-Tutf8", "-ww", "-z", page).stderr == "", page


@test
def the_installed_programs_run():
    version = pkg_config("--modversion")[0]
    for name in ("ringpost", "ringpostd"):
        (program,) = installed().rglob(f"bin/{name}")
        assert run(program, "--version").stdout == f"{name} {version}\n"


@test
def both_libraries_show_the_calls_of_the_header_and_nothing_else():
    assert len(declared()) > 40
    assert exported(library_folder() / "libringpost.so", "-D") == declared()
    assert exported(library_folder() / "libringpost.a", "--extern-only") == declared()


@test
def the_shared_library_needs_libc_alone():
    needed = run("readelf", "-d", library_folder() / "libringpost.so").stdout
    assert re.findall(r"NEEDED.*\[(.*?)\]", needed) == ["libc.so.6"], needed
    assert "[libringpost.so.0]" in needed, "its SONAME"


@test
def the_header_compiles_alone():
    compilers = [("cc", "-std=c11", "-xc"), ("cc", "-std=gnu17", "-xc")]
    compilers += [("g++", f"-std=c++{year}", "-xc++") for year in (11, 17, 20) if shutil.which("g++")]
    (header,) = installed().rglob("ringpost.h")
    for compiler in compilers:
        run(*compiler, *STRICT, "-fsyntax-only", "-include", header, "/dev/null")


def talk(broker, is_static):
    queue = unique().decode()
    done = see_end(start("producer", is_static, broker.address, queue, "1000"))
    assert done == (f"1000 messages are in {queue}\n", "")
    expected = "".join(f"message {number}\n" for number in range(1000))
    assert see_end(start("consumer", is_static, broker.address, queue, "1000")) == (expected, "")
    c = broker.connect()
    wait_until(lambda: not c.has_queue(queue.encode()), "all were taken")


@test
def producer_and_consumer_talk_with_the_shared_library(broker):
    talk(broker, is_static=False)


@test
def producer_and_consumer_talk_with_the_static_library(broker):
    talk(broker, is_static=True)


@test
def the_producer_says_which_messages_were_refused(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue, max_messages=3)
    out, error = see_end(start("producer", False, broker.address, queue.decode(), "5"), code=1)
    assert out == ""
    assert "refused: 2 messages from number 4 on\n" in error and "push: " in error, error


@test
def a_consumer_that_dies_loses_nothing(broker):
    queue, c = unique(), broker.connect()
    c.declare(queue)
    for number in range(3):
        c.push(queue, b"message %d" % number)
    c.flush()
    consumer = start("consumer", False, broker.address, queue.decode(), "100")
    assert [consumer.stdout.readline() for _ in range(3)] == [f"message {number}\n" for number in range(3)]
    c.push(queue, b"one more")
    assert consumer.stdout.readline() == "one more\n"
    consumer.kill()
    consumer.communicate()
    fields = wait_until(lambda: (f := c.info(queue))["consumers"] == 0 and f, "the consumer is gone")
    assert fields["ready"] + fields["acknowledged"] == 4, fields


@test
def a_consumer_ends_when_its_queue_is_deleted(broker):
    queue, c = unique(), broker.connect()
    consumer = start("consumer", False, broker.address, queue.decode(), "1")
    wait_until(lambda: any(fields["name"] == queue and fields["consumers"] for fields in c.list_all()), "it consumes")
    c.delete(queue)
    out, error = see_end(consumer, code=1)
    assert out == "" and error.startswith("consumer: consume: "), error


@test
def nobody_there_is_told():
    for name in ("producer", "consumer"):
        out, error = see_end(start(name, False, "127.0.0.1:1"), code=1)
        assert out == "" and "Connection refused" in error, error


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(folder)

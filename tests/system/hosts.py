"""Hosts of the tests' own, in network namespaces: one where the broker is, one far away, and the road between them."""

import ctypes
import os
import subprocess
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000
HERE, FAR = "10.77.1.1", "10.77.2.1"

_libc = ctypes.CDLL(None, use_errno=True)


class NoHosts(Exception):
    """None can be made here; says why."""


class Hosts:
    def __init__(self):
        self.here, self.road, self.far = (f"ringpost-{os.getpid()}-{name}" for name in ("here", "road", "far"))
        for name in (self.here, self.road, self.far):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for name, link, address in ((self.here, "near", HERE), (self.far, "away", FAR)):
            ip("-n", name, "link", "add", link, "type", "veth", "peer", "name", link, "netns", self.road)
            gateway = address.rpartition(".")[0] + ".2"
            for end, number in ((name, address), (self.road, gateway)):
                ip("-n", end, "address", "add", f"{number}/24", "dev", link)
                ip("-n", end, "link", "set", link, "up")
            ip("-n", name, "route", "add", "default", "via", gateway)
        self.open_road()

    def open_road(self, is_open=True):
        with inside(self.road), open("/proc/sys/net/ipv4/ip_forward", "w") as file:
            file.write(str(int(is_open)))

    def close_road(self):
        """What is sent is swallowed from now on, without a word to either side."""
        self.open_road(False)

    def remove(self):
        for name in (self.here, self.road, self.far):
            subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)


def ip(*words):
    try:
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
    except OSError as error:
        raise NoHosts(f"ip: {error}") from error
    except subprocess.CalledProcessError as error:
        raise NoHosts(f"ip {' '.join(words)}: {error.stderr.strip()}") from error


def at(host):
    """What a command that is to run at a host is put behind."""
    return ["ip", "netns", "exec", host]


@contextmanager
def inside(host):
    """Sockets that this thread makes in the block are at the host, and stay there."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{host}") as there:
        enter(there)
        try:
            yield
        finally:
            enter(home)


def enter(namespace):
    if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise NoHosts(f"setns: {os.strerror(number)}")


@contextmanager
def hosts():
    made = Hosts.__new__(Hosts)
    try:
        made.__init__()
        yield made
    finally:
        made.remove()

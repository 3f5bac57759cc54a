#!/usr/bin/python3
"""Where ringpost differs from Redis, as docs/REDIS.md lists it, and what Redis 7.0 has not yet."""

import re

from resp import parse
from servers import Ringpost, main, test
from talk import Talk

NAME_MAX = 1024
FRAME_MAX = 4096

# A command for each way in which a name is used, with %s for it.
NAMED = """
LPUSH %s x
LPUSHX %s x
LPOP %s
LRANGE %s 0 -1
LLEN %s
LINSERT %s BEFORE a b
LMOVE %s other LEFT RIGHT
LMOVE other %s LEFT RIGHT
RPOPLPUSH other %s
LMPOP 1 %s LEFT
BLPOP %s 0.01
BRPOP other %s 0
BLMOVE other %s LEFT LEFT 0
BLMPOP 0 2 other %s LEFT
SET %s x
GET %s
MGET other %s
MSET other x %s x
INCR %s
APPEND %s x
DEL other %s
EXISTS %s
TYPE %s
RENAME other %s
EXPIRE %s 100
TTL %s
OBJECT ENCODING %s
WATCH %s
PUBLISH %s x
SPUBLISH %s x
SUBSCRIBE %s
PSUBSCRIBE %s
SSUBSCRIBE %s
""".split("\n")[1:-1]


def talk(server):
    return Talk(server.connect())


def with_name(line, name):
    return [name if word == "%s" else word for word in line.split()]


@test
def names_of_1_to_1024_bytes_are_taken_and_no_others(server):
    for line in NAMED:
        with talk(server) as client:
            client.ask("RPUSH", "other", "a", "b")
            for name, said in ("", "empty"), ("n" * (NAME_MAX + 1), "1024"):
                text = client.refused(*with_name(line, name))
                assert re.match(rf"ERR .*{said}", text), f"{line} of {len(name)} bytes: {text}"
        with talk(server) as client:
            reply = client.ask(*with_name(line, "n" * NAME_MAX))
            assert not reply.startswith(b"-") or b"no such key" in reply, f"{line}: {reply}"
            client.ask("FLUSHALL")


@test
def messages_over_the_frame_limit_are_refused_and_the_rest_goes_on():
    with Ringpost("--frame-max", str(FRAME_MAX)) as server, talk(server) as client:
        for command in ("RPUSH", "q"), ("LPUSH", "q"), ("PUBLISH", "channel"), ("RPUSHX", "there"):
            client.ask("RPUSH", "there", "x")
            text = client.refused(*command, "x" * FRAME_MAX)
            assert re.match(r"ERR .*frame", text), text
        assert client.ask("LLEN", "q") == b":0\r\n"
        assert client.ask("PING") == b"+PONG\r\n"


@test
def setinfo_keeps_what_a_library_says_of_itself(server):
    with talk(server) as client:
        assert client.ask("CLIENT", "SETINFO", "LIB-NAME", "redis-py(x)") == b"+OK\r\n"
        assert client.ask("CLIENT", "setinfo", "lib-ver", "8.0") == b"+OK\r\n"
        said = client.content("CLIENT", "INFO").decode()
        assert " lib-name=redis-py(x) " in said and re.search(r" lib-ver=8\.0\s", said), said
        assert client.ask("CLIENT", "SETINFO", "LIB-NAME", "") == b"+OK\r\n"
        for option in "lib-name", "lib-ver":
            for value in "a b", "a\nb", "\x7f", "é":
                text = client.refused("CLIENT", "SETINFO", option, value)
                assert text == f"ERR {option} cannot contain spaces, newlines or special characters.", text
        assert client.refused("CLIENT", "SETINFO", "LIB-AGE", "1") == "ERR Unrecognized option 'LIB-AGE'"
        for words in ["LIB-NAME"], [], ["LIB-NAME", "a", "b"]:
            text = client.refused("CLIENT", "SETINFO", *words)
            assert text == "ERR wrong number of arguments for 'client|setinfo' command", text


@test
def no_touch_is_taken_and_means_nothing(server):
    with talk(server) as client:
        assert client.ask("CLIENT", "NO-TOUCH", "ON") == b"+OK\r\n"
        assert client.ask("CLIENT", "no-touch", "off") == b"+OK\r\n"
        assert client.refused("CLIENT", "NO-TOUCH", "maybe") == "ERR syntax error"
        text = client.refused("CLIENT", "NO-TOUCH")
        assert text == "ERR wrong number of arguments for 'client|no-touch' command", text


@test
def hello_and_info_say_what_clients_ask_for(server):
    with talk(server) as client:
        reply = parse(client.ask("HELLO", "3")).content
        said = {key.content: value.content for key, value in zip(reply[::2], reply[1::2])}
        assert said[b"server"] == b"ringpost" and said[b"proto"] == b"3", said
        info = client.content("INFO").decode()
        for line in "redis_version:7.2.0", "server:ringpost", "loading:0", "maxmemory_policy:noeviction":
            assert f"\n{line}\r\n" in info, f"INFO does not say {line}"


@test
def scripts_and_data_structures_are_unknown(server):
    with talk(server) as client:
        for words in ("EVAL", "return 1", "0"), ("SADD", "s", "a"), ("HSET", "h", "f", "v"), ("ZADD", "z", "1", "a"):
            arguments = " ".join(f"'{word}'" for word in words[1:])
            text = client.refused(*words)
            assert text == f"ERR unknown command '{words[0]}', with args beginning with: {arguments} ", text


if __name__ == "__main__":
    main(Ringpost)

"""The commands that are compared: how each is written, how often it is sent, and what its replies may differ in."""

from collections import namedtuple

from grammar import compile_form

# How replies may differ, see alike.py; those of a command that is not told about here may not.
TYPE, COUNT, UNORDERED, NEAR = "type", "count", "unordered", "near"
HELLO, ACKS, INFOS = "hello", "acks", "infos"

CALLS_MIN = 20  # of each command in a sequence

Form = namedtuple("Form", "name text expand kind is_frail")

# A ~ says that a word replaced by another could make it depend on the clock, or end the test.
FORMS = """
LPUSH list value+
RPUSH list value+
LPUSHX list value+
RPUSHX list value+
LPOP list [count]
RPOP list [count]
LLEN list
LRANGE list index index
LINDEX list index
LSET list index value
LINSERT list (BEFORE | AFTER) value value
LREM list index value
LTRIM list edge edge
LPOS list value [RANK index] [COUNT count] [MAXLEN count]
LMOVE list list side side
RPOPLPUSH list list
LMPOP lists side [COUNT count]

BLPOP list+ timeout ~
BRPOP list+ timeout ~
BLMOVE list list side side timeout ~
BRPOPLPUSH list list timeout ~
BLMPOP timeout lists side [COUNT count] ~

SUBSCRIBE channel+
PSUBSCRIBE glob+
SSUBSCRIBE channel+
UNSUBSCRIBE channel+
UNSUBSCRIBE : acks
PUNSUBSCRIBE glob+
PUNSUBSCRIBE : acks
SUNSUBSCRIBE channel+
SUNSUBSCRIBE : acks
PUBLISH channel value
SPUBLISH channel value
PUBSUB CHANNELS [glob] : unordered
PUBSUB SHARDCHANNELS [glob] : unordered
PUBSUB NUMSUB
PUBSUB NUMSUB channel+
PUBSUB SHARDNUMSUB channel+
PUBSUB NUMPAT
PUBSUB made-up

MULTI
EXEC
DISCARD
WATCH key+
UNWATCH

SET string value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT moment | PXAT moment-ms | KEEPTTL] ~
GET string
MGET key+
MSET (string value)+
GETDEL string
INCR string
INCRBY string increment
DECR string
DECRBY string increment
GETSET string value
APPEND string value
STRLEN string
SETEX string seconds value ~
PSETEX string milliseconds value ~
SETNX string value

EXISTS key+
DEL key+
UNLINK key+
TYPE key
KEYS glob : unordered
RENAME key key
EXPIRE key seconds [NX | XX | GT | LT | XX GT | made-up] ~
PEXPIRE key milliseconds [NX | XX | GT | LT | NX LT] ~
EXPIREAT key moment [NX | XX | GT | LT | made-up] ~
PEXPIREAT key moment-ms [NX | XX | GT | LT | GT LT] ~
TTL key : near
PTTL key : near
PERSIST key
DBSIZE
FLUSHDB [ASYNC | SYNC | made-up]
FLUSHALL [ASYNC | SYNC | made-up]
OBJECT ENCODING key
OBJECT made-up key

HELLO [protocol [AUTH user secret | SETNAME name | made-up]] : hello
AUTH secret
AUTH user secret
PING [value]
ECHO value
SELECT database
TIME : type
CLIENT ID : type
CLIENT GETNAME
CLIENT SETNAME name
CLIENT LIST [TYPE (NORMAL | PUBSUB | made-up)] : type
CLIENT LIST ID stranger : type
CLIENT INFO : type
CLIENT NO-EVICT (ON | OFF | made-up)
CLIENT KILL ID victim [SKIPME (YES | NO | made-up)] ~
CLIENT KILL stranger-address ~
CLIENT KILL (ADDR | LADDR) stranger-address ~
CLIENT KILL TYPE (PUBSUB | made-up) ~
CLIENT KILL USER made-up ~
CLIENT made-up ~
COMMAND COUNT : type
COMMAND LIST : type
COMMAND GETKEYS (GET string | LPUSH list value+ | MSET (string value)+ | RENAME key key) ~
COMMAND INFO command+ : infos
COMMAND DOCS command : count
COMMAND made-up ~
INFO [section+] : type
CONFIG GET setting : type
CONFIG GET made-up ~
CONFIG SET made-up value ~
CONFIG RESETSTAT
CONFIG REWRITE
CONFIG SET (MAXMEMORY memory-size | TIMEOUT 0 | APPENDONLY NO) ~
CONFIG made-up ~
FUNCTION FLUSH [ASYNC | SYNC | made-up]
SLOWLOG GET [few] : type
SLOWLOG LEN : type
SLOWLOG RESET
SLOWLOG made-up ~
DEBUG SLEEP 0 ~
made-up value+
"""

# Sent more often than CALLS_MIN, since they fill what others look at, or have many forms.
CALLS = {
    "LPUSH": 60,
    "RPUSH": 60,
    "SET": 50,
    "PUBLISH": 50,
    "SUBSCRIBE": 40,
    "PSUBSCRIBE": 40,
    "SSUBSCRIBE": 30,
    "PUBSUB": 60,
    "CLIENT": 70,
    "COMMAND": 30,
    "CONFIG": 30,
    "HELLO": 30,
}


def _compile(line):
    text, _, kind = (part.strip() for part in line.partition(" : "))
    text, tilde, _ = text.partition(" ~")
    return Form(text.split()[0], text, compile_form(text), kind or None, bool(tilde))


_forms = [_compile(line) for line in FORMS.splitlines() if line]


def forms_by_name():
    """Lists of forms by the command's name; `made-up` for those that nobody knows."""
    found = {}
    for form in _forms:
        found.setdefault(form.name, []).append(form)
    return found

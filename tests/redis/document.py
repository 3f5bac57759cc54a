#!/usr/bin/python3
"""Checks that docs/REDIS.md tells every command of the table, as a run of the comparison found it; --write writes it.

    document.py [--write]

What stands between the two marks of the page is made here: of the table, what it says; of the comparison, how each
command is written, that both servers replied the same to it whenever it was sent, and in what that may differ.
"""

import re
import subprocess
import sys
from collections import Counter, namedtuple
from itertools import groupby

from compare import first_difference
from forms import ACKS, COUNT, FORMS, HELLO, INFOS, NEAR, TYPE, UNORDERED, forms_by_name
from generate import generate
from play import Player
from servers import Redis, Ringpost
from steps import Scan

from environment import BUILD, ROOT

PAGE = ROOT / "docs" / "REDIS.md"
MARKS = "<!-- commands -->\n", "<!-- commands end -->\n"
SEEDS = range(10)

# What is not compared of a reply that may differ.
MAY_DIFFER = {
    TYPE: "what the reply says",
    COUNT: "what the reply says",
    INFOS: "what the reply says",
    UNORDERED: "the order",
    ACKS: "the order",
    NEAR: "some milliseconds",
    HELLO: "`server`, `version`, `id`",
}

# What people call the words of the comparison's vocabulary.
READABLE = {
    "stranger-address": "address",
    "stranger": "id",
    "victim": "id",
    "moment-ms": "unix-milliseconds",
    "moment": "unix-seconds",
    "few": "count",
    "(PUBSUB)": "PUBSUB",
    "SLEEP 0": "SLEEP seconds",
    "lists": "numkeys list+",
    "side": "(LEFT | RIGHT)",
}

# Commands that the comparison sends without a form of their own, or with words that nobody knows, or that Redis 7.0
# does not have.
OTHER_FORMS = {
    "CONFIG GET": ["CONFIG GET glob+"],
    "CONFIG SET": ["CONFIG SET (setting value)+"],
    "SCAN": ["SCAN cursor [MATCH glob] [COUNT count] [TYPE type]"],
    "QUIT": ["QUIT"],
    "RESET": ["RESET"],
    "MULTI": ["MULTI"],
    "CLIENT SETINFO": ["CLIENT SETINFO (LIB-NAME | LIB-VER) value"],
    "CLIENT NO-TOUCH": ["CLIENT NO-TOUCH (ON | OFF)"],
}
NOT_IN_REDIS = {"CLIENT SETINFO", "CLIENT NO-TOUCH"}
BEYOND = "RP."

Row = namedtuple("Row", "group name summary differs")


def rows():
    """The table's."""
    lines = subprocess.run([BUILD / "tests/redis/print_table"], check=True, capture_output=True, text=True).stdout
    for line in lines.splitlines():
        group, name, summary, differs = line.split("\t")
        yield Row(group, name.upper(), summary, differs)


def compared():
    """Plays sequences on both servers. Returns how often each command, and subcommand, was sent."""
    calls = Counter()
    with Redis() as redis, Ringpost() as ringpost:
        with Player(redis.connect) as leader, Player(ringpost.connect) as follower:
            for seed in SEEDS:
                steps = generate(seed)
                difference = first_difference(steps, leader, follower)
                assert not difference, f"seed {seed}: {difference.step}: {difference.what}"
                count(steps, calls)
    return calls


def count(steps, calls):
    for step in steps:
        calls["SCAN"] += isinstance(step, Scan)
        for words in step.commands:
            words = [word.decode("latin1").upper() for word in words[:2] if isinstance(word, bytes)]
            calls.update({words[0], " ".join(words)} if words else ())


def forms_of(name):
    """How a command is written, and what of its replies may differ."""
    command = name.partition(" ")[0]
    own = [form for form in forms_by_name().get(command, []) if f"{form.text} ".startswith(f"{name} ")]
    texts = [re.sub(r" \| (XX GT|NX LT)?( \| )?made-up|made-up| \| made-up", "", form.text).strip() for form in own]
    for word, readable in READABLE.items():
        texts = [text.replace(word, readable) for text in texts]
    texts = [text.replace("[]", "").replace("()", "").strip() for text in texts]
    kinds = sorted({MAY_DIFFER[form.kind] for form in own if form.kind})
    return OTHER_FORMS.get(name) or list(dict.fromkeys(texts)), kinds


def cell(text):
    return text.replace("|", "\\|")


def line(row, calls):
    forms, kinds = forms_of(row.name)
    differs = [row.differs] if row.differs else []
    if row.name.startswith(BEYOND):
        checked = "tests of its own"
    elif row.name in NOT_IN_REDIS:
        checked = "its documentation, since Redis 7.0 lacks it"
    else:
        checked = f"the same, but for {' and '.join(kinds)}" if kinds else "the same"
        assert calls[row.name], f"{row.name} is in the table, but is not compared"
    written = "<br>".join(f"`{cell(form)}`" for form in forms) or f"`{row.name}`"
    return f"| {written} | {cell(row.summary)} | {cell(' '.join(differs)) or '–'} | {checked} |"


def tables(calls):
    for group, group_rows in groupby(rows(), lambda row: row.group):
        yield f"### {group}\n"
        yield "| command | what it does | differs from Redis | compared |\n|---|---|---|---|"
        group_rows = list(group_rows)
        containers = {row.name.partition(" ")[0] for row in group_rows if " " in row.name}
        for row in group_rows:
            if row.name not in containers and not row.name.endswith(" HELP"):
                yield line(row, calls)
        yield ""


def main():
    page = PAGE.read_text()
    before, mark, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    assert mark and end, f"{PAGE} lacks its marks"
    told = before + mark + "\n" + "\n".join(tables(compared())) + end + after
    if "--write" in sys.argv:
        PAGE.write_text(told)
        return 0
    if told != page:
        print(f"docs/REDIS.md is not what {sys.argv[0]} --write makes", file=sys.stderr)
        return 1
    print("docs/REDIS.md tells the table as it is")
    return 0


if __name__ == "__main__":
    sys.exit(main())

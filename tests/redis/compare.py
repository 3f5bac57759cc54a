"""Plays one sequence on two servers, finds the first difference, and makes the sequence as short as still shows it."""

from collections import namedtuple
from dataclasses import replace

from alike import first_unlike
from resp import split
from steps import Send

REPLIES_SHOWN_MAX, REPLY_SHOWN_MAX = 12, 300
MINIMISE_PATIENCE_S = 0.05
MINIMISE_PLAYS_MAX = 600

# `sign` is what differences that have the same cause have in common, as a rule.
Difference = namedtuple("Difference", "index step what sign")


def first_difference(steps, leader, follower):
    """Plays steps on both until something differs; None when nothing does."""
    leader.clear()
    follower.clear()
    for index, step in enumerate(steps):
        theirs = leader.lead(step)
        ours = follower.follow(step, theirs)
        difference = _difference(index, step, theirs, ours)
        if difference:
            return difference
    return None


def _difference(index, step, theirs, ours):
    if theirs == ours:
        return None
    for who in sorted(theirs.said.keys() | ours.said.keys()):
        pair = theirs.said.get(who, b""), ours.said.get(who, b"")
        same = first_unlike(step.kinds if who == step.who else [], *pair)
        if same is not None:
            left, right = (split(data)[same:] for data in pair)
            sign = who, _beginning(left), _beginning(right)
            what = f"connection {who} heard\n  after {same} that are the same\n{_beside(left, right)}"
            return Difference(index, step, what, sign)
    if theirs.ended != ours.ended:
        what = f"ended are the connections {sorted(theirs.ended)}, but here {sorted(ours.ended)}"
    elif theirs.waits != ours.waits:
        what = f"connection {step.who} {'waits, but not here' if theirs.waits else 'does not wait, but here it does'}"
    else:
        return None
    return Difference(index, step, what, what)


def _beginning(replies):
    """What says how replies begin: an error's words, or what kind the reply is of."""
    if not replies:
        return b""
    return replies[0][:20] if replies[0].startswith(b"-") else replies[0][:1]


def _beside(theirs, ours):
    return "".join(
        f"  {name:<9}{_show(reply)}\n"
        for name, replies in (("expected", theirs), ("found", ours))
        for reply in replies[:REPLIES_SHOWN_MAX] or [b"(nothing)"]
    )


def _show(reply):
    text = repr(reply)[2:-1]
    return text if len(text) <= REPLY_SHOWN_MAX else f"{text[:REPLY_SHOWN_MAX]}… ({len(reply)} bytes)"


def minimise(steps, sign, leader, follower):
    """The fewest steps, of the fewest commands, that still show a difference of that sign; and that difference."""
    patience_s, leader.patience_s, follower.patience_s = follower.patience_s, MINIMISE_PATIENCE_S, MINIMISE_PATIENCE_S
    plays = 0

    def differs(candidate):
        nonlocal plays
        plays += 1
        if plays > MINIMISE_PLAYS_MAX:
            return False
        difference = first_difference(candidate, leader, follower)
        return difference is not None and difference.sign == sign

    def shrink(candidate):
        return _shrunk(_shrunk(candidate, differs), differs)

    least = _joined(shrink(_single(steps)), differs) if differs(_single(steps)) else shrink(steps)
    again = first_difference(least, leader, follower)
    leader.patience_s = follower.patience_s = patience_s
    return least, again


def _single(steps):
    """The same with a step for each command."""
    single = []
    for step in steps:
        if isinstance(step, Send) and len(step.commands) > 1:
            kinds = [[kind] if kind else [] for kind in step.kinds] + [[]] * (len(step.commands) - len(step.kinds))
            single += [replace(step, commands=[words], kinds=own, cut=0) for words, own in zip(step.commands, kinds)]
        else:
            single.append(step)
    return single


def _joined(steps, differs):
    """Inline and cut where that matters alone."""
    for index, step in enumerate(steps):
        if isinstance(step, Send) and (step.is_inline or step.cut):
            plain = [*steps[:index], replace(step, is_inline=False, cut=0), *steps[index + 1 :]]
            steps = plain if differs(plain) else steps
    return steps


def _shrunk(steps, differs):
    """Without any run of steps that can be left out, ever shorter runs."""
    size = len(steps) // 2
    while size:
        at = len(steps)
        while at > 0:
            at = max(at - size, 0)
            shorter = steps[:at] + steps[at + size :]
            if differs(shorter):
                steps = shorter
        size //= 2
    return steps

"""Sequences of commands from a seed.

Connections have roles, so that it is known whether one may be waiting: workers never block but for moments, blockers
do, subscribers subscribe. A deck holds each command as often as it is to be called; what can be anywhere is dealt in
pipelines and transactions, the rest in its own ways. Where replies do not come one for a command, in their order, all
are exact.
"""

import random
from collections import namedtuple

from forms import ACKS, CALLS, CALLS_MIN, HELLO, forms_by_name
from steps import Id, Open, Rescue, Scan, Send
from words import LISTS, ODD_WORDS, TIMEOUTS_BAD, TIMEOUTS_LONG, TIMEOUTS_SHORT, Vocabulary

WORKERS, BLOCKERS, SUBSCRIBERS = [0, 1, 2], [3, 4, 5], [6, 7]
EVERYONE = WORKERS + BLOCKERS + SUBSCRIBERS

PIPELINE_MAX, QUEUE_MAX = 14, 6
STRANGER_PIPELINE_MAX = 3  # what Redis says to one that has not given the password may be of a KiB at once
NAME_SIZE_MAX = 1024

FORMS = forms_by_name()
BLOCKING = {"BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP"}
SUBSCRIBING = {name for name in FORMS if name.endswith("SUBSCRIBE")}
PUBLISHING = {"PUBLISH", "SPUBLISH"}
NOT_PLAIN = BLOCKING | SUBSCRIBING | {"CLIENT", "EXEC", "DISCARD"}
NOT_SHORTER = {"COMMAND", "DEBUG"}  # alone they say very much, or something else than how many words they want

TRANSACTIONS = 45
RARE = {"EXEC": 6}  # transactions hold most of them

Command = namedtuple("Command", "words kind", defaults=[None])


def just(*words):
    return Command(list(words))


def is_subscribing(command):
    return command.words[0].upper().endswith(b"SUBSCRIBE")


class Sequence:
    """Makes the steps of one seed."""

    def __init__(self, seed, password=None, only=()):
        self.dice = random.Random(seed)
        self.words = Vocabulary(self.dice, password)
        self.size_max = STRANGER_PIPELINE_MAX if password else PIPELINE_MAX  # of what is sent at once
        self.steps = []
        self.waits_for = {}  # the keys that a blocker may be waiting for
        names = [name for name in FORMS if name != "MULTI"] + ["QUIT", "RESET", "SCAN"]
        deck = [name for name in names for _ in range(RARE.get(name) or CALLS.get(name) or CALLS_MIN)]
        deck += ["transaction"] * TRANSACTIONS
        deck = [name for name in deck if not only or name in only]
        self.dice.shuffle(deck)
        self.plain = [name for name in deck if name in FORMS and name not in NOT_PLAIN]
        self.special = [name for name in deck if name not in FORMS or name in NOT_PLAIN]

    def chance(self, share):
        return self.dice.random() < share

    def deal(self):
        special_share = len(self.special) / (len(self.special) + len(self.plain) / (PIPELINE_MAX / 2))
        for who in EVERYONE:
            self.open(who)
        while self.plain or self.special:
            if self.special and self.chance(special_share if self.plain else 1):
                self.deal_special(self.special.pop())
            else:
                self.deal_pipeline()
        self.steps.append(Rescue())
        return self.steps

    def deal_special(self, name):
        if name in BLOCKING:
            self.block(name)
        elif name in SUBSCRIBING:
            self.subscribe(name)
        elif name in FORMS:
            self.lone(name)
        else:
            getattr(self, name.lower())()

    def deal_pipeline(self):
        """To a worker as a rule. Subscribers, and what waits behind something that blocks, are told what is exact."""
        fate = self.dice.random()
        if fate < 0.9:
            self.send(self.dice.choice(WORKERS), self.pipeline())
        elif fate < 0.93:
            self.send(self.dice.choice(SUBSCRIBERS), self.pipeline(1))
        else:
            # What is behind a pop that waits would come somewhere among what another sends together.
            idle = [who for who in BLOCKERS[:1] if who not in self.waits_for]
            self.send(self.dice.choice(SUBSCRIBERS + idle), self.pipeline(is_exact=True))

    # Commands

    def command(self, name, may_be_odd=True):
        """A command of one of its forms, which some are not quite."""
        form = self.dice.choice(FORMS[name])
        words = form.expand(self.words)
        if may_be_odd and self.chance(0.12):
            words = self.spoil(form, words)
        return Command(words, form.kind)

    def spoil(self, form, words):
        """A word too few or too many; another word, or in another place, unless that could do harm or make an odd name."""
        fate = self.dice.randrange(2 if form.is_frail else 5)
        if fate == 0:
            return words[:-1] if len(words) > 1 and form.name not in NOT_SHORTER else words
        if fate == 1:
            return [*words, self.dice.choice(ODD_WORDS)] if form.name not in BLOCKING else words
        if len(words) < 2 or any(isinstance(word, Id) or not 0 < len(word) <= NAME_SIZE_MAX for word in words):
            return words
        at, other = self.dice.randrange(1, len(words)), self.dice.randrange(1, len(words))
        spoiled = list(words)
        if fate == 2:
            spoiled[at], spoiled[other] = words[other], words[at]
        else:
            spoiled[at] = self.dice.choice(ODD_WORDS)
        return spoiled

    def pipeline(self, size_max=PIPELINE_MAX, is_exact=False):
        """Plain commands that come next in the deck, but not those whose replies may differ if they are to be exact."""
        commands, size_max = [], min(size_max, self.size_max)
        for _ in range(min(self.dice.randint(1, size_max), len(self.plain))):
            name = self.plain.pop()
            if is_exact and any(form.kind for form in FORMS[name]):
                self.plain.insert(0, name)
            else:
                commands.append(self.command(name))
        return commands

    # Steps

    def send(self, who, commands, **options):
        if not commands:
            return
        kinds = [command.kind for command in commands]
        step = Send(who, [command.words for command in commands], kinds if any(kinds) else [], **options)
        step.may_block = who in BLOCKERS
        has_ids = any(isinstance(word, Id) for words in step.commands for word in words)
        step.is_inline = not has_ids and self.chance(0.1)
        if self.chance(0.05):
            step.cut = self.dice.randint(1, 40)
        self.steps.append(step)

    def open(self, who):
        self.steps.append(Open(who))
        self.waits_for.pop(who, None)
        if self.words.password and self.chance(0.8):
            self.send(who, [just(b"AUTH", *self.words.secret())])
        if self.chance(0.5):
            self.send(who, [Command([b"HELLO", b"3"], HELLO)])

    def lone(self, name):
        """A command that may end connections, or does what is not wanted in the middle of others."""
        who = self.dice.choice(WORKERS if self.chance(0.9) else SUBSCRIBERS)
        self.words.victims = [who, *BLOCKERS, *SUBSCRIBERS]
        command = self.command(name)
        self.send(who, [command])
        if b"KILL" in command.words:
            self.steps.append(Rescue())

    def scan(self):
        words = []
        for option, word in [(b"MATCH", self.words.glob), (b"COUNT", self.words.count), (b"TYPE", self.words.made_up)]:
            if self.chance(0.3):
                words += [option, *word()]
        if self.chance(0.2):
            words += [b"TYPE", self.dice.choice([b"list", b"string", b"LIST", b"zset"])]
        if self.chance(0.05):
            words.append(self.dice.choice(ODD_WORDS))
        self.steps.append(Scan(self.dice.choice(WORKERS), words))

    def quit(self):
        who = self.dice.choice(EVERYONE)
        self.send(who, [*self.around(who), just(b"QUIT"), *self.around(who)])
        self.open(who)

    def around(self, who):
        """Commands before or behind one that anybody may be told."""
        return [] if who in BLOCKERS[1:] else self.pipeline(2, is_exact=True)

    def reset(self):
        who = self.dice.choice(EVERYONE)
        self.send(who, [just(b"RESET"), *self.around(who)])

    def subscribe(self, name):
        """By a subscriber as a rule, with what comes next of the kind. A worker that did is of little use afterwards."""
        who = self.dice.choice(SUBSCRIBERS if self.chance(0.92) else WORKERS)
        commands = [self.command(name)]
        while self.special and self.special[-1] in SUBSCRIBING and self.chance(0.8):
            commands.append(self.command(self.special.pop()))
        named = [command for command in commands if len(command.words) > 1]
        self.send(who, [Command(command.words) for command in named])
        for command in commands:
            if len(command.words) == 1:
                self.send(who, [Command(command.words, ACKS)])
        if who in WORKERS:
            self.send(who, self.pipeline(3, is_exact=True))
            self.open(who)

    def block(self, name):
        fate = self.dice.random()
        if fate < 0.6:
            self.block_for_long(name)
        else:
            self.words.timeouts = TIMEOUTS_BAD if fate < 0.9 else TIMEOUTS_SHORT  # that takes a while
            self.send(self.dice.choice(WORKERS), [self.command(name)], awaits=True)
            self.words.timeouts = TIMEOUTS_BAD

    def block_for_long(self, name):
        """The first blocker may be told more behind what it waits for. Of several that were Redis alone knows the order."""
        who = self.dice.choice(BLOCKERS)
        if who in self.waits_for and self.chance(0.7):
            self.feed(who)
        if who != BLOCKERS[0] or self.chance(0.3):
            self.open(who)
        self.words.timeouts = TIMEOUTS_LONG
        command = self.command(name, may_be_odd=False)
        self.words.timeouts = TIMEOUTS_BAD
        self.send(who, [command])
        self.waits_for[who] = [word for word in command.words if word in LISTS] or LISTS
        if self.chance(0.4):
            self.feed(who)

    def feed(self, who):
        """Pushes to what a blocker waits for, with something before and behind."""
        keys = self.waits_for.pop(who)
        pushes = []
        for _ in range(self.dice.randint(1, 3)):
            values = [self.words.value()[0] for _ in range(self.dice.randint(1, 3))]
            pushes.append(just(self.dice.choice([b"LPUSH", b"RPUSH"]), self.dice.choice(keys), *values))
        if self.chance(0.3):
            pushes = [just(b"MULTI"), *pushes, *self.pipeline(2, is_exact=True), just(b"EXEC")]
        self.send(self.dice.choice(WORKERS), [*self.pipeline(2), *pushes, *self.pipeline(2)])

    # Transactions

    def transaction(self):
        who, other = self.dice.sample(WORKERS, 2)
        if self.chance(0.6):
            self.send(who, [self.command("WATCH"), *self.pipeline(2)])
            self.send(other, self.pipeline(4) if self.chance(0.7) else [])
        queued = self.queue()
        commands = [just(b"MULTI"), *queued]
        if self.chance(0.1):
            commands.insert(self.dice.randint(1, len(commands)), just(b"MULTI"))  # refused
        if self.chance(0.2):
            commands.insert(0, just(b"UNWATCH"))
        if self.chance(0.3):
            at = self.dice.randint(1, len(commands))
            self.send(who, commands[:at])
            self.send(other, self.pipeline(3))
            commands = commands[at:]
        commands.append(self.exec(queued) if self.chance(0.85) else just(b"DISCARD"))
        if any(is_subscribing(command) for command in queued):
            self.send(who, commands)
            self.open(who)
        else:
            self.send(who, commands + self.pipeline(2))

    def queue(self):
        """Commands to be queued. In what replies may differ they may if MULTI is refused, too."""
        queued = []
        self.words.timeouts = TIMEOUTS_LONG
        for _ in range(self.dice.randint(0, min(QUEUE_MAX, self.size_max))):
            name = self.next_to_queue()
            if name in PUBLISHING and any(map(is_subscribing, queued)):
                self.plain.insert(0, name)  # messages would stand among the replies, in any order
            elif name:
                queued.append(self.command_of_ordered_replies(name))
        self.words.timeouts = TIMEOUTS_BAD
        if any(command.kind for command in queued):  # then each is to have one reply
            queued = [Command(c.words[:2], c.kind) if is_subscribing(c) else c for c in queued]
        return queued

    def exec(self, queued):
        kinds = [command.kind for command in queued if command.words[0].upper() != b"WATCH"]  # that is refused at once
        return Command([b"EXEC"], kinds if any(kinds) else None)

    def command_of_ordered_replies(self, name):
        """Not one that ends all subscriptions."""
        while (command := self.command(name)).kind == ACKS or (name in SUBSCRIBING and len(command.words) == 1):
            pass
        return command

    def next_to_queue(self):
        """None that blocks where MULTI may be refused and the rest not, since a password comes in between."""
        wanted = SUBSCRIBING if self.words.password else SUBSCRIBING | BLOCKING
        if self.special and self.special[-1] in wanted and self.chance(0.7):
            return self.special.pop()
        return self.plain.pop() if self.plain else None


def generate(seed, password=None, only=()):
    """The steps of a seed, for servers that have a password, or none; of these commands alone, if any are given."""
    return Sequence(seed, password, only).deal()

"""Command forms as Redis's own pages write them, and words that fit them.

    SET string value [NX | XX] [EX seconds | PX milliseconds]

A word in capitals is itself; any other is asked of a vocabulary. [ ] may be left out, ( ) holds together, | divides,
and a + says one or more.
"""

import re

REPEATS_MAX = 3


def compile_form(text):
    """A function that takes a vocabulary and returns words of that form."""
    tokens = re.findall(r"[][()|+]|[^][()|+\s]+", text)
    expand, rest = _alternatives(tokens)
    assert not rest, f"{text!r} does not end where it should: {rest}"
    return expand


def _alternatives(tokens):
    choices = []
    while True:
        sequence, tokens = _sequence(tokens)
        choices.append(sequence)
        if not tokens or tokens[0] != "|":
            break
        tokens = tokens[1:]
    if len(choices) == 1:
        return choices[0], tokens
    return lambda vocabulary: vocabulary.dice.choice(choices)(vocabulary), tokens


def _sequence(tokens):
    parts = []
    while tokens and tokens[0] not in ("|", "]", ")"):
        part, tokens = _part(tokens)
        if tokens and tokens[0] == "+":
            part, tokens = _repeated(part), tokens[1:]
        parts.append(part)
    return lambda vocabulary: [word for part in parts for word in part(vocabulary)], tokens


def _part(tokens):
    token, tokens = tokens[0], tokens[1:]
    if token in ("[", "("):
        inner, tokens = _alternatives(tokens)
        return (_optional(inner) if token == "[" else inner), tokens[1:]
    if token.upper() == token:
        return (lambda vocabulary: vocabulary.keyword(token)), tokens
    return (lambda vocabulary: getattr(vocabulary, token.replace("-", "_"))()), tokens


def _optional(part):
    return lambda vocabulary: part(vocabulary) if vocabulary.dice.random() < 0.4 else []


def _repeated(part):
    def expand(vocabulary):
        return [word for _ in range(vocabulary.dice.randint(1, REPEATS_MAX)) for word in part(vocabulary)]

    return expand

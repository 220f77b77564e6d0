"""Queries of MLflow's web interface in GraphQL: read, and kept small. Pure.

What is understood is what its pages send: operations with variables, fields with arguments and
aliases, fragments; directives are read over. https://spec.graphql.org/October2021/
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_ROOTS = 10
MOST_ALIASES = 10
MOST_DEPTH = 10
MOST_SELECTIONS = 1_000
_TOKEN = re.compile(
    r'(?:[\s,\ufeff]|#[^\n]*)*(?:("(?:[^"\\\n]|\\.)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)'
    r"|([A-Za-z_]\w*)|(\.\.\.|[{}()\[\]:!=@$])|$)"
)


class QueryError(ValueError):
    """A query that is not understood, or asks for too much."""


@dataclass(slots=True)
class Selection:
    """A field that is asked for."""

    name: str
    alias: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    below: list[Selection] = field(default_factory=list)


def parsed(text: str, variables: Mapping[str, Any], operation: str | None) -> list[Selection]:
    """The fields at the root of one operation, fragments put in their places.

    Raises:
        QueryError: the query is not understood, or asks for too much.

    >>> [root] = parsed('query q { a: run(id: "7") { name } }', {}, None)
    >>> root.alias, root.name, root.arguments, root.below[0].name
    ('a', 'run', {'id': '7'}, 'name')
    """
    found = _Reader(text, variables).document()
    chosen = found.get(operation or "") or next(iter(found.values()), None)
    if not chosen:
        raise QueryError("Must provide an operation.")
    _require_small(chosen)
    return chosen


def _require_small(roots: list[Selection]) -> None:
    total = 0
    aliases = 0
    level, depth = [roots], 1
    while level:
        if depth > MOST_DEPTH:
            raise QueryError(f"Query exceeds maximum depth of {MOST_DEPTH}")
        for group in level:
            total += len(group)
            aliases = max(aliases, sum(each.alias is not None for each in group))
        if total > MOST_SELECTIONS:
            raise QueryError(f"Query exceeds maximum total selections of {MOST_SELECTIONS}")
        level = [each.below for group in level for each in group if each.below]
        depth += 1
    for count, most, what in (
        (len(roots), MOST_ROOTS, "root fields"),
        (aliases, MOST_ALIASES, "aliases"),
    ):
        if count > most:
            raise QueryError(
                f"GraphQL queries should have at most {most} {what}, got {count} {what}."
            )


class _Reader:
    """Recursive descent over tokens; every descent is bounded."""

    def __init__(self, text: str, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self._fragments: dict[str, list[Selection]] = {}
        self._tokens: list[str] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise QueryError(
                    f"Syntax Error: Unexpected character: {text[position : position + 1]!r}."
                )
            word = next((part for part in match.groups() if part is not None), None)
            if word is not None:
                self._tokens.append(word)
            position = match.end()
        self._tokens.reverse()

    def document(self) -> dict[str, list[Selection]]:
        """The operations by name; fragments have to stand before the operation that uses them."""
        found: dict[str, list[Selection]] = {}
        fragments = []
        while self._tokens:
            kind = self._peek()
            if kind == "fragment":
                fragments.append(self._fragment())
            elif kind == "{":
                found[""] = self._selections(1)
            elif kind in ("query", "mutation"):
                self._next()
                name = self._next() if self._peek() not in ("{", "(", "@") else ""
                self._skip_parentheses()
                self._directives()
                found[name] = self._selections(1)
            else:
                raise QueryError(f"Syntax Error: Unexpected {kind[:40]!r}.")
        self._fragments = dict(fragments)
        return {name: self._spread(fields, ()) for name, fields in found.items()}

    def _fragment(self) -> tuple[str, list[Selection]]:
        self._next()
        name = self._next()
        self._expect("on")
        self._next()
        self._directives()
        return name, self._selections(1)

    def _spread(self, fields: list[Selection], within: tuple[str, ...]) -> list[Selection]:
        found = []
        for each in fields:
            if not each.name.startswith("..."):
                each.below = self._spread(each.below, within)
                found.append(each)
                continue
            name = each.name.removeprefix("...")
            if name in within or (name and name not in self._fragments):
                raise QueryError(f"Unknown or circular fragment '{name[:40]}'.")
            inner = self._fragments[name] if name else each.below
            found += self._spread(inner, (*within, name) if name else within)
            if len(found) > MOST_SELECTIONS:
                raise QueryError(f"Query exceeds maximum total selections of {MOST_SELECTIONS}")
        return found

    def _selections(self, depth: int) -> list[Selection]:
        if depth > 50:
            raise QueryError(f"Query exceeds maximum depth of {MOST_DEPTH}")
        self._expect("{")
        found = []
        while self._peek() != "}":
            found.append(self._selection(depth))
        self._next()
        return found

    def _selection(self, depth: int) -> Selection:
        name = self._next()
        if name == "...":
            if self._peek() == "on":
                self._next()
                self._next()
            elif self._peek() != "{":
                spread = Selection("..." + self._next())
                self._directives()
                return spread
            self._directives()
            return Selection("...", below=self._selections(depth + 1))
        alias = None
        if self._peek() == ":":
            self._next()
            alias, name = name, self._next()
        if not name.isidentifier():
            raise QueryError(f"Syntax Error: Expected Name, found {name[:40]!r}.")
        made = Selection(name, alias)
        if self._peek() == "(":
            self._next()
            while self._peek() != ")":
                key = self._next()
                self._expect(":")
                made.arguments[key] = self._value(0)
            self._next()
        self._directives()
        if self._peek() == "{":
            made.below = self._selections(depth + 1)
        return made

    def _value(self, depth: int) -> Any:
        word = self._next()
        if depth > 20:
            raise QueryError("A value is nested too deeply.")
        if word == "$":
            return self._variables.get(self._next())
        if word == "[":
            items = []
            while self._peek() != "]":
                items.append(self._value(depth + 1))
            self._next()
            return items
        if word == "{":
            held = {}
            while self._peek() != "}":
                key = self._next()
                self._expect(":")
                held[key] = self._value(depth + 1)
            self._next()
            return held
        if word[0] in '"-0123456789':
            return json.loads(word)
        return {"true": True, "false": False, "null": None}.get(word, word)

    def _directives(self) -> None:
        while self._peek() == "@":
            self._next()
            self._next()
            self._skip_parentheses()

    def _skip_parentheses(self) -> None:
        depth = 0
        while self._peek() == "(" or depth:
            depth += {"(": 1, ")": -1}.get(self._next(), 0)

    def _peek(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def _next(self) -> str:
        if not self._tokens:
            raise QueryError("Syntax Error: Unexpected <EOF>.")
        return self._tokens.pop()

    def _expect(self, word: str) -> None:
        found = self._next()
        if found != word:
            raise QueryError(f"Syntax Error: Expected {word!r}, found {found[:40]!r}.")

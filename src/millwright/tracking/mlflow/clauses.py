"""Filter strings taken apart: clauses of a name, a comparator and a value, joined by ``AND``.

Pure: what a name means, and which comparators it takes, is for each search to say. Names may be
quoted with backticks or double quotes, strings with single or double quotes, as MLflow reads them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from millwright.tracking.mlflow.errors import MlflowError, invalid

MAX_CLAUSES = 100
MAX_ITEMS = 10_000
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:''|\\'|[^'])*')
  | (?P<name>(?:[A-Za-z_][\w$]*|`[^`]*`|"[^"]*")
      (?:\.(?:(?:[^\s=!<>`"'(),;]+\.)?(?:`[^`]*`|"[^"]*")|[^\s=!<>`"'(),;]+))*)
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<comparator>!=|<>|>=|<=|=|>|<)
  | (?P<list>\((?:[^()'"]|'(?:''|[^'])*'|"[^"]*")*\))
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = ("LIKE", "ILIKE", "RLIKE", "IN")


@dataclass(frozen=True, slots=True)
class Value:
    """What a name is compared with: ``text`` as it was written, without quotes for strings."""

    kind: Literal["string", "number", "list", "nothing", "word"]
    text: str = ""
    items: tuple[str, ...] = ()

    @property
    def number(self) -> int | float:
        """A number's value."""
        return float(self.text) if any(c in self.text for c in ".eE") else int(self.text)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison; the comparator in capitals, ``IS NULL`` and ``NOT IN`` as one."""

    name: str
    comparator: str
    value: Value


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def clauses(text: str | None) -> list[Clause]:
    """The clauses of a filter string, in order; none where it is empty.

    Raises:
        MlflowError: it is not a list of comparisons joined by ``AND``, or has too many.

    >>> [(c.name, c.comparator, c.value.text) for c in clauses("name LIKE 'a%' AND n > 3")]
    [('name', 'LIKE', 'a%'), ('n', '>', '3')]
    """
    if not text or not text.strip():
        return []
    if "\x00" in text:
        raise invalid("Invalid filter: it contains the character NUL.")
    if ";" in text and len([part for part in _outside_quotes(text).split(";") if part.strip()]) > 1:
        raise invalid(
            f"Search filter contained multiple expression {text[:200]!r}. "
            "Provide AND-ed expression list."
        )
    found = []
    for tokens in _split(_tokens(text)):
        found.append(_clause(tokens))
        if len(found) > MAX_CLAUSES:
            raise invalid(f"A filter may have at most {MAX_CLAUSES} clauses.")
    return found


def unquoted(name: str) -> str:
    """A name without the quotes around it.

    >>> unquoted("`a b`"), unquoted('"a"'), unquoted("a")
    ('a b', 'a', 'a')
    """
    for quote in ("'", '"', "`"):
        if len(name) >= 2 and name[0] == quote and name[-1] == quote:
            return name[1:-1]
    return name


def entity_and_key(name: str) -> tuple[str | None, str]:
    """``tags.`a.b``` as ``("tags", "a.b")``; a name without entity as ``(None, name)``.

    >>> entity_and_key("tags.`a.b`"), entity_and_key("name")
    (('tags', 'a.b'), (None, 'name'))
    """
    if name[:1] in "`\"'" and unquoted(name) != name and name.count(name[0]) == 2:
        return None, unquoted(name)
    entity, dot, key = name.partition(".")
    if not dot:
        return None, unquoted(name)
    return unquoted(entity), unquoted(key)


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(_Token(kind, match.group()))
    while found and found[-1].text == ";":
        found.pop()
    return found


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "name" and token.text.upper() == "AND":
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) > 1 and any(not part for part in parts):
        raise invalid("Invalid clause(s) in filter string: 'AND'")
    return [part for part in parts if part]


def _clause(tokens: list[_Token]) -> Clause:
    words = [token.text.upper() for token in tokens]
    if tokens[0].kind != "name":
        raise _bad(tokens)
    name = tokens[0].text
    if words[1:] == ["IS", "NULL"] or words[1:] == ["IS", "NOT", "NULL"]:
        return Clause(name, " ".join(words[1:]), Value("nothing"))
    if len(tokens) == 4 and words[1] == "NOT" and words[2] == "IN":
        return Clause(name, "NOT IN", _value(tokens[3], tokens))
    if len(tokens) != 3:
        raise _bad(tokens)
    if tokens[1].kind == "comparator":
        return Clause(name, tokens[1].text, _value(tokens[2], tokens))
    if words[1] in _WORDS:
        return Clause(name, words[1], _value(tokens[2], tokens))
    raise _bad(tokens)


def _value(token: _Token, tokens: list[_Token]) -> Value:
    if token.kind == "string":
        return Value("string", token.text[1:-1])
    if token.kind == "number":
        return Value("number", token.text)
    if token.kind == "list":
        return Value("list", token.text, _items(token.text))
    if token.kind == "name":
        text = unquoted(token.text)
        return Value("string" if text != token.text and token.text[0] == '"' else "word", text)
    raise _bad(tokens)


def _items(text: str) -> tuple[str, ...]:
    try:
        parsed = ast.literal_eval(text) if len(text) < 4_000_000 else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        parsed = None
        if text.strip("() \t\n") != "":
            raise invalid(
                "While parsing a list in the query, expected a non-empty list of string values, "
                "but got ill-formed list."
            ) from None
    items = parsed if isinstance(parsed, tuple) else (parsed,)
    if not items or parsed is None:
        raise invalid(
            "While parsing a list in the query, expected a non-empty list of string values, but "
            "got empty list"
        )
    if not all(isinstance(item, str) for item in items):
        raise invalid(
            "While parsing a list in the query, expected string value, punctuation, or "
            f"whitespace, but got different type in list: {str(items)[:200]}"
        )
    if len(items) > MAX_ITEMS:
        raise invalid(f"A list in a filter may have at most {MAX_ITEMS} values.")
    return items


def _bad(tokens: list[_Token]) -> MlflowError:
    shown = " ".join(token.text for token in tokens)
    return invalid(f"Invalid clause(s) in filter string: '{shown[:300]}'")


def _outside_quotes(text: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "", text)

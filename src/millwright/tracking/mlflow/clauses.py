"""Filter strings taken apart: clauses of a name, a comparator and a value, joined by ``AND``.

Pure: what a name means, and which comparators it takes, is for each search to say. Names may be
quoted with backticks or double quotes, strings with single or double quotes, as MLflow reads them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from millwright.tracking.mlflow.errors import invalid

MAX_CLAUSES = 100
MAX_ITEMS = 10_000
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:''|\\'|[^'])*')
  | (?P<name>(?:[A-Za-z_][\w$]*|`[^`]*`|"[^"]*")
      (?:\.(?:(?:[^\s=!<>`"'(),;]+\.)?(?:`[^`]*`|"[^"]*")|[^\s=!<>`"'(),;]+))*)
  | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<comparator>[<>=!~]+)
  | (?P<list>\((?:[^()'"]|'(?:''|[^'])*'|"[^"]*")*\))
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = ("LIKE", "ILIKE", "RLIKE")
_OPERANDS = ("name", "string", "number", "list")
# Words that are never a name or a value: a comparison with one of them is none.
_KEYWORDS = frozenset(
    ("AND", "OR", "NOT", "IN", "IS", "BETWEEN", "EXISTS", "TRUE", "FALSE", *_WORDS)
)


@dataclass(frozen=True, slots=True)
class Value:
    """What a name is compared with: ``raw`` as it was written, ``text`` without a string's quotes."""

    kind: Literal["string", "number", "list", "nothing", "word"]
    text: str = ""
    raw: str = ""

    @property
    def shown(self) -> str:
        """What errors say of it."""
        return self.raw[:100]

    @property
    def items(self) -> tuple[str, ...]:
        """The texts of a list; raises ``MlflowError`` where it holds anything else."""
        return _items(self.raw)

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


def bare(left: Sequence[str]) -> str:
    """What most searches say of what is no clause."""
    return f"Invalid clause(s) in filter string: {', '.join(left)}"


def in_quotes(left: Sequence[str]) -> str:
    """What the searches of runs and of traces say of it.

    >>> in_quotes(["OR"])
    "Invalid clause(s) in filter string: 'OR'"
    """
    return bare([f"'{part}'" for part in left])


def clauses(text: str | None, *, refusal: Callable[[Sequence[str]], str] = bare) -> list[Clause]:
    """The clauses of a filter string, in order; none where it is empty.

    Args:
        text: the filter.
        refusal: the sentence for what is neither a comparison nor ``AND``.

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
    found: list[Clause] = []
    comparisons, left = _taken_apart(_tokens(text))
    if left:
        raise invalid(refusal(left)[:1_000])
    for tokens in comparisons:
        if len(found) == MAX_CLAUSES:
            raise invalid(f"A filter may have at most {MAX_CLAUSES} clauses.")
        found.append(_clause(tokens))
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


def quoted_text(value: Value) -> str:
    """The text of a value that must be a string in quotes.

    Raises:
        MlflowError: it is a word without.

    >>> quoted_text(clauses("name = 'a'")[0].value)
    'a'
    """
    if value.kind == "word":
        raise invalid(
            "Parameter value is either not quoted or unidentified quote types used for string value "
            f"{value.shown}. Use either single or double quotes."
        )
    return value.text


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(_Token(kind, match.group()))
    while found and found[-1].text == ";":
        found.pop()
    return found


def _taken_apart(tokens: list[_Token]) -> tuple[list[list[_Token]], list[str]]:
    """The tokens of each comparison, and what is left beside ``AND``."""
    found: list[list[_Token]] = []
    left: list[str] = []
    at = 0
    while at < len(tokens):
        size = _size_of_comparison(tokens[at : at + 4])
        if size:
            found.append(tokens[at : at + size])
        elif _words(tokens[at : at + 2]) == ["NOT", "NULL"]:
            left.append(f"{tokens[at].text} {tokens[at + 1].text}")
            size = 2
        elif tokens[at].text.upper() != "AND":
            left.append(tokens[at].text)
        at += size or 1
    return found, left


def _size_of_comparison(tokens: list[_Token]) -> int:
    """How many of the tokens make a comparison, 0 where they begin none."""
    if len(tokens) < 3 or not _is_operand(tokens[0]):
        return 0
    words = _words(tokens)
    if tokens[0].kind == "name":
        if words[1:3] == ["IS", "NULL"] or (words[1] == "IN" and tokens[2].kind == "list"):
            return 3
        if words[1:] == ["IS", "NOT", "NULL"]:
            return 4
        if words[1:3] == ["NOT", "IN"] and tokens[-1].kind == "list":
            return len(words) if len(words) == 4 else 0
    if tokens[1].kind == "comparator" or words[1] in _WORDS:
        return 3 if _is_operand(tokens[2]) else 0
    if words[1] == "NOT" and words[2] in _WORDS and len(tokens) == 4:
        return 4 if _is_operand(tokens[3]) else 0
    return 0


def _words(tokens: list[_Token]) -> list[str]:
    return [token.text.upper() for token in tokens]


def _is_operand(token: _Token) -> bool:
    return token.kind in _OPERANDS and token.text.upper() not in _KEYWORDS


def _clause(tokens: list[_Token]) -> Clause:
    if tokens[0].kind != "name":
        raise invalid(
            f"Invalid comparison clause. Expected 'Identifier' found '{tokens[0].text[:200]}'"
        )
    words = _words(tokens[1:])
    if words[0] == "IS":
        return Clause(tokens[0].text, " ".join(words), Value("nothing"))
    return Clause(tokens[0].text, " ".join(words[:-1]), _value(tokens[-1]))


def _value(token: _Token) -> Value:
    raw = token.text
    if token.kind == "string":
        return Value("string", raw[1:-1], raw=raw)
    if token.kind == "number":
        return Value("number", raw, raw=raw)
    if token.kind == "list":
        return Value("list", raw, raw=raw)
    text = unquoted(raw)
    return Value("string" if text != raw and raw[0] == '"' else "word", text, raw=raw)


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


def _outside_quotes(text: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "", text)

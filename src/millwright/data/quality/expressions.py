"""Expressions over the columns of a table: a small language of their own, turned into SQL.

What a person may write in a check (``where``, ``matches``) is parsed here, name by name, and
written out again as SQL for DuckDB. Only columns, literals, operators and the functions of
``FUNCTIONS`` exist in it, so no text of a user ever reaches the engine as SQL: there is no way to
name a file, a table, a setting or another function.

Grammar (keywords in any case; ``==`` is ``=``, ``&``/``&&`` is ``and``, ``|``/``||`` is ``or``)::

    or      := and ("or" and)*
    and     := not ("and" not)*
    not     := "not" not | test
    test    := sum (("=" | "<>" | "!=" | "<" | "<=" | ">" | ">=") sum
             | "is" ["not"] "null" | ["not"] "between" sum "and" sum
             | ["not"] "in" "(" sum ("," sum)* ")" | ["not"] "like" text)?
    sum     := product (("+" | "-") product)*
    product := unary (("*" | "/" | "%") unary)*
    unary   := "-" unary | number | 'text' | "true" | "false" | "null"
             | name "(" [or ("," or)*] ")" | name | "quoted name" | `quoted name` | "(" or ")"

A comparison with null is null, as in SQL, and a row for which an expression is null is not counted.

>>> to_sql("fare > 0 and city in ('Rom', 'Bonn')", ["fare", "city"])
'(("fare" > 0) AND ("city" IN (\\'Rom\\', \\'Bonn\\')))'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from millwright.kernel.errors import InvalidInput, nearest

MAX_LENGTH: Final = 10_000
MAX_DEPTH: Final = 100

FUNCTIONS: Final[dict[str, tuple[str, int, int]]] = {
    "abs": ("abs", 1, 1),
    "ceil": ("ceil", 1, 1),
    "coalesce": ("coalesce", 1, 20),
    "contains": ("contains", 2, 2),
    "day": ("day", 1, 1),
    "ends_with": ("ends_with", 2, 2),
    "exp": ("exp", 1, 1),
    "floor": ("floor", 1, 1),
    "greatest": ("greatest", 1, 20),
    "hour": ("hour", 1, 1),
    "least": ("least", 1, 20),
    "length": ("length", 1, 1),
    "ln": ("ln", 1, 1),
    "lower": ("lower", 1, 1),
    "matches": ("regexp_matches", 2, 2),
    "minute": ("minute", 1, 1),
    "month": ("month", 1, 1),
    "nullif": ("nullif", 2, 2),
    "number": ("try_cast", 1, 1),
    "round": ("round", 1, 2),
    "sqrt": ("sqrt", 1, 1),
    "starts_with": ("starts_with", 2, 2),
    "substring": ("substring", 2, 3),
    "time": ("timestamp", 1, 1),
    "trim": ("trim", 1, 1),
    "upper": ("upper", 1, 1),
    "weekday": ("isodow", 1, 1),
    "year": ("year", 1, 1),
}
"""Name → DuckDB's function, fewest and most arguments. ``number('1.5')`` is null for text that is
no number; ``time('2026-01-31')`` is a moment in UTC; ``weekday`` counts from Monday as 1."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<sign><=|>=|<>|!=|==|&&|\|\||[-+*/%()<>=,&|])
    )""",
    re.VERBOSE,
)
_COMPARISONS: Final = {"=": "=", "==": "=", "<>": "<>", "!=": "<>"} | {
    sign: sign for sign in ("<", "<=", ">", ">=")
}
_WORDS: Final = frozenset(
    ("and", "or", "not", "is", "null", "between", "in", "like", "true", "false")
)


class Token(NamedTuple):
    """A word of an expression: what kind it is, its text, and where it starts."""

    kind: str
    text: str
    position: int


def to_sql(
    text: str,
    columns: Iterable[str],
    *,
    double_quotes_are_text: bool = False,
) -> str:
    """The expression as SQL that names only these columns.

    Args:
        text: the expression.
        columns: the columns that exist.
        double_quotes_are_text: read ``"x"`` as text and not as a column, as pandas does.

    Raises:
        InvalidInput: it is no expression, or names something that does not exist.
    """
    return _Parser(text, list(columns), double_quotes_are_text).whole()


def columns_of(text: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that an expression names, in the order in which they occur first."""
    parser = _Parser(text, list(columns), False)
    parser.whole()
    return tuple(parser.used)


def identifier(name: str) -> str:
    """A column's name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str | float | bool | None) -> str:
    """A value as SQL.

    >>> literal("it's"), literal(True), literal(1.5), literal(None)
    ("'it''s'", 'true', '1.5', 'NULL')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''").replace("\0", "") + "'"
    if isinstance(value, int):
        return str(value)
    if value != value or value in (float("inf"), float("-inf")):
        return f"'{value}'::DOUBLE"
    return repr(value)


def _tokens(text: str) -> list[Token]:
    if len(text) > MAX_LENGTH:
        raise InvalidInput(
            "data.long_expression",
            f"An expression has {len(text):,} characters; at most {MAX_LENGTH:,} are read.",
            hint="Compute a column from it, and check that.",
        )
    found: list[Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise _mistake(text, at + len(text[at:]) - len(text[at:].lstrip()))
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return found


def _mistake(text: str, position: int) -> InvalidInput:
    rest = text[position : position + 20]
    where = f"'{rest}' (character {position + 1})" if rest else "its end"
    return InvalidInput(
        "data.expression",
        f"The expression '{text[:200]}' cannot be read at {where}.",
        hint="Write it like: fare > 0 and city in ('Rom', 'Bonn').",
        value=text[:200],
    )


class _Parser:
    """One reading of one text, by recursive descent."""

    def __init__(self, text: str, columns: list[str], double_quotes_are_text: bool) -> None:
        self.text = text
        self.columns = columns
        self.double_quotes_are_text = double_quotes_are_text
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.used: list[str] = []

    def whole(self) -> str:
        written = self._or()
        if self.at < len(self.tokens):
            raise self._wrong()
        return written

    def _wrong(self) -> InvalidInput:
        left = self.at < len(self.tokens)
        return _mistake(self.text, self.tokens[self.at].position if left else len(self.text))

    def _peek(self) -> str:
        if self.at >= len(self.tokens):
            return ""
        token = self.tokens[self.at]
        return token.text.lower() if token.kind in ("word", "sign") else ""

    def _take(self, *wanted: str) -> bool:
        if self._peek() in wanted:
            self.at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise self._wrong()

    def _or(self) -> str:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong()
        parts = [self._and()]
        while self._take("or", "|", "||"):
            parts.append(self._and())
        self.depth -= 1
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _and(self) -> str:
        parts = [self._not()]
        while self._take("and", "&", "&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _not(self) -> str:
        turns = 0
        while self._take("not"):
            turns += 1
        return self._test() if turns % 2 == 0 else f"(NOT {self._test()})"

    def _test(self) -> str:
        left = self._sum()
        sign = self._peek()
        if sign in _COMPARISONS:
            self.at += 1
            return f"({left} {_COMPARISONS[sign]} {self._sum()})"
        if self._take("is"):
            turned = "NOT " if self._take("not") else ""
            self._expect("null")
            return f"({left} IS {turned}NULL)"
        turned = "NOT " if self._take("not") else ""
        if self._take("between"):
            low = self._sum()
            self._expect("and")
            return f"({left} {turned}BETWEEN {low} AND {self._sum()})"
        if self._take("in"):
            return f"({left} {turned}IN ({', '.join(self._list(self._sum))}))"
        if self._take("like"):
            return f"({left} {turned}LIKE {self._sum()})"
        if turned:
            raise self._wrong()
        return left

    def _list(self, one: Callable[[], str]) -> list[str]:
        self._expect("(")
        if self._take(")"):
            return []
        items = [one()]
        while self._take(","):
            items.append(one())
        self._expect(")")
        return items

    def _sum(self) -> str:
        left = self._product()
        while self._peek() in ("+", "-"):
            sign = self._peek()
            self.at += 1
            left = f"({left} {sign} {self._product()})"
        return left

    def _product(self) -> str:
        left = self._unary()
        while self._peek() in ("*", "/", "%"):
            sign = self._peek()
            self.at += 1
            left = f"({left} {sign} {self._unary()})"
        return left

    def _unary(self) -> str:
        turns = 0
        while self._take("-"):
            turns += 1
        value = self._value()
        return value if turns % 2 == 0 else f"(-{value})"

    def _value(self) -> str:
        if self._take("("):
            inner = self._or()
            self._expect(")")
            return inner
        if self.at >= len(self.tokens):
            raise self._wrong()
        token = self.tokens[self.at]
        if token.kind == "sign":
            raise self._wrong()
        self.at += 1
        if token.kind == "number":
            return token.text
        if token.kind == "text":
            return literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "quoted":
            inner = token.text[1:-1]
            if self.double_quotes_are_text and token.text[0] == '"':
                return literal(inner)
            return self._column(inner.replace('""', '"'))
        return self._word(token)

    def _word(self, token: Token) -> str:
        word = token.text.lower()
        if word in ("true", "false", "null"):
            return word.upper()
        if word in _WORDS:
            self.at -= 1
            raise self._wrong()
        if self._peek() == "(":
            return self._call(token)
        return self._column(token.text)

    def _call(self, token: Token) -> str:
        name = token.text.lower()
        if name not in FUNCTIONS:
            guess = nearest(name, FUNCTIONS)
            raise InvalidInput(
                "data.unknown_function",
                f"There is no function '{token.text}' in expressions.",
                hint=f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(FUNCTIONS)}.",
                value=token.text,
            )
        function, fewest, most = FUNCTIONS[name]
        arguments = self._list(self._or)
        if not fewest <= len(arguments) <= most:
            raise _mistake(self.text, token.position)
        if function == "try_cast":
            return f"try_cast({arguments[0]} AS DOUBLE)"
        if function == "timestamp":
            return f"CAST({arguments[0]} AS TIMESTAMP)"
        return f"{function}({', '.join(arguments)})"

    def _column(self, name: str) -> str:
        if name not in self.columns:
            raise unknown_column(name, self.columns)
        if name not in self.used:
            self.used.append(name)
        return identifier(name)


def unknown_column(name: str, columns: Iterable[str]) -> InvalidInput:
    """The error for a column that does not exist, with the nearest that does."""
    known = list(columns)
    guess = nearest(name, known)
    return InvalidInput(
        "data.unknown_column",
        f"There is no column '{name}'.",
        hint=f"Did you mean '{guess}'?" if guess else f"There are: {', '.join(known[:20])}.",
        value=name,
    )

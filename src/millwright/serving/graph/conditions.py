"""Conditions on a row: ``distance > 500 and carrier in ["AA", "UA"] or holiday``.

A small part of Python's expressions, read by its parser and never run by it: comparisons of a column
with constants or another column, ``in``, ``and``, ``or``, ``not``, ``is None``. Kinds are checked
when the condition is read. A comparison with a value that is not known is false.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from millwright.kernel.errors import InvalidInput, nearest
from millwright.kernel.model_package import Kind

Test = Callable[[Sequence[Any]], bool]
"""Whether a condition is true of the values of its columns, in the order of ``Condition.columns``."""

_ORDERS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_DEEPEST = 50


class Condition:
    """A condition that was read against the kinds of the columns there are.

    Attributes:
        text: as it was written.
        columns: names of those that it looks at.

    Example:
        >>> far = Condition("distance > 500 and carrier in ['AA']",
        ...                 {"distance": "numeric", "carrier": "categorical"})
        >>> far.columns
        ['distance', 'carrier']
        >>> far.test([733.0, "AA"]), far.test([None, "AA"])
        (True, False)
    """

    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        """Read ``text``.

        Raises:
            InvalidInput: it is no such condition, names a column that is not known, or compares
                values of different kinds.
        """
        self.text = text
        self.columns: list[str] = []
        self._kinds = kinds
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as cause:
            raise self._wrong("it cannot be read") from cause
        self.test = self._truth(tree, 0)

    def _truth(self, node: ast.expr, depth: int) -> Test:
        if depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        if isinstance(node, ast.BoolOp):
            parts = [self._truth(part, depth + 1) for part in node.values]
            if isinstance(node.op, ast.And):
                return lambda row: all(part(row) for part in parts)
            return lambda row: any(part(row) for part in parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._truth(node.operand, depth + 1)
            return lambda row: not inner(row)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        name = _name_of(node)
        if name is not None:
            position, kind = self._column(name)
            if kind != "boolean":
                raise self._wrong(f"'{name}' is {kind}, and only a truth stands for itself")
            return lambda row: bool(row[position])
        raise self._wrong(f"it holds '{ast.unparse(node)[:60]}', which is no comparison")

    def _comparison(self, node: ast.Compare) -> Test:
        if len(node.ops) != 1:
            raise self._wrong("it compares more than two values at once; write 'a < b and b < c'")
        left, how, right = _name_of(node.left), node.ops[0], node.comparators[0]
        if left is None:
            raise self._wrong("a comparison begins with a column")
        position, kind = self._column(left)
        if isinstance(how, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._wrong("'is' asks for None")
            wanted = isinstance(how, ast.Is)
            return lambda row: (row[position] is None) is wanted
        if isinstance(how, ast.In | ast.NotIn):
            return self._membership(left, position, kind, right, isinstance(how, ast.In))
        compare = _ORDERS[type(how)]
        if kind != "numeric" and not isinstance(how, ast.Eq | ast.NotEq):
            raise self._wrong(f"'{left}' is {kind} and has no order")
        other = _name_of(right)
        if other is not None:
            second, of_kind = self._column(other)
            if of_kind != kind:
                raise self._wrong(f"'{left}' is {kind} and '{other}' is {of_kind}")
            return lambda row: (
                row[position] is not None
                and row[second] is not None
                and compare(row[position], row[second])
            )
        value = self._constant(right, left, kind)
        return lambda row: row[position] is not None and compare(row[position], value)

    def _membership(
        self, name: str, position: int, kind: Kind, right: ast.expr, wanted: bool
    ) -> Test:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
            raise self._wrong("'in' is followed by a list of values")
        values = frozenset(self._constant(one, name, kind) for one in right.elts)
        return lambda row: row[position] is not None and (row[position] in values) is wanted

    def _constant(self, node: ast.expr, name: str, kind: Kind) -> Any:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, RecursionError) as cause:
            raise self._wrong(f"'{ast.unparse(node)[:60]}' is no value or column") from cause
        if kind == "numeric" and type(value) in (int, float):
            return float(value)
        if kind == "categorical" and type(value) is str:
            return value
        if kind == "boolean" and type(value) is bool:
            return float(value)
        raise self._wrong(f"'{name}' is {kind} and is compared with {value!r}")

    def _column(self, name: str) -> tuple[int, Kind]:
        kind = self._kinds.get(name)
        if kind is None:
            guess = nearest(name, self._kinds)
            raise self._wrong(
                f"nothing called '{name}' is known there",
                f"Did you mean '{guess}'?" if guess else f"Known: {', '.join(self._kinds)[:200]}.",
            )
        if name not in self.columns:
            self.columns.append(name)
        return self.columns.index(name), kind

    def _wrong(self, why: str, hint: str | None = None) -> InvalidInput:
        return InvalidInput(
            "serving.condition",
            f"The condition '{self.text[:200]}' is not usable: {why}.",
            hint=hint or 'Write it like: distance > 500 and carrier in ["AA", "UA"]',
            value=self.text[:200],
        )


def _name_of(node: ast.expr) -> str | None:
    """The name of a column, which may be ``node.output``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    return None

"""YAML as DVC's files use it: a fast reader for the plain shape, a safe one for everything else.

Almost every ``.dvc`` file and every ``dvc.lock`` is block mappings and lists of one-line scalars.
That shape is read here in one pass without loading a YAML library (which costs more than reading
a thousand such files); anything richer (anchors, flow style, block text) goes to PyYAML with the
scalar rules of YAML 1.2, no constructors, and a bound on what aliases may expand to.

Promise: ``load(dump(x)) == x`` for every tree of dicts with text keys, lists, text, integers,
floats, booleans and None.
"""

from __future__ import annotations

import re
from typing import Any

from millwright.kernel.errors import InvalidInput

MAX_BYTES = 256 * 1024 * 1024
MAX_NODES = 20_000_000
"""What a document may hold once its aliases are followed: a bomb expands to billions."""

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_KEY = re.compile(r"([^\s'\"#&*!|>%@`{}\[\],?:-][^:#\n]*?|[^\s'\"#&*!|>%@`{}\[\],?:-]) *:(?: +|\Z)")
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")
_SPECIAL = frozenset("'\"#&*!|>%@`{}[],?:-")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")


class _Rich(Exception):
    """The text uses more of YAML than the plain shape."""


def load(text: str, source: str = "the document") -> Any:
    """The value a YAML text describes; ``source`` names it in errors."""
    if len(text) > MAX_BYTES:
        raise InvalidInput(
            "dvc.yaml", f"{source} is {len(text):,} characters long, more than any DVC file."
        )
    try:
        return _plain(text)
    except _Rich:
        return _rich(text, source)


def _plain(text: str) -> Any:
    lines: list[tuple[int, str]] = []
    for raw in text.split("\n"):
        line = raw.rstrip()
        body = line.lstrip(" ")
        if not body or body[0] == "#":
            continue
        if "\t" in line or " #" in line or body in ("---", "...") or not line.isprintable():
            raise _Rich
        lines.append((len(line) - len(body), body))
    if not lines:
        return None
    value, end = _block(lines, 0, lines[0][0])
    if end != len(lines):
        raise _Rich
    return value


def _block(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[Any, int]:
    return (_sequence if _is_item(lines[at][1]) else _mapping)(lines, at, indent)


def _is_item(body: str) -> bool:
    return body == "-" or body.startswith("- ")


def _sequence(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    while at < len(lines) and lines[at][0] == indent and _is_item(lines[at][1]):
        body = lines[at][1]
        rest = body[1:].lstrip(" ")
        if not rest:
            raise _Rich
        inner = indent + len(body) - len(rest)
        if _is_item(rest) or _KEY.match(rest):
            lines[at] = (inner, rest)
            value, at = _block(lines, at, inner)
        else:
            value, at = _scalar(rest), at + 1
        items.append(value)
    if at < len(lines) and lines[at][0] > indent:
        raise _Rich
    return items, at


def _mapping(lines: list[tuple[int, str]], at: int, indent: int) -> tuple[dict[str, Any], int]:
    fields: dict[str, Any] = {}
    while at < len(lines) and lines[at][0] == indent and not _is_item(lines[at][1]):
        body = lines[at][1]
        match = _KEY.match(body)
        if match is None:
            raise _Rich
        key, rest = match[1], body[match.end() :]
        if key in fields or key in _WORDS or key == "<<" or _FLOAT.match(key):
            raise _Rich
        at += 1
        if rest:
            fields[key] = _scalar(rest)
        elif at < len(lines) and (
            lines[at][0] > indent or (lines[at][0] == indent and _is_item(lines[at][1]))
        ):
            fields[key], at = _block(lines, at, lines[at][0])
        else:
            fields[key] = None
    if at < len(lines) and lines[at][0] > indent:
        raise _Rich
    return fields, at


def _scalar(text: str) -> Any:
    first = text[0]
    if first in _SPECIAL:
        if first == "'" and len(text) > 1 and text[-1] == "'" and "'" not in text[1:-1]:
            return text[1:-1]
        if first == '"' and len(text) > 1 and text[-1] == '"':
            inner = text[1:-1]
            if '"' not in inner and "\\" not in inner:
                return inner
        if first != "-" or not _FLOAT.match(text):
            raise _Rich
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.match(text):
        return int(text)
    if _FLOAT.match(text):
        return float(text)
    if ": " in text or text[-1] == ":" or _NOT_FINITE.match(text) or text.startswith(("0x", "0o")):
        raise _Rich
    return text


def _rich(text: str, source: str) -> Any:
    import yaml

    from millwright.data.dvc.rich_yaml import Loader

    try:
        value = yaml.load(text, Loader=Loader)  # noqa: S506 - Loader is a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise InvalidInput(
            "dvc.yaml",
            f"{source} is not readable as YAML{where}.",
            hint="Compare it with the version in git: `git diff` shows what changed.",
        ) from error
    except (RecursionError, ValueError) as error:
        raise InvalidInput(
            "dvc.yaml", f"{source} is nested too deeply to be a DVC file."
        ) from error
    if _expanded(value, {}, 0) > MAX_NODES:
        raise InvalidInput(
            "dvc.yaml", f"The aliases of {source} expand to more than {MAX_NODES:,} values."
        )
    return value


def _expanded(value: Any, known: dict[int, int], depth: int) -> int:
    if depth > 200:
        raise InvalidInput("dvc.yaml", "A DVC file is nested too deeply.")
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = MAX_NODES + 1  # an alias to what contains it never ends
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_expanded(each, known, depth + 1) for each in inner)
    return known[id(value)]


def dump(value: Any) -> str:
    """The text of a value, in the layout DVC writes: lists start at their key's column."""
    lines: list[str] = []
    if isinstance(value, dict | list) and value:
        _write(value, 0, lines)
        return "\n".join(lines) + "\n"
    return f"{_inline(value)}\n"


def _write(value: Any, indent: int, lines: list[str]) -> None:
    pad = " " * indent
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list) and item:
                start = len(lines)
                _write(item, indent + 2, lines)
                lines[start] = f"{pad}- {lines[start][indent + 2 :]}"
            else:
                lines.append(f"{pad}- {_inline(item)}")
        return
    for key, item in value.items():
        if isinstance(item, dict | list) and item:
            lines.append(f"{pad}{_text(str(key))}:")
            _write(item, indent + (2 if isinstance(item, dict) else 0), lines)
        else:
            lines.append(f"{pad}{_text(str(key))}: {_inline(item)}".rstrip())


def _inline(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list) else _text(str(value))


def _float(value: float) -> str:
    if value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


_OLD_WORDS = frozenset({"yes", "no", "on", "off", "y", "n"})


def _text(text: str) -> str:
    """A text as a YAML scalar: bare where nothing could be misread, else quoted."""
    if not text.isprintable() or any(not 0x20 <= ord(c) <= 0xFFFD for c in text if c > "\x7f"):
        return _double_quoted(text)
    bare = (
        bool(text)
        and text == text.strip()
        and text[0] not in _SPECIAL
        and text not in _WORDS
        and text.lower() not in _OLD_WORDS
        and ": " not in text
        and " #" not in text
        and not text.endswith(":")
        and not text[0].isdigit()
        and text[0] not in "+=<"
        and not _NOT_FINITE.match(text)
        and not (text[0] == "." and text[1:2].isdigit())
    )
    if bare or (text and text[0].isdigit() and _is_plain_digest(text)):
        return text
    return "'" + text.replace("'", "''") + "'"


def _double_quoted(text: str) -> str:
    import json

    parts = []
    for char in text:
        if ord(char) > 0xFFFF:
            parts.append(f"\\U{ord(char):08X}")
        elif char.isprintable() and ord(char) < 0x7F:
            parts.append(json.dumps(char)[1:-1])
        else:
            parts.append(f"\\u{ord(char):04X}")
    return '"' + "".join(parts) + '"'


def _is_plain_digest(text: str) -> bool:
    """Words that begin with a digit and that no reader takes for a number, a date or a time."""
    if ":" in text:
        return False
    return (_DIGEST.match(text) is not None and any(c in "acdf" for c in text)) or (
        re.match(r"[0-9].*[g-mp-wyzG-MP-WYZ/]", text) is not None
    )

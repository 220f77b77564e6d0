"""Who is named in a text. Pure."""

from __future__ import annotations

import re

MOST = 20
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_NAME = re.compile(r"(?<![\w@/.])@([A-Za-z0-9](?:[\w.-]{0,98}[A-Za-z0-9])?)")


def mentioned(text: str) -> list[str]:
    """The names after an ``@``, each once and in order; not those in code or in addresses.

    >>> mentioned("@ada and @grace.h, see `@nobody` or me@example.org. @ada?")
    ['ada', 'grace.h']
    """
    found = dict.fromkeys(match[1] for match in _NAME.finditer(_CODE.sub(" ", text)))
    return list(found)[:MOST]

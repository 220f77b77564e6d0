"""How a key is written in a store, whatever the store thinks of odd characters.

Letters, digits and ``. _ ~ -`` stand for themselves, ``/`` separates, every other byte of the UTF-8
text is ``=XX``. An empty segment is ``=``; a segment of dots alone is escaped, since stores and file
systems read ``.`` and ``..`` as something else.
"""

from __future__ import annotations

from urllib.parse import quote, unquote


def stored(key: str) -> str:
    """The form in which a store sees a key.

    >>> stored("heads/ü a%b//c")
    'heads/=C3=BC=20a=25b/=/c'
    >>> stored("../x")
    '=2E=2E/x'
    """
    return "/".join(_segment(part) for part in key.split("/"))


def original(name: str) -> str:
    """The key that a stored form stands for: ``original(stored(key)) == key``.

    >>> original(stored("a//.b/=ü+ %/"))
    'a//.b/=ü+ %/'
    """
    return "/".join(
        "" if part == "=" else unquote(part.replace("%", "%25").replace("=", "%"))
        for part in name.split("/")
    )


def _segment(part: str) -> str:
    if not part:
        return "="
    if not part.strip("."):
        return "=2E" * len(part)
    return quote(part, safe="").replace("%", "=")

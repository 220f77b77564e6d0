"""Names of datasets for tracked paths: as short as tells them apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 100


def names_for(places: Iterable[str], taken: Mapping[str, str | None]) -> dict[str, str]:
    """A name for every path: its last part, with the parts before it where that is not alone.

    Args:
        places: tracked paths, ``/`` between names.
        taken: names in use, each with the path it was given for (None for something else); a path
            keeps the name that it was given before.
    """
    ordered = sorted(set(places))
    kept = {place: name for name, place in taken.items() if place is not None}
    names = {place: kept[place] for place in ordered if place in kept}
    used = {*taken, *names.values()}
    rest = [place for place in ordered if place not in names]
    for place in rest:
        parts = place.split("/")
        for depth in range(1, len(parts) + 1):
            name = fit("-".join(parts[-depth:]))
            others = {fit("-".join(o.split("/")[-depth:])) for o in rest if o != place}
            if name not in used and name not in others:
                break
        else:
            name = _numbered(fit("-".join(parts)), used)
        names[place] = name
        used.add(name)
    return names


def fit(text: str) -> str:
    """A text as a name: other characters become dashes."""
    name = _UNFIT.sub("-", text).strip("-._")
    return name[-_LONGEST:].lstrip("-._") or "data"


def _numbered(name: str, used: set[str]) -> str:
    number = 2
    while f"{name[:90]}-{number}" in used:
        number += 1
    return f"{name[:90]}-{number}" if name in used else name

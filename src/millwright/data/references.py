"""How people name a version: ``flights``, ``flights@3``, ``@latest``, ``@tag``, ``@branch``, ``@digest``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from millwright.kernel.errors import InvalidInput, NotFound, nearest

MAIN = "main"
"""The branch on which versions are kept unless another is named."""
LATEST = "latest"
SHORTEST_DIGEST = 6
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_DIGEST = re.compile(rf"[0-9a-f]{{{SHORTEST_DIGEST},64}}")


class Versioned(Protocol):
    """What of a version its references go by."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def branch(self) -> str: ...


V = TypeVar("V", bound=Versioned)


def split(reference: str) -> tuple[str, str]:
    """The dataset's name and what stands behind ``@`` (``latest`` where nothing does).

    Raises:
        InvalidInput: it cannot name a version.

    >>> split("flights@3"), split("flights")
    (('flights', '3'), ('flights', 'latest'))
    """
    name, at, selector = reference.partition("@")
    if not _NAME.fullmatch(name) or (at and not _NAME.fullmatch(selector)):
        raise InvalidInput(
            "data.reference",
            f"'{reference}' does not name a dataset version.",
            hint="Write it as name, name@latest, name@3, name@tag or name@branch.",
            value=reference,
        )
    return name, selector or LATEST


def choose(selector: str, versions: Sequence[V], refs: Mapping[str, str]) -> V | None:
    """The version that a selector names, or None.

    Args:
        selector: ``latest``, a number, a tag or branch, a version's id, or the beginning of its
            digest (six characters or more).
        versions: all versions of the dataset, newest first.
        refs: version ids by tag or branch.

    Raises:
        InvalidInput: several versions have digests that begin so.
    """
    if selector == LATEST:
        return head(MAIN, versions, refs) or next(iter(versions), None)
    if selector.isdecimal() and len(selector) < 10:
        return next((one for one in versions if one.version == int(selector)), None)
    found = head(selector, versions, refs)
    if found is None and _DIGEST.fullmatch(selector):
        found = _by_digest(selector, versions)
    return found


def head(branch: str, versions: Sequence[V], refs: Mapping[str, str]) -> V | None:
    """The version a branch is at: its newest, or the one it was started from. So too for a tag."""
    newest = next((one for one in versions if one.branch == branch), None)
    started = refs.get(branch)
    if newest is not None or started is None:
        return newest
    return next((one for one in versions if one.id == started), None)


def _by_digest(prefix: str, versions: Sequence[V]) -> V | None:
    exact = next((one for one in versions if one.id == prefix), None)
    if exact is not None:
        return exact
    found = [one for one in versions if one.digest.startswith(prefix)]
    if len({one.digest for one in found}) > 1:
        raise InvalidInput(
            "data.ambiguous_digest",
            f"{len(found)} versions have a digest that begins with '{prefix}'.",
            hint="Give more characters of the digest, or the number of the version.",
            value=prefix,
        )
    return found[0] if found else None


def check_ref_name(ref: str, kind: str) -> str:
    """A name that a tag or branch may have.

    Raises:
        InvalidInput: it could be taken for a number, a digest, or is reserved.
    """
    reserved = {LATEST, MAIN} if kind == "tag" else {LATEST}
    if ref in reserved or ref.isdecimal() or not _NAME.fullmatch(ref) or _DIGEST.fullmatch(ref):
        raise InvalidInput(
            "data.ref_name",
            f"'{ref}' cannot be the name of a {kind}.",
            hint="Use letters, digits, '_', '.' and '-'; not only digits, no digest, not 'latest'.",
            value=ref,
        )
    return ref


def unknown_version(
    name: str, selector: str, versions: Sequence[Versioned], refs: Mapping[str, str]
) -> NotFound:
    """The error for a selector that names nothing, with what there is."""
    newest = max((one.version for one in versions), default=0)
    guess = nearest(selector, [*refs, *{one.branch for one in versions}])
    hint = f"It has versions 1 to {newest}; 'latest' names the newest."
    return NotFound(
        "data.unknown_version",
        f"Dataset '{name}' has no version {selector}.",
        hint=f"Did you mean '{name}@{guess}'?" if guess else hint,
        value=selector,
    )

"""Secrets by reference: a step names where one is to be found, and gets the value when it runs.

The value is in no argument, graph, fingerprint or export, and is covered in the step's log.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from millwright.kernel.errors import InvalidInput, NotFound


def check_reference(name: str, reference: str) -> None:
    """Refuse what is no reference to a secret: most likely it is the secret itself.

    Raises:
        InvalidInput: it is none; the text is not repeated.
    """
    scheme, _, place = reference.partition(":")
    if scheme not in ("env", "file") or not place:
        raise InvalidInput(
            "pipelines.not_a_reference",
            f"The secret {name!r} is not given by reference.",
            hint='Say where it is: "env:NAME" for a variable, "file:PATH" for a file.',
        )


def resolved(references: Mapping[str, str]) -> dict[str, str]:
    """The values of secrets, by name.

    Raises:
        NotFound: nothing is where a secret should be.
    """
    return {name: _value(name, reference) for name, reference in references.items()}


def _value(name: str, reference: str) -> str:
    scheme, _, place = reference.partition(":")
    if scheme == "env" and place in os.environ:
        return os.environ[place]
    if scheme == "file" and Path(place).is_file():
        return Path(place).read_text("utf-8").strip()
    raise NotFound(
        "pipelines.no_secret",
        f"The secret {name!r} is not where the step says: {reference}.",
        hint="Set it for the process that runs the pipeline.",
        value=reference,
    )

"""One call of a step, here or in a worker: arguments in, outputs in stored form out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from millwright.kernel.objects import digest_of
from millwright.pipelines import values
from millwright.pipelines.artifacts import Artifact, Payload, deserialise, serialise
from millwright.pipelines.graph import Reference, reference_of
from millwright.pipelines.steps import Step
from millwright.pipelines.trusted import trusted

INLINE_BYTES = 1 << 20
"""Outputs up to this size travel with the wave that commits them; larger ones are stored first."""

Fetch = Callable[[str], bytes]
Put = Callable[[bytes | Path], str]


@dataclass(frozen=True, slots=True)
class Made:
    """One output: the artifact, and its bytes where they are yet to be stored."""

    artifact: Artifact
    content: bytes | None
    value: object = None


def arguments(
    inputs: Mapping[str, JsonValue],
    artifacts: Mapping[Reference, Artifact],
    fetch: Fetch,
    *,
    project: str,
    workdir: Callable[[], Path],
    memory: Callable[[Reference], tuple[bool, object]] = lambda _: (False, None),
) -> dict[str, Any]:
    """The arguments of a call, loaded; files are laid down under ``workdir()``.

    ``memory`` may know a value already, and says whether it does.
    """

    def load(tree: values.Tagged) -> object:
        reference = reference_of(tree)
        known, value = memory(reference)
        if known:
            return value
        return loaded(artifacts[reference], fetch, project=project, workdir=workdir())

    return {
        name: values.decode(tree, load) if isinstance(tree, dict | list) else tree
        for name, tree in inputs.items()
    }


def loaded(artifact: Artifact, fetch: Fetch, *, project: str, workdir: Path) -> Any:
    """The value of an artifact; of a ``list``, the values of its parts."""
    content = fetch(artifact.digest)
    if artifact.kind != "list":
        return deserialise(artifact, content, project=project, workdir=workdir)
    parts = Artifact.parts_of(content)
    return [loaded(part, fetch, project=project, workdir=workdir) for part in parts]


def outputs(
    step: Step[..., Any], returned: object, put: Put, *, project: str, workdir: Callable[[], Path]
) -> dict[str, Made]:
    """What a step returned, by output, in stored form.

    Raises:
        InvalidInput: it is not what the step declares, or has no safe form.
    """
    made: dict[str, Made] = {}
    for name, value in step.split(returned).items():
        artifact, content = stored(serialise(value, project=project, scratch=workdir), put)
        made[name] = Made(artifact, content, value)
    return made


def stored(payload: Payload, put: Put) -> tuple[Artifact, bytes | None]:
    """The artifact of a payload, and its bytes if they are few; many are stored at once."""
    content = payload.content
    few = content if isinstance(content, bytes) and len(content) <= INLINE_BYTES else None
    artifact = trusted(
        Artifact,
        digest=put(content) if few is None else digest_of(few),
        kind=payload.kind,
        size=len(content) if isinstance(content, bytes) else content.stat().st_size,
        name=payload.name,
        trusted_by=payload.trusted_by,
    )
    return artifact, few


class Scratch:
    """A folder for one call, made when it is first asked for and removed after.

    Most steps never ask, and then nothing looks at the disk.
    """

    def __init__(self, where: Callable[[], Path]) -> None:
        self._where = where
        self._folder: Path | None = None

    @property
    def folder(self) -> Path:
        """The folder."""
        if self._folder is None:
            folder = self._where()
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = folder
        return self._folder

    def remove(self) -> None:
        """Remove it with all that is in it."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

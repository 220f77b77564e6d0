"""When a step need not run again: the fingerprint of what determines its result.

A result depends on the step's code, its parameters, its inputs and the installed packages. Two
calls with equal fingerprints are taken to give the same result; where they differ, ``explain``
names the part that does.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from blake3 import blake3
from pydantic import JsonValue

from millwright.kernel.objects import digest_of_file
from millwright.pipelines import values
from millwright.pipelines.graph import Node, Reference, Setting, is_reference
from millwright.pipelines.lean_record import Record
from millwright.pipelines.trusted import trusted


class Fingerprint(Record):
    """All that determines a step's result, each part as a digest by name."""

    code: dict[str, str]
    parameters: dict[str, str]
    inputs: dict[str, str]
    environment: str

    @property
    def key(self) -> str:
        """One digest of all parts."""
        fixed = _fixed(values.digest_of(dict(self.code)), dict(self.parameters), self.environment)
        return _key(fixed, self.inputs)

    def stored(self) -> dict[str, Any]:
        """The fingerprint as it stands in a row."""
        return {
            "code": self.code,
            "parameters": self.parameters,
            "inputs": self.inputs,
            "environment": self.environment,
        }


@dataclass(frozen=True, slots=True)
class Recipe:
    """A fingerprint whose inputs are yet to be made: references in place of their digests."""

    node: str
    code: dict[str, str]
    parameters: dict[str, str]
    environment: str
    inputs: dict[str, Reference]
    fixed: str
    """One digest of all but the inputs."""

    def key(self, digests: Mapping[Reference, str]) -> str:
        """The key of the fingerprint; KeyError while an input is not known."""
        return _key(self.fixed, {name: digests[needed] for name, needed in self.inputs.items()})

    def recipe_key(self, above: Mapping[str, str]) -> str:
        """A key that is known before anything runs: of the recipes of the inputs, by node."""
        made = {
            name: f"{above[needed.node]} {needed.output}" for name, needed in self.inputs.items()
        }
        return _key(self.fixed, made)

    def rebuilt(
        self, node: str, code: str, parameters: dict[str, str], inputs: dict[str, Reference]
    ) -> Recipe:
        """The recipe of another call of the same code; ``code`` is its digest."""
        return Recipe(
            node=node,
            code=self.code,
            parameters=parameters,
            environment=self.environment,
            inputs=inputs,
            fixed=_fixed(code, parameters, self.environment),
        )

    def with_inputs(self, digests: Mapping[Reference, str]) -> Fingerprint:
        """The fingerprint once the inputs are known."""
        return trusted(
            Fingerprint,
            code=self.code,
            parameters=self.parameters,
            environment=self.environment,
            inputs={name: digests[needed] for name, needed in self.inputs.items()},
        )


def recipe(node: Node, code: dict[str, str], code_digest: str | None = None) -> Recipe:
    """The recipe of one node; ``code`` is what ``code_digest.code_of`` says of its function.

    ``code_digest`` is one digest of that, where it is known already.
    """
    if code_digest is None:
        code_digest = values.digest_of(dict(code))
    needed = node.references()
    parameters = {
        name: values.digest_of(_parameter(tree))
        for name, tree in node.inputs.items()
        if name not in needed
    }
    if node.kind in ("map", "loop"):
        # A list of results is another thing than one result.
        parameters[f"({node.kind})"] = str(node.at_most)
    environment = _environment_of(node.setting)
    return Recipe(
        node=node.name,
        code=code,
        parameters=parameters,
        environment=environment,
        inputs=needed,
        fixed=_fixed(code_digest, parameters, environment),
    )


def _fixed(code: str, parameters: dict[str, str], environment: str) -> str:
    text = "".join([f"{name}={parameters[name]};" for name in sorted(parameters)])
    return f"{code} {environment} {text}"


def _key(fixed: str, inputs: Mapping[str, str]) -> str:
    text = "".join([f"{name}={inputs[name]};" for name in sorted(inputs)])
    return blake3(f"{fixed}|{text}".encode()).hexdigest()


def explain(before: Fingerprint, after: Fingerprint) -> tuple[str, ...]:
    """Which parts differ, as sentences without a full stop; empty when equal.

    >>> old = Fingerprint(code={"train:fit": "a"}, parameters={}, inputs={"t": "1"}, environment="e")
    >>> explain(old, old.model_copy(update={"inputs": {"t": "2"}}))
    ('the input t changed',)
    """
    found: list[str] = []
    for word, old, new in (
        ("the code of", before.code, after.code),
        ("the parameter", before.parameters, after.parameters),
        ("the input", before.inputs, after.inputs),
    ):
        for name in sorted(old.keys() | new.keys()):
            if name not in old:
                found.append(f"{word} {name} is new")
            elif name not in new:
                found.append(f"{word} {name} is gone")
            elif old[name] != new[name]:
                found.append(f"{word} {name} changed")
    if before.environment != after.environment:
        found.append("the installed packages changed")
    return tuple(found)


@cache
def environment_digest() -> str:
    """A digest of Python, the platform and every installed package with its version."""
    return _environment_at(_state_of_packages())


def know_environment() -> None:
    """Look at what is installed now, so that forks of this process need only see that it is so still."""
    _environment_at(_state_of_packages())


@cache
def _environment_at(_: tuple[tuple[str, int], ...]) -> str:
    lines = [platform.python_version(), platform.system(), platform.machine(), *installed()]
    return blake3("\n".join(lines).encode()).hexdigest()


def _state_of_packages() -> tuple[tuple[str, int], ...]:
    """The folders with packages and when each was last changed, as every installation changes it."""
    folders = [folder for folder in sys.path if Path(folder).is_dir()]
    return tuple((folder, Path(folder).stat().st_mtime_ns) for folder in folders)


def installed() -> list[str]:
    """Installed packages as ``name-version``, sorted, read from the folders' names alone."""
    return sorted({name for place in _state_of_packages() for name in _installed_in(*place)})


@cache
def _installed_in(folder: str, _: int) -> tuple[str, ...]:
    """The packages of one folder in one state: a run adds its project's folder to those of before."""
    found = [path for kind in ("*.dist-info", "*.egg-info") for path in Path(folder).glob(kind)]
    return tuple(path.stem.lower().replace("_", "-") for path in found)


def _environment_of(setting: Setting | None) -> str:
    """The environment that a step's process will have."""
    usual = environment_digest()
    if setting is None or not (setting.python or setting.packages or setting.environment):
        return usual
    own = _packages_beside(Path(setting.python)) if setting.python else []
    variables = [f"{name}={value}" for name, value in sorted(setting.environment.items())]
    lines = [usual, setting.python or "", *own, *sorted(setting.packages), *variables]
    return blake3("\n".join(lines).encode()).hexdigest()


@cache
def _packages_beside(python: Path) -> list[str]:
    """What is installed in the virtual environment of an interpreter."""
    return sorted(
        path.stem for path in python.parent.parent.glob("lib/python*/site-packages/*.dist-info")
    )


def _parameter(tree: JsonValue) -> JsonValue:
    """A tree with its references anonymous, and files given by path with their content."""
    if isinstance(tree, list):
        return [_parameter(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if is_reference(tree):
        return {values.TAG: tree[values.TAG]}
    if tree.get(values.TAG) == "path":
        return {**tree, "content": _content_of(Path(str(tree["value"])))}
    return {key: _parameter(item) for key, item in tree.items()}


def _content_of(path: Path) -> str | None:
    if path.is_file():
        return digest_of_file(path)
    if path.is_dir():
        return values.digest_of(dict(_files_in(path)))
    return None


def _files_in(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), digest_of_file(path)

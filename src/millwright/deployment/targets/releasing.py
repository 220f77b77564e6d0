"""``mw deploy --target`` and ``mw deployments rollback --target``: from the command to the place."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from millwright.deployment.records import Choice
from millwright.deployment.targets import client
from millwright.deployment.targets.places import Tell, go_back, release, served_by, share_traffic
from millwright.deployment.targets.records import Made, NewRelease, ReleaseView, Return
from millwright.deployment.versions import require_passed
from millwright.kernel.door import Door
from millwright.kernel.errors import Conflict, InvalidInput, NotFound
from millwright.kernel.target_config import KINDS, ContainerTarget, LambdaTarget, Target
from millwright.kernel.workspace import Workspace
from millwright.registry import CHAMPION, get_version
from millwright.serving import package_at

_TARGET: TypeAdapter[Target] = TypeAdapter(Target)


def release_to(
    door: Door,
    project: str,
    name: str,
    model: str,
    choice: Choice,
    target: str,
    given: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    *,
    trust_code: bool = False,
) -> None:
    """Bring a version to a target, and keep that it is there.

    Raises:
        NotFound: there is no such target, model or version.
        Conflict: the version failed its gates.
        InvalidInput: a setting is missing, unknown or wrong.
        Unavailable: the tool is not here, or the place refuses.
    """
    settings = settings_of(target, given)
    if trust_code and isinstance(settings, ContainerTarget | LambdaTarget):
        # Elsewhere the image that was made before says it.
        settings = settings.model_copy(update={"trust_code": True})
    which = choice.alias or (CHAMPION if choice.version is None else str(choice.version))
    version = get_version(door, project, model, which)
    require_passed(version)
    package, number = package_at(f"{model}@{version.version}", project)
    before = next(iter(client.standing(door, project, name, target)), None)
    served = served_by(name, model, number, version.manifest or "", settings)
    made = release(served, package, settings, before, output, _teller(as_json))
    if output is not None:
        _tell_written(made, as_json)
        return
    new = NewRelease(model=model, version=number, settings=settings, made=made)
    _show(client.record_release(door, project, name, target, new), as_json)


def return_from(
    door: Door, project: str, name: str, target: str, reason: str, as_json: bool
) -> None:
    """Let a target serve again what it served before its last release.

    Raises:
        Conflict: there is nothing before it.
        Unavailable: the tool is not here, or the place refuses.
    """
    found = client.standing(door, project, name, target)
    if len(found) < 2:
        raise Conflict(
            "targets.nothing_before",
            f"'{name}' has {len(found) or 'no'} release at '{target}', so there is none before it.",
            hint=f"See them with: mw deployments releases {name}",
        )
    settings = _TARGET.validate_python(found[1].settings)
    made = go_back(found[1], settings, _teller(as_json))
    back = Return(left=found[0].id, reason=reason, made=made)
    _show(client.record_return(door, project, name, target, back), as_json)


def share_at(
    door: Door, project: str, name: str, target: str, given: tuple[str, ...], as_json: bool
) -> None:
    """Change how the variants at a target share the traffic.

    Raises:
        Conflict: nothing was released there.
        InvalidInput: a weight is no number of zero or more, or the target has none.
        Unavailable: the place refuses.
    """
    found = client.standing(door, project, name, target)
    if not found:
        raise Conflict(
            "targets.nothing_there",
            f"Nothing of '{name}' was released to '{target}'.",
            hint=f"Begin with: mw deploy --name {name} --target {target}",
        )
    weights = weights_of(given)
    share_traffic(found[0], _TARGET.validate_python(found[0].settings), weights)
    if as_json:
        click.echo(json.dumps({"weights": weights}, indent=2))
        return
    shown = ", ".join(f"{variant} {weight:g}" for variant, weight in weights.items())
    click.echo(f"{name} at {target} shares its traffic by: {shown}.")


def weights_of(given: tuple[str, ...]) -> dict[str, float]:
    """Weights as they were typed, ``VARIANT=WEIGHT``.

    Raises:
        InvalidInput: one is no weight.
    """
    return {variant: _weight(text) for variant, text in (_pair(one) for one in given)}


def settings_of(target: str, given: tuple[str, ...]) -> Target:
    """The settings of a target of the project file, or of a kind of target, and what was given.

    Raises:
        NotFound: it is neither.
        InvalidInput: a setting is missing, unknown or wrong.
    """
    try:
        declared = dict(Workspace.find().starts().deployment.targets)
    except NotFound:
        declared = {}
    if target in declared:
        settings = declared[target].model_dump(exclude_defaults=True)
        settings["kind"] = declared[target].kind
    elif target in KINDS:
        settings = {"kind": target}
    else:
        known = ", ".join([*sorted(declared), *KINDS])
        raise NotFound(
            "targets.unknown",
            f"There is no target '{target}'.",
            hint=f"Declare it under deployment.targets in millwright.yaml, or take one of: {known}",
        )
    for one in given:
        key, value = _pair(one)
        settings[key] = value
    try:
        return _TARGET.validate_python(settings)
    except ValidationError as cause:
        raise InvalidInput(
            "targets.settings",
            f"The target '{target}' cannot be used: {_first(cause)}.",
            hint="Give it with --set KEY=VALUE, or under deployment.targets in millwright.yaml.",
        ) from cause


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or key == "kind":
        raise InvalidInput(
            "targets.setting", f"'{text}' is no setting.", hint="Write KEY=VALUE.", value=text
        )
    return key, value


def _weight(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0.0 <= found < 1e9:
        raise InvalidInput(
            "targets.weight", f"'{text}' is no weight.", hint="Give a number from 0.", value=text
        )
    return found


def _first(cause: ValidationError) -> str:
    error = cause.errors()[0]
    place = ".".join(str(part) for part in error["loc"][1:]) or "the settings"
    return f"{place}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _teller(quiet: bool) -> Tell:
    """Says what is being done, on the stream that nobody parses."""

    def tell(text: str) -> None:
        if not quiet:
            click.echo(text, file=sys.stderr)

    return tell


def _tell_written(made: Made, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"made": made}, indent=2))
        return
    for kind, what in made.items():
        click.echo(f"Written: the {kind} {what}. Nothing else was changed.")


def _show(view: ReleaseView, as_json: bool) -> None:
    if as_json:
        click.echo(view.model_dump_json(indent=2))
        return
    click.echo(
        f"{click.style(view.name, bold=True)} is version {view.version} of {view.model} at "
        f"{view.target}."
    )
    for kind, what in view.made.items():
        click.echo(f"  {kind.replace('_', ' '):10} {what}")
    click.echo(f"  back       mw deployments rollback {view.name} --target {view.target}")

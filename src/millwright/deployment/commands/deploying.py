"""``mw deploy``: serve a version of a model from now on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from millwright.deployment.commands.graphs import EXAMPLE, TRUST
from millwright.deployment.commands.showing import JSON, PROJECT, show_view

if TYPE_CHECKING:
    from millwright.deployment.records import DeploymentView
    from millwright.kernel.door import Door
    from millwright.kernel.serving_config import ServingConfig


@click.command()
@click.argument("model", metavar="[MODEL[@VERSION]|GRAPH.yaml]", required=False)
@click.option("--alias", help="Serve the version that this alias points to (default: champion).")
@click.option("--version", type=click.IntRange(min=1), help="Serve this version.")
@click.option("--name", help="Name of the deployment; by default the one in millwright.yaml.")
@click.option("--port", type=click.IntRange(0, 65535), help="Its port; a free one by default.")
@click.option(
    "--target",
    metavar="TARGET",
    help="Serve it there: a target of millwright.yaml, or container, kubernetes, kserve, knative,"
    " lambda, sagemaker. By default a process of this machine.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the target, or of serving: cache_rows=1000, workers.most=4.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the target's files into this folder and change nothing elsewhere.",
)
@EXAMPLE
@TRUST
@click.option("--wait", default=60.0, show_default=True, help="Seconds to wait until it answers.")
@PROJECT
@JSON
def deploy(
    model: str | None,
    alias: str | None,
    version: int | None,
    name: str | None,
    port: int | None,
    target: str | None,
    settings: tuple[str, ...],
    output: Path | None,
    example: Path | None,
    trust_code: bool,
    wait: float,
    project: str | None,
    as_json: bool,
) -> None:
    """Serve a version of MODEL (by default the project's only model) from now on.

    MODEL@3 and MODEL@staging say which. A GRAPH.yaml is registered first, as a model of its name.
    """
    from millwright.deployment import client
    from millwright.deployment.graphs import register_graph
    from millwright.deployment.records import Choice, NewDeployment
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.serving import is_graph

    _refuse_two_choices(alias, version)
    with connect() as door:
        project = project or project_here()
        model = model or _graph_here() or _only_model(door, project)
        if is_graph(model):
            _refuse_choice(alias, version)
            graph = register_graph(
                door, project, Path(model), example=example, trust_code=trust_code
            )
            model, version = graph.model, graph.version
        else:
            model, alias, version = _chosen(model, alias, version)
        configured_name, configured_port, serving = _configured(model)
        if target is not None:
            from millwright.deployment.targets.releasing import release_to

            choice, named = Choice(version=version, alias=alias), name or configured_name
            where = (target, settings, output)
            release_to(door, project, named, model, choice, *where, as_json, trust_code=trust_code)
            return
        if trust_code:
            settings = (*settings, "trust_code=true")
        _refuse_without_target(output)
        new = NewDeployment(
            model=model,
            alias=alias,
            version=version,
            port=configured_port if port is None else port,
            serving=_with_settings(serving, settings),
        )
        view = client.deploy(door, project, name or configured_name, new)
        if door.url is not None:
            view = _until_settled(door, view, wait)
        show_view(view, as_json, running=door.url is not None)


def _chosen(
    reference: str, alias: str | None, version: int | None
) -> tuple[str, str | None, int | None]:
    """Model, alias and version of ``MODEL``, ``MODEL@ALIAS`` or ``MODEL@3``, with the options.

    Raises:
        InvalidInput: one of them is no name, or two of them choose.
    """
    import re

    model, at, which = reference.partition("@")
    if at:
        for other in (alias, version):
            _refuse_two_choices(which, other)
        if re.fullmatch("[1-9][0-9]{0,8}", which):
            version = int(which)
        else:
            alias = which
    _refuse_odd_name("model", model)
    if alias is not None:
        _refuse_odd_name("alias", alias)
    return model, alias, version


def _refuse_odd_name(what: str, name: str) -> None:
    from pydantic import TypeAdapter, ValidationError

    from millwright.kernel.config_types import Name
    from millwright.kernel.errors import InvalidInput

    try:
        TypeAdapter[str](Name).validate_python(name)
    except ValidationError as cause:
        raise InvalidInput(
            "deployment.name",
            f"'{name}' is no name of {'an' if what == 'alias' else 'a'} {what}: letters, digits, "
            "dots, dashes and underscores make one.",
            hint="Write MODEL, MODEL@ALIAS or MODEL@VERSION; see what there is with: "
            "mw models list",
            value=name,
        ) from cause


def _refuse_two_choices(one: str | None, other: str | int | None) -> None:
    from millwright.kernel.errors import InvalidInput

    if one is not None and other is not None:
        raise InvalidInput(
            "deployment.choice",
            "Give the version once: MODEL@…, --alias or --version, not both.",
            hint="Leave one out.",
        )


def _refuse_without_target(output: Path | None) -> None:
    from millwright.kernel.errors import InvalidInput

    if output is not None:
        raise InvalidInput(
            "deployment.no_target",
            "--output is for a target, and none is named.",
            hint="Name it, as in: --target container",
        )


def _graph_here() -> str | None:
    """The file of the graph that the project file names, if it names one."""
    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        workspace = Workspace.find()
        graph = workspace.starts().deployment.graph
    except NotFound:
        return None
    return None if graph is None else str(workspace.root / graph)


def _refuse_choice(alias: str | None, version: int | None) -> None:
    from millwright.kernel.errors import InvalidInput

    if alias is not None or version is not None:
        raise InvalidInput(
            "deployment.choice",
            "A graph's file is registered as a version of its own, so none can be chosen.",
            hint="Leave --alias and --version out, or name the model in place of the file.",
        )


def _configured(model: str) -> tuple[str, int, ServingConfig | None]:
    """Name, port and settings of the deployment as the project file has them, if there is one."""
    from millwright.kernel.errors import NotFound
    from millwright.kernel.workspace import Workspace

    try:
        config = Workspace.find().starts()
    except NotFound:
        return model, 0, None
    # Without a main job there is no one model that the project stands for.
    named = config.deployment.name or (config.project if config.has_data else model)
    return named, config.deployment.port, config.deployment.serving


def _with_settings(
    serving: ServingConfig | None, settings: tuple[str, ...]
) -> ServingConfig | None:
    """The settings of the project file, and what was given with ``--set`` in place of them.

    Raises:
        InvalidInput: a setting is unknown or wrong.
    """
    import yaml
    from pydantic import ValidationError

    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.serving_config import ServingConfig

    if not settings:
        return serving
    content = {} if serving is None else serving.model_dump()
    for one in settings:
        key, _, value = one.partition("=")
        place = content
        *outer, last = key.split(".")
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = yaml.safe_load(value)
    try:
        return ServingConfig.model_validate(content)
    except ValidationError as cause:
        error = cause.errors()[0]
        name = ".".join(str(part) for part in error["loc"]) or "the settings"
        raise InvalidInput(
            "deployment.setting",
            f"The setting {name} cannot be used: {error['msg'][:1].lower()}{error['msg'][1:]}.",
            hint="Settings are those of deployment.serving in millwright.yaml, such as"
            " cache_rows=1000 or workers.most=4.",
        ) from cause


def _only_model(door: Door, project: str) -> str:
    from millwright.kernel.errors import InvalidInput
    from millwright.registry import list_models

    names = [model.name for model in list_models(door, project)]
    if len(names) == 1:
        return names[0]
    if not names:
        raise InvalidInput(
            "deployment.no_model",
            f"The project '{project}' has no model yet.",
            hint="Train one with: mw run",
        )
    raise InvalidInput(
        "deployment.which_model",
        f"The project '{project}' has {len(names)} models.",
        hint=f"Say which: mw deploy MODEL, one of {', '.join(sorted(names))}.",
    )


def _until_settled(door: Door, view: DeploymentView, seconds: float) -> DeploymentView:
    """Follow a deployment until it answers as asked, fails, or the time is up."""
    import time

    from millwright.deployment.client import get_deployment

    deadline = time.monotonic() + seconds
    while view.health not in ("ready", "failed", "stopped") and time.monotonic() < deadline:
        time.sleep(0.1)
        view = get_deployment(door, view.project, view.name)
    return view

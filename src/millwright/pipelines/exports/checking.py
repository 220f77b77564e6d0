"""What is wrong with an export, told before it is written: pure, and all of it at once.

What planning refuses (a cycle, a missing input, a type that does not fit) never gets here. The rest
is what a target would only say hours later, or not at all: an image that nobody can pull, a name
that Kubernetes refuses, a secret in the open, a step that no other machine can load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import available_timezones

from millwright.pipelines.exports.node_faults import faults_of_node
from millwright.pipelines.exports.records import CONTAINERS, SECRETIVE, Export, Fault, Place
from millwright.pipelines.exports.shape import LONGEST

_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_IMAGE = re.compile(
    r"[a-z0-9]+([._:/-]+[a-z0-9]+)*(:[A-Za-z0-9_][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_QUANTITY = {
    "cpu": re.compile(r"(\d+(\.\d+)?|\d+m)"),
    "memory": re.compile(r"\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?"),
}
_UNITS = {
    "cpu": "Write a number of processors, such as 2 or 500m.",
    "memory": "Write a number and Mi or Gi, such as 2Gi; KB, MB and GB are no units of Kubernetes.",
}
_DAG = re.compile(r"[A-Za-z0-9_.-]{1,250}")
_LARGEST = 1_000_000
"""Bytes of a manifest: what etcd takes for one object."""
_LOCAL = re.compile(r"//(localhost|127\.|0\.0\.0\.0|\[?::1)")


def faults_of(export: Export) -> tuple[Fault, ...]:
    """All that is wrong with an export; empty when it can be written."""
    found = [*_of_pipeline(export), *_of_place(export), *_of_names(export)]
    found += [*_of_reach(export), *_of_parameters(export)]
    for node in export.graph.nodes:
        found += faults_of_node(export, node)
    return tuple(found)


def fault_of_size(text: str) -> tuple[Fault, ...]:
    """A manifest that the target's database would refuse."""
    size = len(text.encode())
    if size <= _LARGEST:
        return ()
    return (
        Fault(
            code="too_large",
            message=f"The manifest has {size:,} bytes; Kubernetes stores at most {_LARGEST:,}.",
            hint="Use a map (step.map) in place of one step for each item, or --to kubernetes.",
        ),
    )


def _of_pipeline(export: Export) -> Iterator[Fault]:
    if not export.graph.nodes:
        yield Fault(
            code="no_steps",
            message=f"The pipeline {export.graph.pipeline!r} has no steps.",
            hint="Call functions decorated with @mw.step in it.",
        )
    names = {"<" in node.step and node.step for node in export.graph.nodes} - {False}
    ours = all(node.step.startswith("millwright.") for node in export.graph.nodes)
    if export.code is None and not names and not ours:
        yield Fault(
            code="no_code",
            message="The project's code cannot be stored: it is over 20 MB, or is in no file.",
            hint="Put the pipeline into a module of its own, and large data beside it.",
        )


def _of_place(export: Export) -> Iterator[Fault]:
    place, target = export.place, export.target
    if target in CONTAINERS and not place.image:
        yield Fault(
            code="no_image",
            message=f"Tasks of {target} are containers, and no image is given.",
            hint="Give one with Millwright in it: --image REGISTRY/NAME:TAG",
            where="--image",
        )
    elif place.image and not _IMAGE.fullmatch(place.image):
        yield Fault(
            code="bad_image",
            message=f"{place.image!r} is no name of an image.",
            hint="Write REGISTRY/NAME:TAG, the name in lower case.",
            where="--image",
        )
    elif place.image and _is_moving(place.image):
        yield Fault(
            code="moving_image",
            message=f"{place.image!r} is another image tomorrow, and results would differ.",
            hint="Give a tag other than latest, or a digest (@sha256:…).",
            where="--image",
        )
    for option, wanted in _QUANTITY.items():
        given = getattr(place, option)
        if given and not wanted.fullmatch(given):
            yield Fault(
                code=f"bad_{option}",
                message=f"{given!r} is no amount of {option}.",
                hint=_UNITS[option],
                where=f"--{option}",
            )
    yield from _of_schedule(place, target)
    if target == "rayjob" and not place.secret:
        yield Fault(
            code="no_ray_token",
            message="A Ray cluster without a token runs whatever anybody sends it.",
            hint="Name a Secret that holds RAY_AUTH_TOKEN and MILLWRIGHT_TOKEN: --secret NAME",
            where="--secret",
        )


def _of_schedule(place: Place, target: str) -> Iterator[Fault]:
    if place.schedule and target in ("kubeflow", "rayjob", "gitlab"):
        yield Fault(
            code="no_schedules",
            message=f"A schedule is no part of what {target} reads.",
            hint="Make a recurring run there, or a schedule here: mw schedules create",
            where="--schedule",
        )
    elif place.schedule and not _is_cron(place.schedule):
        yield Fault(
            code="bad_schedule",
            message=f"{place.schedule!r} is no cron expression of five fields.",
            hint='Write minute, hour, day, month and weekday: "30 2 * * 1-5".',
            where="--schedule",
        )
    if place.timezone not in available_timezones():
        yield Fault(
            code="bad_timezone",
            message=f"There is no time zone {place.timezone!r}.",
            hint="Write a name of the IANA database, such as Europe/Berlin.",
            where="--timezone",
        )


def _of_names(export: Export) -> Iterator[Fault]:
    place = export.place
    if export.target == "airflow":
        if not _DAG.fullmatch(export.name):
            yield Fault(
                code="bad_name",
                message=f"{export.name!r} is no name of a DAG.",
                hint="Use letters, digits, hyphens, dots and underscores: --name NAME",
                where="--name",
            )
    elif not _LABEL.fullmatch(export.name) or len(export.name) > LONGEST:
        yield Fault(
            code="bad_name",
            message=f"Kubernetes refuses the name {export.name!r}.",
            hint=f"Use at most {LONGEST} lower-case letters, digits and hyphens: --name NAME",
            where="--name",
        )
    for option, text in (
        ("namespace", place.namespace),
        ("service_account", place.service_account),
        ("secret", place.secret),
    ):
        wanted = _LABEL if option == "namespace" else _SUBDOMAIN
        if text and (not wanted.fullmatch(text) or len(text) > 63):
            yield Fault(
                code=f"bad_{option}",
                message=f"Kubernetes refuses the name {text!r}.",
                hint="Use lower-case letters, digits and hyphens.",
                where=f"--{option.replace('_', '-')}",
            )


def _of_reach(export: Export) -> Iterator[Fault]:
    place = export.place
    contained = export.target in CONTAINERS or bool(place.image)
    if contained and not place.url:
        yield Fault(
            code="no_url",
            message="Tasks in containers reach the store through a control plane, and none is named.",
            hint="Give the address that they see: --url https://…",
            where="--url",
        )
        return
    if not place.url:
        return
    if not re.match(r"https?://[^/]", place.url):
        yield Fault(
            code="bad_url",
            message=f"{place.url.rpartition('@')[2]!r} is no address of a control plane.",
            hint="Write https://HOST or http://HOST:PORT.",
            where="--url",
        )
    if re.match(r"https?://[^/]*@", place.url) or re.search(
        r"[?&][^=]*" + SECRETIVE.pattern, place.url, re.IGNORECASE
    ):
        yield Fault(
            code="secret_in_url",
            message="The address holds a password or a token, which everybody would see there.",
            hint="Put the token into a Kubernetes Secret as MILLWRIGHT_TOKEN: --secret NAME",
            where="--url",
        )
    if contained and _LOCAL.search(place.url):
        yield Fault(
            code="local_url",
            message=f"In a container {place.url!r} is the container itself.",
            hint="Give the address by which the cluster reaches the control plane.",
            where="--url",
        )


def _of_parameters(export: Export) -> Iterator[Fault]:
    contained = export.target in CONTAINERS or bool(export.place.image)
    for name, tree in export.graph.parameters.items():
        if name not in export.parameters and tree is not None:
            yield Fault(
                code="untyped_parameter",
                message=f"The parameter {name!r} cannot be given as text and read back the same.",
                hint="Annotate it in the pipeline with a type such as int, str or list[str].",
                where=name,
            )
        if SECRETIVE.search(name) and isinstance(tree, str) and tree:
            yield Fault(
                code="secret_parameter",
                message=f"The parameter {name!r} looks like a secret, and would be in the export.",
                hint='Take it in the step that needs it: @mw.step(secrets={"key": "env:NAME"}).',
                where=name,
            )
        path = isinstance(tree, dict) and tree.get("$type") == "path"
        if contained and path:
            yield Fault(
                code="local_path",
                message=f"The parameter {name!r} is a path of this machine, which containers lack.",
                hint="Store the file as a dataset (mw data add) and let a step read it, or annotate "
                "the parameter as str if the image holds it.",
                where=name,
            )


def _is_moving(image: str) -> bool:
    if "@" in image:
        return False
    tag = image.rpartition("/")[2].partition(":")[2]
    return tag in ("", "latest")


def _is_cron(text: str) -> bool:
    from datetime import datetime

    from cronsim import CronSim, CronSimError

    try:
        CronSim(text, datetime(2024, 1, 1))  # noqa: DTZ001 - only whether it can be read
    except CronSimError:
        return False
    return len(text.split()) == 5

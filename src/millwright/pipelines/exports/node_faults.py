"""What is wrong with one step of an export: what it asks of this machine, which others lack."""

from __future__ import annotations

import re
from collections.abc import Iterator

from millwright.pipelines.exports.records import CONTAINERS, SECRETIVE, Export, Fault
from millwright.pipelines.graph import Node, Setting

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_NEEDS = 50
"""Of one job of GitLab CI."""


def faults_of_node(export: Export, node: Node) -> Iterator[Fault]:
    """Its faults, one by one."""
    if export.target == "gitlab" and len(node.needs) > _MOST_NEEDS:
        yield Fault(
            code="many_needs",
            message=f"The step {node.name!r} needs {len(node.needs)} others; a job of GitLab at "
            f"most {_MOST_NEEDS}.",
            hint="Use a map (step.map) in place of one step for each item.",
            where=node.name,
        )
    if node.kind == "approval":
        if export.target in ("kubeflow", "kubernetes", "rayjob"):
            yield Fault(
                code="no_approvals",
                message=f"{export.target} has nothing that waits for a person.",
                hint="Export to airflow or argo, or run it here: mw run FILE",
                where=node.name,
            )
        return
    if "<" in node.step:
        yield Fault(
            code="not_importable",
            message=f"The step {node.name!r} is defined inside a function, where no other process "
            "finds it.",
            hint="Define it at the top of a module.",
            where=node.name,
        )
    if node.step.startswith("__main__:"):
        yield Fault(
            code="in_console",
            message=f"The step {node.name!r} is defined in a console, which has no file.",
            hint="Write the pipeline into a file.",
            where=node.name,
        )
    if node.setting is not None:
        yield from _of_setting(export, node, node.setting)


def _of_setting(export: Export, node: Node, setting: Setting) -> Iterator[Fault]:
    contained = export.target in CONTAINERS or bool(export.place.image)
    for name, value in setting.environment.items():
        if not _VARIABLE.fullmatch(name):
            yield Fault(
                code="bad_variable",
                message=f"{name!r} is no name of an environment variable.",
                hint="Use letters, digits and underscores, a digit not first.",
                where=node.name,
            )
        elif SECRETIVE.search(name) and value:
            yield Fault(
                code="secret_variable",
                message=f"The variable {name!r} of the step {node.name!r} looks like a secret, and "
                "would be in the graph.",
                hint=f'Take it by reference: secrets={{"{name.lower()}": "env:{name}"}}.',
                where=node.name,
            )
        elif name.startswith("MILLWRIGHT_"):
            yield Fault(
                code="reserved_variable",
                message=f"The variable {name!r} says where the control plane is; the export sets it.",
                hint="Give the address with --url and the token in --secret.",
                where=node.name,
            )
    if setting.memory_mb is not None and setting.memory_mb < 64:
        yield Fault(
            code="little_memory",
            message=f"The step {node.name!r} may use {setting.memory_mb} MiB; Python needs 64.",
            hint="memory_mb counts mebibytes.",
            where=node.name,
        )
    if contained:
        yield from _of_contained(export, node, setting)


def _of_contained(export: Export, node: Node, setting: Setting) -> Iterator[Fault]:
    """What a step asks of this machine, which a container does not have."""
    if setting.python is not None:
        yield Fault(
            code="local_python",
            message=f"The step {node.name!r} wants the interpreter {setting.python}, which is on "
            "this machine.",
            hint="Use packages=(…) in its place, or put them into the image.",
            where=node.name,
        )
    for name, reference in setting.secrets.items():
        if reference.startswith("file:"):
            yield Fault(
                code="secret_file",
                message=f"The secret {name!r} of the step {node.name!r} is a file of this machine.",
                hint='Name a variable, "env:NAME", and put it into the Secret.',
                where=node.name,
            )
        elif not export.place.secret:
            yield Fault(
                code="no_secret",
                message=f"The step {node.name!r} needs the secret {name!r}, and no Secret is named.",
                hint=f"Name one that holds {reference.partition(':')[2]}: --secret NAME",
                where=node.name,
            )

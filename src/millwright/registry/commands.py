"""``mw models``: what is registered, which version is champion, and its card."""

from __future__ import annotations

import json
from pathlib import Path

import click

_project = click.option("--project", help="Whose models; by default the project of this folder.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def models() -> None:
    """See models, their versions and cards; move aliases."""


@models.command("list")
@_project
@_json
def list_(project: str | None, as_json: bool) -> None:
    """List the models."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import list_models

    with connect() as door:
        found = list_models(door, project or project_here())
    if as_json:
        click.echo(json.dumps([model.model_dump(mode="json") for model in found], indent=2))
        return
    if not found:
        click.echo("No models yet. Train one with: mw run")
        return
    click.echo(f"{'MODEL':28} {'VERSIONS':>8} {'LATEST':>6}  {'CHANGED':24} ALIASES")
    for model in found:
        named = ", ".join(f"{alias}=v{number}" for alias, number in model.aliases.items())
        click.echo(
            f"{model.name:28.28} {model.versions:>8} {model.latest:>6}  {model.updated_at:24} {named}"
        )


@models.command("show")
@click.argument("model")
@click.argument("version", required=False)
@_project
@_json
def show(model: str, version: str | None, project: str | None, as_json: bool) -> None:
    """Show a MODEL with its versions, or one VERSION (number or alias)."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import get_model, get_version

    owner = project or project_here()
    with connect() as door:
        if version is not None:
            one = get_version(door, owner, model, version)
        else:
            detail = get_model(door, owner, model)
    if version is None:
        if as_json:
            click.echo(detail.model_dump_json(indent=2))
            return
        click.echo(f"{'VERSION':8} {'STATUS':11} {'FAMILY':20} {'REGISTERED':24} ALIASES")
        for each in detail.versions:
            named = ", ".join(each.aliases)
            click.echo(
                f"v{each.version:<7} {each.status:11} {each.family:20.20} {each.created_at:24} {named}"
            )
        return
    if as_json:
        click.echo(one.model_dump_json(indent=2))
        return
    click.echo(
        f"{one.model} v{one.version}  ({one.status}{', ' * bool(one.aliases)}{', '.join(one.aliases)})"
    )
    click.echo(f"  {one.task} · {one.family} · registered {one.created_at} by {one.actor}")
    click.echo(f"  run {one.run or '–'} · data {one.dataset or '–'} · manifest {one.manifest[:16]}")
    for title, lines in (
        ("metrics", [f"{key:28} {value:.5g}" for key, value in one.metrics.items()]),
        (
            "gates",
            [f"{'pass' if gate.passed else 'FAIL'}  {gate.reason}" for gate in one.gates],
        ),
        ("inputs", [f"{field.name:28} {field.kind}" for field in one.signature]),
    ):
        if lines:
            click.echo(title)
            click.echo("\n".join(f"  {line}" for line in lines))


@models.command("adopt")
@click.argument("model")
@click.argument("version")
@click.option(
    "--example",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rows it was trained on, as CSV or Parquet; by default those logged with it.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    help="A label of a classifier that does not say them; once for each.",
)
@click.option(
    "--trust-code", is_flag=True, help="Unpickle it here, which runs whatever the file says."
)
@_project
@_json
def adopt_(
    model: str,
    version: str,
    example: Path | None,
    classes: tuple[str, ...],
    trust_code: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Package a VERSION of MODEL that an MLflow client registered, as the next version.

    It becomes ONNX, its answers are compared with the model's own, and it can then be deployed.
    """
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.adopting import adopt

    with connect() as door:
        made = adopt(
            door,
            project or project_here(),
            model,
            version,
            trust_code=trust_code,
            example=example,
            classes=classes,
        )
    if as_json:
        click.echo(made.model_dump_json(indent=2))
        return
    click.echo(
        f"{model} version {version} is packaged as version {made.version}: {made.family}, answers "
        f"at most {made.parity:.2g} apart."
    )


@models.command("card")
@click.argument("model")
@click.argument("version", default="champion")
@click.option("--html", "as_html", is_flag=True, help="HTML in place of Markdown.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
@_project
@_json
def card_(
    model: str,
    version: str,
    as_html: bool,
    output: Path | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Print the card of a MODEL's VERSION (number or alias; champion if not given)."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import model_card

    with connect() as door:
        content = model_card(door, project or project_here(), model, version, html=as_html)
    if output is not None:
        output.write_text(content, "utf-8")
        content = f"The card of {model} ({version}) is in {output}."
    click.echo(json.dumps({"card": content}) if as_json else content)


@models.command("alias")
@click.argument("model")
@click.argument("alias")
@click.argument("version", required=False, type=click.IntRange(1))
@click.option("--remove", is_flag=True, help="Remove the alias.")
@click.option("--expected", type=click.IntRange(0), help="Only if it points to this version now.")
@click.option("--override", is_flag=True, help="Make it champion although gates failed.")
@click.option("--reason", help="Why; the audit trail keeps it.")
@_project
@_json
def alias_(
    model: str,
    alias: str,
    version: int | None,
    remove: bool,
    expected: int | None,
    override: bool,
    reason: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Point an ALIAS of a MODEL to a VERSION, or remove it."""
    from millwright.kernel.door import connect
    from millwright.kernel.errors import InvalidInput
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import remove_alias, set_alias

    if remove == (version is not None):
        raise InvalidInput(
            "registry.alias_usage",
            "Give either a version to point to, or --remove.",
            hint=f"For example: mw models alias {model} {alias} 3",
        )
    owner = project or project_here()
    with connect() as door:
        if version is None:
            state = remove_alias(door, owner, model, alias)
            said = f"{model}@{alias} is gone; it pointed to version {state.version}."
        else:
            state = set_alias(
                door,
                owner,
                model,
                alias,
                version,
                expected=expected,
                override=override,
                reason=reason,
            )
            said = f"{model}@{alias} points to version {state.version}."
    click.echo(state.model_dump_json(indent=2) if as_json else said)


@models.command("approve")
@click.argument("model")
@click.argument("version")
@click.option("--alias", default="champion", show_default=True, help="The name it may take.")
@click.option("--reject", is_flag=True, help="Say that it may not.")
@click.option("--comment", default="", help="Why; the audit trail keeps it.")
@_project
@_json
def approve_(
    model: str,
    version: str,
    alias: str,
    reject: bool,
    comment: str,
    project: str | None,
    as_json: bool,
) -> None:
    """Approve a MODEL's VERSION (number or alias) for an alias, or reject it."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import approve
    from millwright.registry.records import NewApproval

    new = NewApproval(alias=alias, verdict="rejected" if reject else "approved", comment=comment)
    with connect() as door:
        state = approve(door, project or project_here(), model, version, new)
    if as_json:
        click.echo(state.model_dump_json(indent=2))
        return
    said = "may take" if state.granted else "may not take"
    click.echo(
        f"{model} version {state.version} {said} the alias '{alias}': {state.counted} of "
        f"{state.required} approvals by others than its author."
    )


@models.command("compare")
@click.argument("model")
@click.argument("left")
@click.argument("right")
@_project
@_json
def compare_(model: str, left: str, right: str, project: str | None, as_json: bool) -> None:
    """Compare two versions of a MODEL (numbers or aliases): metrics, inputs, environment."""
    from millwright.kernel.door import connect
    from millwright.kernel.workspace import project_here
    from millwright.registry.client import compare

    with connect() as door:
        found = compare(door, project or project_here(), model, left, right)
    if as_json:
        click.echo(found.model_dump_json(indent=2))
        return
    click.echo(f"{'':28} {'v' + str(found.left.version):>14} {'v' + str(found.right.version):>14}")
    for metric in found.metrics:
        values = [
            f"{v:>14.5g}" if v is not None else f"{'–':>14}" for v in (metric.left, metric.right)
        ]
        change = "" if metric.change is None else f" {metric.change:+.5g}"
        click.echo(f"{metric.name:28.28} {values[0]} {values[1]}{change}")
    for title, changes in (
        ("facts", found.facts),
        ("inputs", found.signature),
        ("environment", found.environment),
    ):
        if changes:
            click.echo(title)
        for each in changes:
            click.echo(f"  {each.name:26.26} {each.left or '–'} → {each.right or '–'}")

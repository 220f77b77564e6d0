"""``mw token``: who may use this installation over the network."""

from __future__ import annotations

import json

import click

ROLES = ("viewer", "editor", "operator", "admin")
_PROJECT = click.option("--project", help="Another project than the one of this folder.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def token() -> None:
    """Make, list and revoke access tokens."""


@token.command("create")
@click.option("--name", required=True, help="Who or what will use it; shown in the audit trail.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    help="In every project. viewer: see; editor: add data, runs and models; operator: deploy; "
    "admin: all. Without it: nothing but what --project gives.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="NAME=ROLE",
    help="A role in one project, such as flights=editor; may be given several times.",
)
@click.option("--expires-in", help="For example 90d. Without it: until it is revoked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(
    name: str, role: str | None, projects: tuple[str, ...], expires_in: str | None, as_json: bool
) -> None:
    """Make a token and show it, once."""
    from pydantic import ValidationError

    from millwright.kernel.access import Role
    from millwright.kernel.door import connect
    from millwright.kernel.errors import InvalidInput
    from millwright.security.client import create_token
    from millwright.security.records import TokenRequest

    granted = dict(_granted(one) for one in projects)
    if role is None and not granted:
        raise click.UsageError("Say what the token may do: --role ROLE, or --project NAME=ROLE.")
    try:
        request = TokenRequest(
            name=name,
            role=Role(role or Role.GUEST),
            projects={project: Role(given) for project, given in granted.items()},
            expires_in=expires_in,
        )
    except ValidationError as cause:
        raise InvalidInput(
            "security.token_name",
            f"'{name}' cannot be the name of a token.",
            hint="Use letters, digits and _ . - only, at most 100, starting with a letter or digit.",
            value=name,
        ) from cause
    with connect() as door:
        issued = create_token(door, request)
    if as_json:
        click.echo(issued.model_dump_json(indent=2))
        return
    until = f"until {issued.token.expires_at}" if issued.token.expires_at else "until revoked"
    what = ", ".join([*([role] if role else []), *projects])
    click.echo(f"Token '{name}' ({what}), {until}. It is shown only now; keep it safe:")
    click.echo(issued.secret)
    click.echo("Use it with: export MILLWRIGHT_TOKEN=…")


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List all tokens, newest first."""
    from millwright.kernel.door import connect
    from millwright.security.client import list_tokens

    with connect() as door:
        known = list_tokens(door)
    if as_json:
        click.echo(json.dumps([item.model_dump(mode="json") for item in known], indent=2))
        return
    if not known:
        click.echo("No tokens yet. Make one with: mw token create --role admin --name NAME")
        return
    click.echo(f"{'NAME':24} {'ROLE':9} {'STATE':8} {'LAST USED':25} {'EXPIRES':25} PROJECTS")
    for item in known:
        state = "active" if item.active else "revoked" if item.revoked_at else "expired"
        used, expires = item.last_used_at or "never", item.expires_at or "never"
        given = ", ".join(f"{name}={role}" for name, role in sorted(item.projects.items()))
        line = f"{item.name:24} {item.role.value:9} {state:8} {used:25} {expires:25} {given}"
        click.echo(line.rstrip())


@token.command("revoke")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def revoke(name: str, as_json: bool) -> None:
    """Make the token with this NAME (or id) worthless at once."""
    from millwright.kernel.door import connect
    from millwright.security.client import revoke_token

    with connect() as door:
        revoked = revoke_token(door, name)
    if as_json:
        click.echo(revoked.model_dump_json(indent=2))
        return
    click.echo(
        f"Token '{revoked.name}' is revoked; requests that bring it are refused from now on."
    )


@token.command("access")
@_PROJECT
@_JSON
def access(project: str | None, as_json: bool) -> None:
    """List which tokens open a project, and with which role."""
    from millwright.kernel.door import connect
    from millwright.security.client import list_access

    where = project or _project()
    with connect() as door:
        found = list_access(door, where)
    if as_json:
        click.echo(json.dumps([item.model_dump(mode="json") for item in found], indent=2))
        return
    if not found:
        click.echo(f"No token opens the project '{where}'.")
        return
    click.echo(f"{'NAME':24} {'HERE':9} EVERYWHERE")
    for item in found:
        click.echo(f"{item.name:24} {item.role.value:9} {item.everywhere.value}")


@token.command("grant")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@_PROJECT
@_JSON
def grant(name: str, role: str, project: str | None, as_json: bool) -> None:
    """Give the token with this NAME (or id) a ROLE in a project."""
    from millwright.kernel.access import Role
    from millwright.kernel.door import connect
    from millwright.security import client
    from millwright.security.records import Grant

    where = project or _project()
    with connect() as door:
        given = client.grant(door, where, name, Grant(role=Role(role)))
    if as_json:
        click.echo(given.model_dump_json(indent=2))
        return
    click.echo(f"Token '{given.name}' is {given.role} in the project '{where}' from now on.")


@token.command("withdraw")
@click.argument("name")
@_PROJECT
@_JSON
def withdraw(name: str, project: str | None, as_json: bool) -> None:
    """Take the role in a project away from the token with this NAME (or id)."""
    from millwright.kernel.door import connect
    from millwright.security import client

    where = project or _project()
    with connect() as door:
        left = client.withdraw(door, where, name)
    if as_json:
        click.echo(left.model_dump_json(indent=2))
        return
    click.echo(f"Token '{left.name}' is {left.role} in the project '{where}' from now on.")


def _granted(text: str) -> tuple[str, str]:
    name, _, role = text.partition("=")
    if not name or role not in ROLES:
        raise click.UsageError(
            f"'{text}' is not NAME=ROLE, such as flights=editor; roles: {', '.join(ROLES)}."
        )
    return name, role


def _project() -> str:
    from millwright.kernel.workspace import Workspace

    return Workspace.find().starts().project

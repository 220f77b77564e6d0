"""``mw token``: who may use this installation over the network."""

from __future__ import annotations

import json

import click

ROLES = ("viewer", "editor", "operator", "admin")


@click.group()
def token() -> None:
    """Make, list and revoke access tokens."""


@token.command("create")
@click.option("--name", required=True, help="Who or what will use it; shown in the audit trail.")
@click.option(
    "--role",
    type=click.Choice(ROLES),
    required=True,
    help="viewer: see; editor: add data, runs and models; operator: deploy; admin: all.",
)
@click.option("--expires-in", help="For example 90d. Without it: until it is revoked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create(name: str, role: str, expires_in: str | None, as_json: bool) -> None:
    """Make a token and show it, once."""
    from pydantic import ValidationError

    from millwright.kernel.access import Role
    from millwright.kernel.door import connect
    from millwright.kernel.errors import InvalidInput
    from millwright.security.client import create_token
    from millwright.security.records import TokenRequest

    try:
        request = TokenRequest(name=name, role=Role(role), expires_in=expires_in)
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
    click.echo(f"Token '{name}' with the role {role}, {until}. It is shown only now; keep it safe:")
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
    click.echo(f"{'NAME':24} {'ROLE':9} {'STATE':8} {'LAST USED':25} EXPIRES")
    for item in known:
        state = "active" if item.active else "revoked" if item.revoked_at else "expired"
        used, expires = item.last_used_at or "never", item.expires_at or "never"
        click.echo(f"{item.name:24} {item.role.value:9} {state:8} {used:25} {expires}")


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

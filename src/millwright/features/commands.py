"""``mw features``: features of a table, handed out one entity at a time."""

from __future__ import annotations

import click

TOKEN = "MILLWRIGHT_FEATURES_TOKEN"  # noqa: S105 - the name of a variable


@click.group()
def features() -> None:
    """Features for models that are being asked."""


@features.command()
@click.argument("source", metavar="FILE|FOLDER", type=click.Path(exists=True))
@click.option(
    "--keys", required=True, help="Columns that name an entity, with commas: origin,carrier."
)
@click.option(
    "--time", "time_column", help="Column that says when a row became known; the latest counts."
)
@click.option("--view", help="Name of these features; by default that of the file.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option(
    "--port", default=6566, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."
)
def serve(
    source: str, keys: str, time_column: str | None, view: str | None, host: str, port: int
) -> None:
    """Answer what is known of entities, as Feast's feature server does, until Ctrl-C.

    The file is read again when it changes. On an address that other machines reach, callers send the
    token in MILLWRIGHT_FEATURES_TOKEN.
    """
    import ipaddress
    import os
    import socket
    from pathlib import Path

    import uvicorn

    from millwright.features.online.serving import PATH, OnlineServer, OnlineStore
    from millwright.kernel.errors import Forbidden, Unavailable

    path = Path(source)
    names = [key.strip() for key in keys.split(",")]
    store = OnlineStore(view or path.name.partition(".")[0], path, names, time_column)
    token = os.environ.get(TOKEN) or None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as cause:
            raise Unavailable(
                "features.cannot_listen",
                f"Cannot listen on port {port} of {host}: {os.strerror(cause.errno or 0)}.",
                hint="Choose another address or port (--port 0 takes a free one).",
            ) from cause
        at, taken = bound.getsockname()[:2]
        if token is None and not ipaddress.ip_address(at).is_loopback:
            raise Forbidden(
                "features.open_door",
                f"The address {at} can be reached from other machines and no token is set.",
                hint=f"Set {TOKEN} to a secret that callers send, or use --host 127.0.0.1.",
            )
        shown = f"[{at}]" if ":" in at else at
        click.echo(
            f"Features of {len(store.rows):,} entities of '{store.view}' at "
            f"http://{shown}:{taken}{PATH}"
        )
        settings = uvicorn.Config(
            OnlineServer(store, token), log_config=None, access_log=False, lifespan="off", ws="none"
        )
        uvicorn.Server(settings).run(sockets=[bound])

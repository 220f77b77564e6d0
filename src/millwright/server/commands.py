"""`mw up` and `mw server`."""

from __future__ import annotations

import click

_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
_PORT = click.option("--port", default=8600, show_default=True, help="Port; 0 picks a free one.")
_ALLOW = click.option(
    "--allow-host", multiple=True, metavar="NAME", help="Another host name to answer to."
)


@click.command()
@_HOST
@_PORT
@_ALLOW
def up(host: str, port: int, allow_host: tuple[str, ...]) -> None:
    """Start everything here: API, UI, scheduler and controllers, until Ctrl-C.

    On loopback there is no login. Any other address needs an admin token first:
    mw token create --role admin --name you
    """
    import signal
    import threading

    from millwright.kernel.errors import Unavailable
    from millwright.kernel.workspace import Workspace
    from millwright.server.control_plane import Listen
    from millwright.server.supervisor import Supervisor

    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with Supervisor(Workspace.find(), Listen(host, port, allow_host)) as supervisor:
        click.echo(f"Millwright is up at {click.style(supervisor.url, bold=True)}")
        click.echo(f"  log: {supervisor.log}\n  Ctrl-C stops everything that was started.")
        while not asked_to_stop.wait(0.2):
            if supervisor.wait(0):
                raise Unavailable("server.ended", supervisor.failure or "The control plane ended.")
        click.echo("Stopping …")
    click.echo("Everything has stopped.")


@click.command()
@_HOST
@_PORT
@_ALLOW
def server(host: str, port: int, allow_host: tuple[str, ...]) -> None:
    """Run the control plane in the foreground, for a process supervisor of your own."""
    from millwright.kernel.workspace import Workspace
    from millwright.server.control_plane import Listen, serve

    serve(Workspace.find(), Listen(host, port, allow_host))

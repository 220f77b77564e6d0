"""`mw demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.demo.console import Console
    from millwright.kernel.workspace import Workspace
    from millwright.server import Supervisor


@click.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("millwright-demo"),
    show_default=True,
    help="Where the demo's project lives.",
)
@click.option("--fresh", is_flag=True, help="Forget what was played before and start anew.")
@click.option("--no-serve", is_flag=True, help="End after the summary instead of at Ctrl-C.")
@click.option("--budget", help="Time for the first search, such as 30s (default 60s).")
@click.option("--port", type=int, help="Port of the UI; 8600, or any free one where that is taken.")
def demo(folder: Path, fresh: bool, no_serve: bool, budget: str | None, port: int | None) -> None:
    """Play a real year in the life of a model, on the flights from New York in 2013.

    It may be stopped or killed at any time; the same command continues the story.
    """
    import signal

    from millwright.demo.console import Console
    from millwright.demo.project import lay_out
    from millwright.kernel.locks import exclusive
    from millwright.server import Listen, Supervisor

    # SIGTERM ends the demo as Ctrl-C does: in order, with every process it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    busy = f"A demo is running already in {folder}."
    with exclusive(folder / ".demo.lock", wait=False, busy=busy):
        workspace = lay_out(folder, fresh=fresh)
        click.echo(click.style("Millwright: a year in the life of a model", bold=True))
        console.say("Question: will this flight arrive more than 15 minutes late?")
        console.look(f"everything is in {workspace.root}; the project is millwright.yaml there")
        chosen = _free_port() if port is None else port
        with Supervisor(workspace, Listen("127.0.0.1", chosen)) as supervisor:
            console.good(f"The control plane and its UI are up at {supervisor.url}")
            _play(workspace, supervisor, console, budget)
            if not no_serve:
                _stay(supervisor, console)


def _play(
    workspace: Workspace, supervisor: Supervisor, console: Console, budget: str | None
) -> None:
    from millwright.demo.outcome import tell_outcome
    from millwright.demo.story import MODEL, Story
    from millwright.demo.world import World
    from millwright.kernel.door import connect

    with connect(workspace, supervisor.url, patience_seconds=60) as door:
        world = World(door, lambda: supervisor.failure)
        story = Story(workspace, world, console, budget=budget)
        if story.finished:
            console.say("The year was played before (--fresh plays it anew).")
            world.serve_champion(MODEL)
        else:
            story.play()
        tell_outcome(console, story.state, world)


def _free_port() -> int:
    """The usual port where it is free, else 0: a demo should start whatever else runs here."""
    from millwright.kernel.errors import Unavailable
    from millwright.server import Listen, bind

    usual = Listen()
    try:
        bind(usual.host, usual.port).close()
    except Unavailable:
        return 0
    return usual.port


def _stay(supervisor: Supervisor, console: Console) -> None:
    from millwright.kernel.errors import Unavailable

    click.echo(f"\nLook around: {click.style(supervisor.url, bold=True)}   (Ctrl-C ends it all)")
    try:
        while not supervisor.wait(0.5):
            pass
    except KeyboardInterrupt:
        console.say("Stopping everything that was started …")
        return
    raise Unavailable("demo.ended", supervisor.failure or "The control plane ended.")

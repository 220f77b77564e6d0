"""A script run again from its record, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from millwright.kernel.door import Door
from millwright.kernel.errors import InvalidInput, NotFound, Unavailable
from millwright.kernel.ids import new_id
from millwright.kernel.workspace import WORKSPACE_VARIABLE, Workspace
from millwright.tracking import client
from millwright.tracking.api import RUN_VARIABLE
from millwright.tracking.environment import packages, run_environment
from millwright.tracking.records import Run
from millwright.tracking.reproducing.comparing import compared, reasons, surroundings
from millwright.tracking.reproducing.rebuilding import detail_of, rebuilt
from millwright.tracking.reproducing.records import Difference, Reproduction

_HIDDEN = "***"
_MOST_METRICS = 500


@dataclass(frozen=True)
class Wanted:
    """How a script is to be run again."""

    repository: Path
    arguments: tuple[str, ...] | None = None
    """In place of the recorded ones, where those held secrets."""
    tolerance: float = 0.0
    venv: bool = False
    """Install the recorded packages into an environment of its own first."""


def reproduce_script(
    door: Door, workspace: Workspace, run: Run, wanted: Wanted, say: Callable[[str], None]
) -> Reproduction:
    """Lay a run's code down, run it with the recorded arguments and seeds, compare the results.

    Raises:
        InvalidInput: the run does not say how it was started, or its arguments held secrets.
        Unavailable: the code is not here any more, or the script did not start a run.
    """
    detail = detail_of(run)
    arguments = detail.arguments if wanted.arguments is None else wanted.arguments
    if any(_HIDDEN in word for word in arguments):
        raise InvalidInput(
            "reproduce.secret_arguments",
            "The run's arguments held secrets, which are not recorded.",
            hint="Give all arguments anew: mw reproduce RUN -- ARGUMENTS",
        )
    with tempfile.TemporaryDirectory(prefix="mw-reproduce-") as place:
        into = Path(place)
        with rebuilt(door, run, into, wanted.repository) as root:
            say(f"The code of {run.name} is laid down again")
            python = _python(door, run, into, say) if wanted.venv else Path(sys.executable)
            again = _run(door, workspace, run, root, python, arguments)
    return _comparison(door, run, again, wanted.tolerance)


def _run(
    door: Door,
    workspace: Workspace,
    run: Run,
    root: Path,
    python: Path,
    arguments: Sequence[str],
) -> Run:
    detail, identifier = detail_of(run), new_id()
    started = ["-m", detail.module] if detail.module else [str(root / str(detail.entry_point))]
    folder = root / detail.folder
    seeds = run.environment.seeds if run.environment is not None else {}
    settings = {
        **os.environ,
        "MILLWRIGHT_PROJECT": run.project,
        WORKSPACE_VARIABLE: str(workspace.root),
        RUN_VARIABLE: identifier,
    }
    if door.url is not None:
        settings["MILLWRIGHT_URL"] = door.url
    if "PYTHONHASHSEED" in seeds:
        settings["PYTHONHASHSEED"] = str(seeds["PYTHONHASHSEED"])
    command = [str(python), *started, *arguments]
    # What the script prints goes beside our own report, which may be JSON.
    done = subprocess.run(
        command,
        cwd=folder if folder.is_dir() else root,
        env=settings,
        check=False,
        stdout=2,
    )
    try:
        client.set_tags(door, identifier, {"millwright.reproduces": run.id})
    except NotFound:
        raise Unavailable(
            "reproduce.no_run",
            f"The script ended with {done.returncode} before it started a run.",
            hint="Its output above says why; what it reads beside its code may be missing.",
        ) from None
    return client.get_run(door, identifier)


def _comparison(door: Door, run: Run, again: Run, tolerance: float) -> Reproduction:
    keys = sorted({*run.metrics, *again.metrics})[:_MOST_METRICS]
    points = {
        key: (client.metric_history(door, run.id, key), client.metric_history(door, again.id, key))
        for key in keys
    }
    listed = (client.list_artifacts(door, run.id), client.list_artifacts(door, again.id))
    return compared(
        run,
        again,
        metrics=points,
        artifacts=listed,
        causes=causes_of(door, run, again),
        tolerance=tolerance,
    )


def causes_of(door: Door, run: Run, again: Run) -> list[Difference]:
    """What differs in what went into two runs: code, data, seed, environment, machine."""
    found = []
    for name in ("commit", "diff_digest"):
        first, second = (getattr(one.code, name, None) for one in (run, again))
        if first != second:
            found.append(Difference(aspect="code", name=name, before=first, after=second))
    if run.inputs != again.inputs:
        before, after = ", ".join(run.inputs), ", ".join(again.inputs)
        found.append(Difference(aspect="data", name="inputs", before=before, after=after))
    if run.seed != again.seed:
        before, after = str(run.seed), str(again.seed)
        found.append(Difference(aspect="seed", name="seed", before=before, after=after))
    then = _lock(door, run)
    now = _lock(door, again) or packages()
    return found + surroundings(run, again.environment or run_environment(), then, now)


def why_results_differ(
    door: Door, run: Run, again: Run, differences: Sequence[Difference]
) -> tuple[str, ...]:
    """Why two runs came to different results, as sentences."""
    return reasons(run, [*causes_of(door, run, again), *differences])


def _lock(door: Door, run: Run) -> str | None:
    digest = None if run.environment is None else run.environment.digest
    return None if digest is None else door.fetch(run.project, digest).decode()


def _python(door: Door, run: Run, into: Path, say: Callable[[str], None]) -> Path:
    """A Python with the recorded packages, as far as they can be installed."""
    lock = _lock(door, run)
    if lock is None:
        raise Unavailable("reproduce.no_lock", "The run's packages were not recorded.")
    place = into / "venv"
    say("Building an environment with the recorded packages")
    python = place / "bin" / "python"
    wanted = into / "requirements.txt"
    # This Millwright runs the script's calls; its own version was the run's or is compared.
    wanted.write_text("".join(f"{pin}\n" for pin in lock.splitlines() if "millwright" not in pin))
    own = Path(__file__).parents[2]
    for command in (
        [sys.executable, "-m", "venv", str(place)],
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--requirement", str(wanted)],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise Unavailable(
                "reproduce.environment",
                f"The recorded packages cannot be installed: {done.stderr.strip()[-800:]}",
                hint="Run it without --venv; the report names the packages that differ.",
            )
    site = next((place / "lib").glob("python*")) / "site-packages"
    (site / "millwright-here.pth").write_text(f"{own.parent}\n")
    return python

"""``move`` and ``remove``."""

from __future__ import annotations

import os

from millwright.data.dvc import files, linking
from millwright.data.dvc.command_line.words import (
    Parser,
    ignore_in_git,
    stop_ignoring,
    tell_git,
)
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.kernel.errors import Conflict, InvalidInput


def move(arguments: list[str]) -> int:
    """Rename tracked data."""
    parser = Parser("move", "Rename tracked data and its .dvc file.")
    parser.add_argument("source")
    parser.add_argument("target")
    options = parser.parse_args(arguments)
    repository = find()
    tracked = _alone(repository, options.source)
    place = repository.place(options.target)
    if os.path.isdir(repository.full(place)):
        place = f"{place}/{tracked.place.rpartition('/')[2]}".lstrip("/")
    source = place + files.DVC_FILE
    for taken in (place, source):
        if os.path.lexists(repository.full(taken)):
            raise Conflict("dvc.exists", f"{taken} exists.", value=taken)
    dvc_file = repository.now.dvc_files[tracked.source]
    os.makedirs(os.path.dirname(repository.full(place)), exist_ok=True)
    if os.path.lexists(repository.full(tracked.place)):
        os.rename(repository.full(tracked.place), repository.full(place))
    out = tracked.out._replace(path=place.rpartition("/")[2])
    rest = {key: value for key, value in dvc_file.rest.items() if key != "wdir"}
    text = dvc_file._replace(outs=(out,), rest=rest).text()
    linking.write_file(repository.full(source), text.encode())
    os.unlink(repository.full(tracked.source))
    changed = [stop_ignoring(repository, tracked.place), ignore_in_git(repository, place)]
    touched = [tracked.source, source, *(each for each in changed if each)]
    tell_git(repository, list(dict.fromkeys(touched)), options.quiet)
    return 0


def remove(arguments: list[str]) -> int:
    """Stop tracking data; with ``--outs`` delete it from the working tree, too."""
    parser = Parser("remove", "Stop tracking data.")
    parser.flags("--outs")
    parser.add_argument("targets", nargs="+")
    options = parser.parse_args(arguments)
    repository = find()
    touched: list[str] = []
    for target in options.targets:
        tracked = _alone(repository, target)
        os.unlink(repository.full(tracked.source))
        if options.outs and os.path.lexists(repository.full(tracked.place)):
            linking.remove(repository.full(tracked.place))
        ignoring = stop_ignoring(repository, tracked.place)
        touched += [tracked.source, *([ignoring] if ignoring else [])]
    if repository.config.flag("core", "autostage"):
        tell_git(repository, list(dict.fromkeys(touched)), options.quiet)
    return 0


def _alone(repository: Repository, target: str) -> Tracked:
    """The output of a ``.dvc`` file that has no other."""
    tracked, part = repository.chosen([target])[0]
    dvc_file = repository.now.dvc_files.get(tracked.source)
    if part or dvc_file is None or len(dvc_file.outs) != 1:
        raise InvalidInput(
            "dvc.target",
            f"{target!r} is not tracked by a .dvc file of its own.",
            hint="Stages and shared files are changed by dvc itself.",
            value=target,
        )
    return tracked

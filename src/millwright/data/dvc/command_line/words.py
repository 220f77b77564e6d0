"""What all commands share: reading options, and the sentences DVC's users know."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from millwright.data.dvc import git
from millwright.data.dvc.repository import Repository


class _Help(argparse.HelpFormatter):
    """Help as wide as the terminal, without loading ``shutil`` and with it all that unpacks archives."""

    def __init__(self, prog: str) -> None:
        try:
            columns = os.get_terminal_size(1).columns
        except OSError:
            columns = 0
        super().__init__(prog, width=(columns or 80) - 2)


class Parser(argparse.ArgumentParser):
    """Options of one command; a mistake in them ends with DVC's code 254."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"mw-dvc {command}",
            description=description,
            allow_abbrev=False,
            formatter_class=_Help,
        )
        self.add_argument("-q", "--quiet", action="store_true", help="Say only what went wrong.")
        self.add_argument("-v", "--verbose", action="store_true", help=argparse.SUPPRESS)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the options."""
        print(f"ERROR: {message}", file=sys.stderr)
        self.print_usage(sys.stderr)
        raise SystemExit(254)

    def flags(self, *names: str) -> None:
        """Options that are on or off, given as ``-x/--long``."""
        for name in names:
            self.add_argument(*name.split("/"), action="store_true")

    def ignored(self, *names: str) -> None:
        """Options of DVC that have no effect here, each taking a value."""
        for name in names:
            self.add_argument(*name.split("/"), help=argparse.SUPPRESS)


def say(options: argparse.Namespace, text: str) -> None:
    """Print unless quiet."""
    if not options.quiet:
        print(text)


def files(count: int) -> str:
    """A number of files in words."""
    return f"{count} file" if count == 1 else f"{count} files"


def tell_git(repository: Repository, places: Sequence[str], quiet: bool) -> None:
    """Stage DVC files in git where ``core.autostage`` asks for it, or say how."""
    if repository.git_root is None or not places:
        return
    if repository.config.flag("core", "autostage"):
        git.run(repository.root, "add", "--", *places)
        return
    if quiet:
        return
    from shlex import quote

    shown = " ".join(quote(os.path.relpath(repository.full(place))) for place in places)
    print(
        f"\nTo track the changes with git, run:\n\n\tgit add {shown}\n\n"
        "To enable auto staging, run:\n\n\tmw-dvc config core.autostage true"
    )


def ignore_in_git(repository: Repository, place: str) -> str | None:
    """Write an output into the ``.gitignore`` beside it; that file's place if it changed."""
    if repository.git_root is None:
        return None
    folder, _, name = place.rpartition("/")
    ignoring = f"{folder}/.gitignore".lstrip("/")
    line = "/" + _escaped(name)
    text = repository.read(ignoring) or ""
    if line in text.splitlines():
        return None
    if git.run(repository.root, "check-ignore", "-q", "-v", "--", place, check=False):
        return None
    ending = "" if not text or text.endswith("\n") else "\n"
    with open(repository.full(ignoring), "a", encoding="utf-8") as file:
        file.write(f"{ending}{line}\n")
    return ignoring


def stop_ignoring(repository: Repository, place: str) -> str | None:
    """Take an output out of the ``.gitignore`` beside it; that file's place if it changed."""
    folder, _, name = place.rpartition("/")
    ignoring = f"{folder}/.gitignore".lstrip("/")
    text = repository.read(ignoring)
    line = "/" + _escaped(name)
    if text is None or line not in text.splitlines():
        return None
    kept = [each for each in text.splitlines() if each != line]
    if kept:
        with open(repository.full(ignoring), "w", encoding="utf-8") as file:
            file.write("\n".join(kept) + "\n")
    else:
        os.unlink(repository.full(ignoring))
    return ignoring


def _escaped(name: str) -> str:
    for char in "\\*?[!#":
        name = name.replace(char, "\\" + char)
    return name

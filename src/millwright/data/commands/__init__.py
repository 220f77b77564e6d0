"""`mw data`: dataset versions, where their bytes are, and whether they can be trusted."""

from __future__ import annotations

import click

from millwright.kernel.command_line import LazyGroup

_HERE = "millwright.data.commands"
COMMANDS: dict[str, tuple[str, str]] = {
    "add": (f"{_HERE}.adding:add", "Keep a folder, files or a table as a version."),
    "status": (f"{_HERE}.working_copy:status", "What changed since the version that is here."),
    "diff": (f"{_HERE}.history:diff", "What differs between versions, or since one."),
    "log": (f"{_HERE}.history:log", "The versions of a dataset."),
    "checkout": (f"{_HERE}.working_copy:checkout", "Bring a version's files here."),
    "unprotect": (f"{_HERE}.working_copy:unprotect", "Make kept files writable."),
    "list": (f"{_HERE}.listing:list_command", "The datasets of the project."),
    "show": (f"{_HERE}.listing:show", "What is in a version, and what came of it."),
    "ls": (f"{_HERE}.browsing:ls", "The files of a version, without checking it out."),
    "du": (f"{_HERE}.browsing:du", "How large the folders of a version are."),
    "get": (f"{_HERE}.browsing:get", "Files or ranges of bytes out of a version."),
    "tag": (f"{_HERE}.history:tag", "Give a version a name that stays."),
    "branch": (f"{_HERE}.history:branch", "Start a line of versions of its own."),
    "import": (f"{_HERE}.importing:import_", "Keep what a source holds, and remember it."),
    "import-url": (f"{_HERE}.importing:import_url", "Import what is at an address."),
    "import-db": (f"{_HERE}.importing:import_db", "Import a table or query of a database."),
    "sources": (f"{_HERE}.importing:sources", "Where datasets were imported from."),
    "update": (f"{_HERE}.importing:update", "Import again what changed at its source."),
    "merge": (f"{_HERE}.merging:merge", "Merge a version into a branch, rows by key."),
    "rules": (f"{_HERE}.checking:rules", "The checks of a dataset; --yaml to edit them."),
    "apply": (f"{_HERE}.checking:apply", "Make an edited file the checks of a dataset."),
    "confirm": (
        f"{_HERE}.checking:confirm",
        "Confirm checks: a version that breaks one is refused.",
    ),
    "check": (f"{_HERE}.checking:check", "Check a version; keep its broken rows apart."),
    "quarantine": (f"{_HERE}.checking:quarantine", "The broken rows of a version."),
    "override": (f"{_HERE}.checking:override", "Let a version through with a reason."),
    "quality": (f"{_HERE}.quality:quality", "Import checks; see the vocabulary."),
    "profile": (f"{_HERE}.quality:profile", "What a version looks like, as text or HTML."),
    "remote": (f"{_HERE}.remotes:remote", "Places outside where versions are kept as well."),
    "push": (f"{_HERE}.transferring:push", "Bring versions to a remote."),
    "pull": (f"{_HERE}.transferring:pull", "Fetch versions and bring their files here."),
    "fetch": (f"{_HERE}.transferring:fetch", "Bring versions here from a remote."),
    "gc": (f"{_HERE}.upkeep:gc", "Remove what nothing refers to."),
    "fsck": (f"{_HERE}.upkeep:fsck", "Read every stored byte again, and repair damage."),
    "erase": (f"{_HERE}.upkeep:erase", "Erase a path, a digest or rows from every version."),
}


@click.group(cls=LazyGroup, commands_at=COMMANDS)
def data() -> None:
    """Dataset versions, where their bytes are, and whether they can be trusted."""

"""The entry of ``mw-dvc``: finds a command's module and loads nothing else."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

SPEAKS = "3.67.1"
"""The DVC release whose command line and files this speaks."""

_HERE = "millwright.data.dvc.command_line"
COMMANDS: dict[str, tuple[str, str]] = {
    "add": ("adding:add", "Track files or folders."),
    "checkout": ("checking_out:checkout", "Bring tracked files back from the cache."),
    "commit": ("adding:commit", "Record changed outputs and keep them in the cache."),
    "config": ("settings:config", "Show or set options."),
    "data": ("data_status:data", "Show what changed, was added or is untracked (`data status`)."),
    "diff": ("diff:diff", "Compare tracked data of two revisions, or of one and the working tree."),
    "du": ("listing:du", "Show how much space tracked data takes."),
    "exp": ("experiments:exp", "Show, list and pull saved experiments."),
    "fetch": ("transfer:fetch", "Bring objects from a remote into the cache."),
    "gc": ("garbage:gc", "Remove objects that nothing uses."),
    "get": ("getting:get", "Download tracked data of any repository."),
    "get-url": ("getting:get_url", "Download from an address."),
    "import": ("importing:import_", "Track data of another repository here."),
    "import-url": ("importing:import_url", "Track data of an address here."),
    "init": ("settings:init", "Start a repository."),
    "list": ("listing:list_", "List what a repository holds, tracked and in git."),
    "metrics": ("metrics:metrics", "Show and compare metrics."),
    "move": ("moving:move", "Rename tracked data."),
    "params": ("metrics:params", "Compare parameters."),
    "plots": ("plots:plots", "Show and compare plots."),
    "pull": ("transfer:pull", "Fetch and check out."),
    "push": ("transfer:push", "Send objects to a remote."),
    "remote": ("settings:remote", "Add, list, change and remove remotes."),
    "remove": ("moving:remove", "Stop tracking data."),
    "root": ("settings:root", "Show where the repository begins."),
    "status": ("status:status", "Show what changed against what is recorded."),
    "unprotect": ("adding:unprotect", "Make linked files writable."),
    "update": ("importing:update", "Bring imported data up to date."),
    "version": ("settings:version", "Show versions and where things are."),
}
ALIASES = {
    "ls": "list",
    "experiments": "exp",
    "mv": "move",
    "rm": "remove",
    "doctor": "version",
}


def main() -> None:
    """Run one command; its errors become one line and an exit code as DVC's."""
    code = run(sys.argv[1:])
    # The process ends, and nothing has to be looked for among what it loaded.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option in ("-h", "--help"):
            return _help()
        if option in ("-V", "--version"):
            return _version()
        if option == "--cd" and rest:
            os.chdir(rest.pop(0))
        elif option in ("-q", "--quiet"):
            rest.append("--quiet")
        elif option not in ("-v", "--verbose", "--wait-for-lock"):
            return _unknown(option)
    if not rest:
        _help()
        return 254
    name = ALIASES.get(rest[0], rest[0])
    if name not in COMMANDS:
        return _unknown(rest[0])
    return _call(name, rest[1:])


def _call(name: str, rest: list[str]) -> int:
    from millwright.kernel.errors import MillwrightError

    module, _, function = COMMANDS[name][0].partition(":")
    try:
        return int(getattr(import_module(f"{_HERE}.{module}"), function)(rest) or 0)
    except MillwrightError as error:
        sys.stdout.flush()
        hint = f"\n{error.hint}" if error.hint else ""
        print(f"ERROR: {error.message}{hint}", file=sys.stderr)
        return 253 if error.code == "dvc.no_repository" else 255
    except SystemExit as ending:
        return int(ending.code or 0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("ERROR: interrupted by the user", file=sys.stderr)
        return 252
    except OSError as error:
        print(f"ERROR: {error.strerror or error}: {error.filename or ''}", file=sys.stderr)
        return 255


def _help() -> int:
    lines = [
        "usage: mw-dvc [-q | -v] [-h] [-V] [--cd <path>] command ...",
        "",
        "DVC's data commands, by Millwright.",
        "",
        "options:",
        "  -q, --quiet        Say only what went wrong.",
        "  -h, --help         Show this help and exit.",
        "  -V, --version      Show the DVC version spoken and exit.",
        "  --cd <path>        Work in another folder.",
        "",
        "commands:",
        *(f"  {name:<18} {text}" for name, (_, text) in COMMANDS.items()),
        "",
        "`mw-dvc COMMAND --help` says more. Pipelines are run by dvc itself, or by `mw run`.",
    ]
    print("\n".join(lines))
    return 0


def _version() -> int:
    from millwright import __version__

    # A version number of Python's rules: the DVC spoken, and as its local part who speaks.
    print(f"{SPEAKS}+millwright.{__version__}")
    return 0


def _unknown(word: str) -> int:
    import difflib

    near = difflib.get_close_matches(word, [*COMMANDS, *ALIASES], 1)
    meant = f" Did you mean `{near[0]}`?" if near else " See `mw-dvc --help`."
    print(f"ERROR: there is no command or option '{word}'.{meant}", file=sys.stderr)
    return 254

"""``init``, ``config``, ``remote``, ``root`` and ``version``: the repository itself."""

from __future__ import annotations

import argparse
import os
import sys

from millwright.data.dvc import git, linking
from millwright.data.dvc.command_line.words import Parser, say
from millwright.data.dvc.config import Sections, check_name
from millwright.data.dvc.repository import Repository, find
from millwright.kernel.errors import Conflict, InvalidInput, NotFound

_IGNORED = "/config.local\n/tmp\n/cache\n"
_DVCIGNORE = (
    "# Add patterns of files dvc should ignore, which could improve\n"
    "# the performance. Learn more at\n# https://dvc.org/doc/user-guide/dvcignore\n"
)


def init(arguments: list[str]) -> int:
    """Start a repository."""
    parser = Parser("init", "Start a DVC repository in the current folder.")
    parser.flags("--no-scm", "-f/--force", "--subdir")
    options = parser.parse_args(arguments)
    root = os.getcwd()
    git_root = git.root_of(root)
    if git_root is None and not options.no_scm:
        raise InvalidInput(
            "dvc.no_git",
            f"{root} is not inside of a git repository.",
            hint="Run `git init` first, or use `mw-dvc init --no-scm`.",
        )
    if git_root not in (None, root) and not options.subdir and not options.no_scm:
        raise InvalidInput(
            "dvc.subdir",
            f"{root} is not the root of its git repository.",
            hint="Run it at the root, or use `mw-dvc init --subdir`.",
        )
    if os.path.isdir(f"{root}/.dvc"):
        if not options.force:
            raise Conflict("dvc.exists", "'.dvc' exists.", hint="Use `-f` to start anew.")
        linking.remove(f"{root}/.dvc")
    os.makedirs(f"{root}/.dvc/tmp")
    config = "[core]\n    no_scm = True\n" if options.no_scm else ""
    linking.write_file(f"{root}/.dvc/config", config.encode())
    linking.write_file(f"{root}/.dvc/.gitignore", _IGNORED.encode())
    if not os.path.exists(f"{root}/.dvcignore"):
        linking.write_file(f"{root}/.dvcignore", _DVCIGNORE.encode())
    if not options.no_scm:
        git.run(root, "add", "--", ".dvc/.gitignore", ".dvc/config", ".dvcignore")
    say(options, "Initialized DVC repository.")
    if not options.no_scm:
        say(options, "\nYou can now commit the changes to git.")
    return 0


def _levels(parser: Parser) -> None:
    group = parser.add_mutually_exclusive_group()
    for level in ("global", "system", "project", "local"):
        group.add_argument(f"--{level}", dest="level", action="store_const", const=level)


def _level(options: argparse.Namespace) -> str:
    return "repo" if options.level in (None, "project") else str(options.level)


def config(arguments: list[str]) -> int:
    """Show or set options."""
    parser = Parser("config", "Show or set options.")
    parser.flags("-u/--unset", "-l/--list", "--show-origin")
    _levels(parser)
    parser.add_argument("name", nargs="?")
    parser.add_argument("value", nargs="?")
    options = parser.parse_args(arguments)
    repository = find()
    if options.list:
        _list(repository, options)
        return 0
    section, _, option = (options.name or "").rpartition(".")
    if not section or not option:
        raise InvalidInput("dvc.config", "Name an option as `section.option`, or use `--list`.")
    section = _section(section)
    if options.value is None and not options.unset:
        value = repository.config.get(section, option)
        if value is None:
            raise NotFound("dvc.config", f"option '{option}' doesn't exist in section '{section}'.")
        print(value)
        return 0
    level = _level(options)
    sections = _copy(repository, level)
    if options.unset:
        if sections.get(section, {}).pop(option, None) is None:
            raise NotFound("dvc.config", f"option '{option}' doesn't exist in section '{section}'.")
    else:
        sections.setdefault(section, {})[option] = options.value
    repository.config.save(level, sections)
    return 0


def _section(name: str) -> str:
    head, _, rest = name.partition(".")
    return f'remote "{rest}"' if head == "remote" and rest else name


def _copy(repository: Repository, level: str) -> Sections:
    return {name: dict(values) for name, values in repository.config.level(level).items()}


def _list(repository: Repository, options: argparse.Namespace) -> None:
    levels = [_level(options)] if options.level else ["system", "global", "repo", "local"]
    for level in levels:
        for section, values in repository.config.level(level).items():
            name = section.replace(' "', ".").replace('"', "")
            origin = f"{repository.config.file(level)}\t" if options.show_origin else ""
            for option, value in values.items():
                print(f"{origin}{name}.{option}={value}")


def remote(arguments: list[str]) -> int:
    """Add, list, change and remove remotes."""
    commands = {
        "add": _remote_add,
        "default": _remote_default,
        "list": _remote_list,
        "modify": _remote_modify,
        "remove": _remote_remove,
        "rename": _remote_rename,
    }
    if not arguments or arguments[0] not in commands:
        raise InvalidInput("dvc.command", f"`remote` knows {', '.join(commands)}.")
    parser = Parser(f"remote {arguments[0]}", "Remotes of the repository.")
    _levels(parser)
    return commands[arguments[0]](parser, arguments[1:])


def _remote_add(parser: Parser, arguments: list[str]) -> int:
    parser.flags("-d/--default", "-f/--force")
    parser.add_argument("name")
    parser.add_argument("url")
    options = parser.parse_args(arguments)
    repository, level = find(), _level(options)
    sections = _copy(repository, level)
    key = f'remote "{check_name(options.name)}"'
    if key in sections and not options.force:
        raise Conflict(
            "dvc.exists", f"remote '{options.name}' exists.", hint="Use `-f` to replace it."
        )
    if options.default:
        sections = {"core": sections.pop("core", {}) | {"remote": options.name}} | sections
        say(options, f"Setting '{options.name}' as a default remote.")
    sections[key] = {"url": _stored_url(options.url, repository.config.file(level))}
    repository.config.save(level, sections)
    return 0


def _stored_url(url: str, config_file: str) -> str:
    # A relative folder is kept relative to the file that names it.
    if "://" in url or os.path.isabs(url) or url.startswith("~"):
        return url
    return os.path.relpath(os.path.abspath(url), os.path.dirname(config_file))


def _remote_default(parser: Parser, arguments: list[str]) -> int:
    parser.flags("-u/--unset")
    parser.add_argument("name", nargs="?")
    options = parser.parse_args(arguments)
    repository, level = find(), _level(options)
    if options.name is None and not options.unset:
        print(repository.config.get("core", "remote") or "No default remote set")
        return 0
    sections = _copy(repository, level)
    core = sections.setdefault("core", {})
    if options.unset:
        core.pop("remote", None)
    else:
        core["remote"] = repository.config.remote(options.name).name
    repository.config.save(level, sections)
    return 0


def _remote_list(parser: Parser, arguments: list[str]) -> int:
    parser.parse_args(arguments)
    repository = find()
    default = repository.config.get("core", "remote")
    for each in repository.config.remotes().values():
        print(f"{each.name}\t{each.url}" + ("\t(default)" if each.name == default else ""))
    return 0


def _remote_modify(parser: Parser, arguments: list[str]) -> int:
    parser.flags("-u/--unset")
    parser.add_argument("name")
    parser.add_argument("option")
    parser.add_argument("value", nargs="?")
    options = parser.parse_args(arguments)
    repository, level = find(), _level(options)
    repository.config.remote(options.name)
    sections = _copy(repository, level)
    section = sections.setdefault(f'remote "{options.name}"', {})
    if options.unset:
        section.pop(options.option, None)
    elif options.value is None:
        print(section.get(options.option, ""))
        return 0
    elif options.option == "url":
        section["url"] = _stored_url(options.value, repository.config.file(level))
    else:
        section[options.option] = options.value
    repository.config.save(level, sections)
    return 0


def _remote_remove(parser: Parser, arguments: list[str]) -> int:
    parser.add_argument("name")
    options = parser.parse_args(arguments)
    repository, level = find(), _level(options)
    sections = _copy(repository, level)
    if sections.pop(f'remote "{options.name}"', None) is None:
        raise NotFound("dvc.no_remote", f"remote '{options.name}' doesn't exist.")
    if sections.get("core", {}).get("remote") == options.name:
        del sections["core"]["remote"]
    repository.config.save(level, sections)
    return 0


def _remote_rename(parser: Parser, arguments: list[str]) -> int:
    parser.add_argument("name")
    parser.add_argument("new")
    options = parser.parse_args(arguments)
    repository, level = find(), _level(options)
    sections = _copy(repository, level)
    old, new = f'remote "{options.name}"', f'remote "{check_name(options.new)}"'
    if old not in sections or new in sections:
        raise Conflict("dvc.no_remote", f"'{options.name}' cannot be called '{options.new}'.")
    sections = {(new if name == old else name): value for name, value in sections.items()}
    if sections.get("core", {}).get("remote") == options.name:
        sections["core"]["remote"] = options.new
    repository.config.save(level, sections)
    return 0


def root(arguments: list[str]) -> int:
    """Show where the repository begins."""
    Parser("root", "Show where the repository begins.").parse_args(arguments)
    print(os.path.relpath(find().root))
    return 0


def version(arguments: list[str]) -> int:
    """Show versions and where things are."""
    Parser("version", "Show versions and where things are.").parse_args(arguments)
    from millwright import __version__
    from millwright.data.dvc.command_line.main import SPEAKS

    print(f"mw-dvc of Millwright {__version__}, speaking DVC {SPEAKS}")
    print(f"Python {sys.version.split()[0]} on {sys.platform}")
    try:
        repository = find()
    except NotFound:
        return 0
    print(f"Repository: {repository.root}")
    print(f"Cache: {repository.cache.folder} ({', '.join(repository.config.link_kinds())})")
    print(f"Remotes: {', '.join(repository.config.remotes()) or 'none'}")
    return 0

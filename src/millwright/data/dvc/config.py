"""``.dvc/config`` and the files around it: sections, options, remotes.

Four files, the later winning: system, user (``~/.config/dvc/config``), repository
(``.dvc/config``, in git) and local (``.dvc/config.local``, not in git).
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from millwright.kernel.errors import InvalidInput, NotFound

Sections = dict[str, dict[str, str]]
_SECTION = re.compile(r"\[\s*(.+?)\s*\]\s*(?:#.*)?\Z")
_OPTION = re.compile(r"([^=\[\]#]+?)\s*=\s*(.*)\Z")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\Z")
LEVELS = ("system", "global", "repo", "local")


class Remote(NamedTuple):
    """A place to push to: its name, its address and its other options."""

    name: str
    url: str
    options: dict[str, str]


def parse(text: str, source: str) -> Sections:
    """The sections of a configuration file."""
    sections: Sections = {}
    section: dict[str, str] | None = None
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if match := _SECTION.match(line):
            section = sections.setdefault(_unquoted(match[1]), {})
        elif (match := _OPTION.match(line)) and section is not None:
            section[match[1].strip()] = _unquoted(match[2].strip())
        else:
            raise InvalidInput("dvc.config", f"Line {number} of {source} is not `option = value`.")
    return sections


def render(sections: Sections) -> str:
    """The text of a configuration file, as DVC lays it out."""
    lines = []
    for name, options in sections.items():
        if options:
            lines.append(f"['{name}']" if '"' in name else f"[{name}]")
            lines += [f"    {key} = {_quoted(value)}" for key, value in options.items()]
    return "\n".join(lines) + "\n" if lines else ""


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _quoted(value: str) -> str:
    if value and value == value.strip() and not any(c in value for c in "\"'#,\n"):
        return value
    if "\n" in value:
        raise InvalidInput("dvc.config", "A value of the configuration is one line.", value=value)
    return f"'{value}'" if '"' in value else f'"{value}"'


class Config:
    """The configuration of a repository, its four files merged on reading."""

    def __init__(self, dvc_dir: str) -> None:
        home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        self._dvc_dir = dvc_dir
        self._files = {
            "system": os.environ.get("DVC_SYSTEM_CONFIG_DIR", "/etc/xdg/dvc") + "/config",
            "global": os.environ.get("DVC_GLOBAL_CONFIG_DIR", f"{home}/dvc") + "/config",
            "repo": f"{dvc_dir}/config",
            "local": f"{dvc_dir}/config.local",
        }
        self._read: dict[str, Sections] = {}

    def level(self, level: str) -> Sections:
        """The sections of one file."""
        if level not in self._read:
            path = self._files[level]
            try:
                with open(path, encoding="utf-8") as file:
                    self._read[level] = parse(file.read(), path)
            except (FileNotFoundError, NotADirectoryError, PermissionError):
                self._read[level] = {}
        return self._read[level]

    def file(self, level: str) -> str:
        """Where one file is."""
        return self._files[level]

    def get(self, section: str, option: str, default: str | None = None) -> str | None:
        """An option's value, from the most local file that sets it."""
        for level in reversed(LEVELS):
            value = self.level(level).get(section, {}).get(option)
            if value is not None:
                return value
        return default

    def flag(self, section: str, option: str) -> bool:
        """An option that is true or false."""
        return (self.get(section, option, "false") or "").lower() == "true"

    def save(self, level: str, sections: Sections) -> None:
        """Write one file."""
        from millwright.data.dvc.linking import write_file

        path = self._files[level]
        os.makedirs(path.rpartition("/")[0], exist_ok=True)
        write_file(path, render(sections).encode())
        self._read[level] = sections

    def remotes(self) -> dict[str, Remote]:
        """All remotes by name, relative folders made absolute."""
        merged: dict[str, dict[str, str]] = {}
        for level in LEVELS:
            for name, options in self.level(level).items():
                match = re.match(r'remote "(.*)"\Z', name)
                if match is None:
                    continue
                known = dict(options)
                if "url" in known:
                    known["url"] = absolute_url(known["url"], self._files[level].rpartition("/")[0])
                merged.setdefault(match[1], {}).update(known)
        return {
            name: Remote(name, options["url"], options)
            for name, options in merged.items()
            if "url" in options
        }

    def remote(self, name: str | None = None) -> Remote:
        """A remote by name, or the default one.

        Raises:
            NotFound: there is no such remote, or no default.
        """
        chosen = name or self.get("core", "remote")
        remotes = self.remotes()
        if not chosen:
            raise NotFound(
                "dvc.no_remote",
                "No remote was named, and the repository has no default remote.",
                hint="Add one: `mw-dvc remote add -d NAME URL`.",
            )
        if chosen not in remotes:
            raise NotFound(
                "dvc.no_remote",
                f"There is no remote named {chosen!r}.",
                hint="See them: `mw-dvc remote list`.",
                value=chosen,
            )
        found = remotes[chosen]
        if found.url.startswith("remote://"):
            base, _, rest = found.url[len("remote://") :].partition("/")
            parent = self.remote(base)
            url = f"{parent.url.rstrip('/')}/{rest}" if rest else parent.url
            return Remote(chosen, url, parent.options | found.options | {"url": url})
        return found

    def cache_dir(self) -> str:
        """The folder of the cache."""
        for level in reversed(LEVELS):
            folder = self.level(level).get("cache", {}).get("dir")
            if folder:
                return absolute_url(folder, self._files[level].rpartition("/")[0])
        return os.environ.get("DVC_CACHE_DIR") or f"{self._dvc_dir}/cache"

    def link_kinds(self) -> tuple[str, ...]:
        """The kinds of link to try on checkout, in order."""
        from millwright.data.dvc.linking import KINDS

        kinds = tuple(
            k.strip() for k in (self.get("cache", "type") or "reflink,copy").strip("[]").split(",")
        )
        kinds = tuple(k.strip("\"' ") for k in kinds)
        wrong = [kind for kind in kinds if kind not in KINDS]
        if wrong:
            raise InvalidInput(
                "dvc.config",
                f"The cache type {wrong[0]!r} is unknown.",
                hint=f"Known are {', '.join(KINDS)}.",
                value=wrong[0],
            )
        return kinds


def absolute_url(url: str, folder: str) -> str:
    """An address as given, or a folder's absolute path (relative ones count from ``folder``)."""
    if url.startswith("file://"):
        return url[len("file://") :]
    if "://" in url:
        return url
    return os.path.normpath(os.path.join(folder, os.path.expanduser(url)))


def check_name(name: str) -> str:
    """A remote's name, if it may be one."""
    if not _NAME.match(name):
        raise InvalidInput(
            "dvc.remote_name",
            f"{name!r} cannot name a remote.",
            hint="Use letters, digits, dots, dashes and underscores.",
            value=name,
        )
    return name

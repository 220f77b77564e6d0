"""``import``, ``import-url`` and ``update``: data that is elsewhere, tracked here."""

from __future__ import annotations

import os
from typing import Any

from millwright.data.dvc import files, linking
from millwright.data.dvc.command_line.getting import download, download_url
from millwright.data.dvc.command_line.words import Parser, ignore_in_git, say, tell_git
from millwright.data.dvc.files import CURRENT, DvcFile, Output
from millwright.data.dvc.folders import look
from millwright.data.dvc.ignore import Rules
from millwright.data.dvc.repository import Repository, Tracked, find
from millwright.data.dvc.sources import Source, head_of, open_source
from millwright.data.dvc.working_tree import bring_back, keep, look_at
from millwright.kernel.errors import Conflict, InvalidInput, NotFound


def import_(arguments: list[str]) -> int:
    """Track data of another repository here."""
    parser = Parser("import", "Track data of another repository here.")
    parser.flags("-f/--force", "--no-exec", "--no-download")
    parser.add_argument("-o", "--out")
    parser.add_argument("--rev")
    parser.ignored("-j/--jobs", "--remote", "--remote-config", "--config", "--desc")
    parser.add_argument("url")
    parser.add_argument("path")
    options = parser.parse_args(arguments)
    repository = find()
    path = os.path.normpath(options.path).replace(os.sep, "/")
    place = repository.place(options.out or os.path.basename(path))
    _make_room(repository, place, options.force)
    say(options, f"Importing '{path} ({options.url})' -> '{options.out or os.path.basename(path)}'")
    repo: dict[str, Any] = {"url": options.url}
    if options.rev:
        repo["rev"] = options.rev
    with open_source(options.url, options.rev) as source:
        commit = head_of(source)
        repo |= {"rev_lock": commit} if commit else {}
        out = _arrived(repository, source, path, place)
    dep = Output(path, None, None, None, files.LEGACY, False, {"repo": repo})
    _write(repository, place, DvcFile((out,), (dep,), {"frozen": True}), options.quiet)
    return 0


def _arrived(repository: Repository, source: Source, path: str, place: str) -> Output:
    """Bring a path of a source here, through the cache where DVC tracks it; what to record."""
    found = source.out_for(path)
    if found is None or found[1]:
        download(source, path, repository.full(place))
        return _kept(repository, place)
    out = found[0].out
    source.obtain({out.hash: {out.md5} if out.md5 else set()}, repository.cache)
    out = out._replace(path=place.rpartition("/")[2], rest={})
    bring_back(repository, Tracked(place, "", None, out), force=True)
    return out


def _kept(repository: Repository, place: str) -> Output:
    found = look_at(repository, place, CURRENT)
    if found is None:
        raise NotFound("dvc.missing", f"'{place}' does not exist.", value=place)
    out = keep(repository, place, found, CURRENT)
    return out._replace(path=place.rpartition("/")[2])


def _make_room(repository: Repository, place: str, force: bool) -> None:
    if not place:
        raise InvalidInput("dvc.out", "The repository itself cannot be an output.")
    if os.path.lexists(repository.full(place)):
        if not force:
            raise Conflict("dvc.exists", f"{place} exists.", hint="Use --force to replace it.")
        linking.remove(repository.full(place))
    os.makedirs(os.path.dirname(repository.full(place)), exist_ok=True)


def _write(repository: Repository, place: str, dvc_file: DvcFile, quiet: bool) -> None:
    source = place + files.DVC_FILE
    linking.write_file(repository.full(source), dvc_file.text().encode())
    ignoring = ignore_in_git(repository, place)
    tell_git(repository, [ignoring, source] if ignoring else [source], quiet)


def import_url(arguments: list[str]) -> int:
    """Track data of an address here."""
    parser = Parser("import-url", "Track data of an address (a path, s3://, https://) here.")
    parser.flags("-f/--force", "--no-exec", "--no-download", "--to-remote")
    parser.ignored("-r/--remote", "-j/--jobs", "--remote-jobs", "--desc", "--fs-config")
    parser.add_argument("url")
    parser.add_argument("out", nargs="?")
    options = parser.parse_args(arguments)
    if options.to_remote:
        raise InvalidInput(
            "dvc.option", "`--to-remote` is not supported.", hint="Import, then `mw-dvc push`."
        )
    repository = find()
    name = options.out or os.path.basename(options.url.rstrip("/"))
    place = repository.place(name)
    if "://" not in options.url and not os.path.exists(options.url):
        raise NotFound("dvc.missing", f"'{options.url}' does not exist.", value=options.url)
    _make_room(repository, place, options.force)
    say(options, f"Importing '{options.url}' -> '{name}'")
    if options.no_exec or options.no_download:
        dep = Output(
            _dep_path(repository, options.url, place), None, None, None, CURRENT, False, {}
        )
        out = Output(place.rpartition("/")[2], None, None, None, CURRENT, False, {})
    else:
        dep, out = _downloaded(repository, options.url, place)
    _write(repository, place, DvcFile((out,), (dep,), {"frozen": True}), options.quiet)
    return 0


def _dep_path(repository: Repository, url: str, place: str) -> str:
    """An address as its ``.dvc`` file names it: relative if it lies in the repository."""
    if "://" in url:
        return url
    full = os.path.abspath(url)
    if full.startswith(repository.root + "/"):
        folder = os.path.dirname(repository.full(place))
        return os.path.relpath(full, folder).replace(os.sep, "/")
    return full


def _downloaded(repository: Repository, url: str, place: str) -> tuple[Output, Output]:
    path = _dep_path(repository, url, place)
    if "://" in url:
        from millwright.data.dvc.addresses import version_of

        version: dict[str, Any] = {}
        try:
            version = version_of(url)
        except NotFound:
            if url.startswith("http"):
                raise
        download_url(url, repository.full(place))
        out = _kept(repository, place)
        size = version.pop("size", None)
        return Output(path, None, size, None, CURRENT, False, version), out
    download_url(url, repository.full(place))
    out = _kept(repository, place)
    return out._replace(path=path), out


def update(arguments: list[str]) -> int:
    """Bring imported data up to date."""
    parser = Parser("update", "Bring imported data up to date.")
    parser.flags("-R/--recursive", "--to-remote", "--no-download")
    parser.add_argument("--rev")
    parser.ignored("-r/--remote", "-j/--jobs")
    parser.add_argument("targets", nargs="*")
    options = parser.parse_args(arguments)
    repository = find()
    changed = []
    for tracked, _ in repository.chosen(options.targets, options.recursive):
        dvc_file = repository.now.dvc_files.get(tracked.source)
        if dvc_file is None or not dvc_file.deps:
            if options.targets:
                raise InvalidInput(
                    "dvc.update", f"{tracked.source} is not an import, so nothing updates it."
                )
            continue
        newer = _newer(repository, tracked, dvc_file, options.rev)
        if newer is None:
            say(options, f"'{tracked.source}' didn't change, skipping")
            continue
        linking.write_file(repository.full(tracked.source), newer.text().encode())
        changed.append(tracked.source)
    tell_git(repository, changed, options.quiet)
    return 0


def _newer(
    repository: Repository, tracked: Tracked, dvc_file: DvcFile, revision: str | None
) -> DvcFile | None:
    dep = dvc_file.deps[0]
    if "repo" in dep.rest:
        return _newer_import(repository, tracked, dvc_file, revision)
    if dep.is_remote:
        return _newer_address(repository, tracked, dvc_file)
    url = os.path.normpath(os.path.join(os.path.dirname(repository.full(tracked.source)), dep.path))
    known = repository.memory
    found = look(url, f"dependency:{url}", CURRENT, known, Rules())
    if found is None:
        raise NotFound("dvc.missing", f"'{dep.path}' does not exist.", value=dep.path)
    if found.md5 == dep.md5:
        return None
    say_importing(dep.path, tracked.place)
    linking.remove(repository.full(tracked.place))
    dep, out = _downloaded(repository, url, tracked.place)
    return dvc_file._replace(
        deps=(dep._replace(path=dvc_file.deps[0].path),), outs=(_as_before(out, tracked),)
    )


def say_importing(source: str, place: str) -> None:
    """The sentence before data is brought again."""
    print(f"Importing '{source}' -> '{place}'")


def _as_before(out: Output, tracked: Tracked) -> Output:
    return out._replace(path=tracked.out.path, rest=tracked.out.rest)


def _newer_address(repository: Repository, tracked: Tracked, dvc_file: DvcFile) -> DvcFile | None:
    from millwright.data.dvc.addresses import version_of

    dep = dvc_file.deps[0]
    version = version_of(dep.path)
    size = version.pop("size", None)
    if size == dep.size and all(dep.rest.get(key) == value for key, value in version.items()):
        return None
    say_importing(dep.path, tracked.place)
    if os.path.lexists(repository.full(tracked.place)):
        linking.remove(repository.full(tracked.place))
    dep, out = _downloaded(repository, dep.path, tracked.place)
    return dvc_file._replace(deps=(dep,), outs=(_as_before(out, tracked),))


def _newer_import(
    repository: Repository, tracked: Tracked, dvc_file: DvcFile, revision: str | None
) -> DvcFile | None:
    dep = dvc_file.deps[0]
    repo = dict(dep.rest["repo"])
    if revision:
        repo["rev"] = revision
    with open_source(_url_of(repository, repo), repo.get("rev")) as source:
        commit = head_of(source)
        if commit == repo.get("rev_lock") and not revision:
            return None
        found = source.out_for(dep.path)
        if found is None or found[1] or found[0].out.md5 != tracked.out.md5:
            if os.path.lexists(repository.full(tracked.place)):
                linking.remove(repository.full(tracked.place))
            out = _as_before(_arrived(repository, source, dep.path, tracked.place), tracked)
        else:
            out = tracked.out
    repo["rev_lock"] = commit
    return dvc_file._replace(deps=(dep._replace(rest=dep.rest | {"repo": repo}),), outs=(out,))


def _url_of(repository: Repository, repo: dict[str, Any]) -> str:
    url = str(repo.get("url", ""))
    local = os.path.normpath(os.path.join(repository.root, os.path.expanduser(url)))
    return local if "://" not in url and os.path.isdir(local) else url


def fetch_import(repository: Repository, dvc_file: DvcFile, out: Output) -> None:
    """Bring an import's objects into the cache from where it was imported."""
    repo = dvc_file.deps[0].rest["repo"]
    revision = repo.get("rev_lock") or repo.get("rev")
    with open_source(_url_of(repository, repo), revision) as source:
        if out.md5:
            source.obtain({out.hash: {out.md5}}, repository.cache)

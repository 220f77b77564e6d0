"""The code of a run put into a folder again: commit, patch, and the files that no commit has."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from millwright.kernel.door import Door
from millwright.kernel.errors import Corrupt, InvalidInput, NotFound, Unavailable
from millwright.kernel.objects import digest_of
from millwright.tracking import client
from millwright.tracking.records import CodeDetail, Run
from millwright.tracking.source_code import FILES, PATCH, git_output

_GIT_SECONDS = 300


def detail_of(run: Run) -> CodeDetail:
    """How a run was started; raises ``InvalidInput`` where that was not recorded."""
    detail = None if run.code is None else run.code.detail
    if detail is None or (detail.entry_point is None and detail.module is None):
        raise InvalidInput(
            "reproduce.no_entry_point",
            f"The run {run.name} does not say which script it was, so it cannot be started again.",
            hint="Runs that a script starts with mw.start_run, pipelines and `mw run` can be "
            "reproduced; what was typed at a prompt or came through another client cannot.",
            value=run.id,
        )
    return detail


@contextmanager
def rebuilt(door: Door, run: Run, into: Path, repository: Path) -> Iterator[Path]:
    """The root of a run's code, laid down below ``into`` and removed with the block.

    Args:
        door: where patch and files are fetched.
        run: which.
        into: an empty folder.
        repository: a folder of the work tree whose history has the commit.

    Raises:
        Unavailable: the commit is not in that repository.
        Corrupt: the patch is not the one that was recorded.
    """
    detail = detail_of(run)
    root = into / "code"
    commit = None if run.code is None else run.code.commit
    try:
        if commit is None:
            root.mkdir()
        else:
            _check_out(commit, root, repository, detail.remote)
        if run.code is not None and run.code.diff_digest is not None:
            _apply(door, run, root)
        for name in detail.files:
            content = client.download_artifact(door, run.id, f"{FILES}{name}"[:250])
            place = _below(root, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        yield root
    finally:
        if commit is not None:
            git_output(repository, ["worktree", "remove", "--force", str(root)])


def _check_out(commit: str, root: Path, repository: Path, remote: str | None) -> None:
    if git_output(repository, ["cat-file", "-e", f"{commit}^{{commit}}"]) is None:
        where = f" It was cloned from {remote}." if remote else ""
        raise Unavailable(
            "reproduce.no_commit",
            f"The commit {commit[:12]} is not in the repository around {repository}.{where}",
            hint="Fetch it (git fetch --all), or name another clone with --repository FOLDER.",
            value=commit,
        )
    _git(repository, "worktree", "add", "--detach", "--quiet", str(root), commit)


def _apply(door: Door, run: Run, root: Path) -> None:
    assert run.code is not None
    try:
        patch = client.download_artifact(door, run.id, PATCH)
    except NotFound:
        raise Unavailable(
            "reproduce.no_patch",
            "The run's code had uncommitted changes, and they were not kept.",
            hint="They were too large, or the run is older than the keeping of changes.",
        ) from None
    if digest_of(patch) != run.code.diff_digest:
        raise Corrupt(
            "reproduce.patch", "The kept changes of the code are not those that were recorded."
        )
    file = root.parent / "uncommitted.patch"
    file.write_bytes(patch)
    _git(root, "apply", "--binary", "--whitespace=nowarn", str(file))


def _below(root: Path, name: str) -> Path:
    """A recorded name as a place below the root; nothing recorded leads out of it."""
    parts = PurePosixPath(name).parts
    place = root.joinpath(*parts)
    if (
        not parts
        or ".." in parts
        or parts[0] == "/"
        or not place.resolve().is_relative_to(root.resolve())
    ):
        raise Corrupt(
            "reproduce.file_name", "A recorded file name leads out of the code.", value=name
        )
    return place


def _git(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise Unavailable(
            "reproduce.git", f"git {arguments[0]} failed: {done.stderr.strip()[-500:]}"
        )

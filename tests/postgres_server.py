"""A real PostgreSQL server for the tests, in a temporary folder, on a Unix socket alone."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, if PostgreSQL is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).parent


@contextmanager
def running() -> Iterator[str]:
    """Start a server and yield a SQLAlchemy URL of it; stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="mw-postgres-") as name:
        folder = Path(name)
        # PostgreSQL refuses to run as root.
        user = _unprivileged()
        if user is not None:
            shutil.chown(folder, user.pw_name)
        yield from _serving(folder, user)


def _serving(folder: Path, user: pwd.struct_passwd | None) -> Iterator[str]:
    tools = binaries()
    assert tools is not None
    data = folder / "data"
    _call(user, tools / "initdb", "-D", data, "-U", "millwright", "-A", "trust", "--no-sync")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    _call(user, tools / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://millwright@/postgres?host={folder}"
    finally:
        _call(user, tools / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("There is no unprivileged user to run PostgreSQL as.")


def _call(user: pwd.struct_passwd | None, *arguments: object) -> None:
    subprocess.run(
        [str(argument) for argument in arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
        cwd="/",
    )

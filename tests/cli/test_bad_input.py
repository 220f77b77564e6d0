"""Bad input is met with a sentence, not a traceback, and nothing that was good is lost."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from millwright.cli.init.creation import create_project
from millwright.data import load, read_table, snapshot
from millwright.kernel.door import connect
from millwright.kernel.workspace import Workspace

Mw = Callable[..., "subprocess.CompletedProcess[str]"]

HEAD = "age,city,plan,left\n"
ROWS = "".join(
    f"{20 + i % 50},{('Bonn', 'Ulm', 'Trier')[i % 3]},{('a', 'b')[i % 2]},{('no', 'yes')[i % 3 == 0]}\n"
    for i in range(120)
)
NO_SPACE = "There is no space left on the disk"


def refused(
    done: subprocess.CompletedProcess[str], code: int, *said: str
) -> subprocess.CompletedProcess[str]:
    """The command ended with this exit code and one sentence on stderr, with what to do next."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    assert errors[0].endswith("."), errors[0]
    assert "\n  Next: " in done.stderr, done.stderr
    for words in said:
        assert words in done.stderr
    return done


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with data that is kept as a version."""
    here = tmp_path_factory.mktemp("bad-input")
    source = here / "good.csv"
    source.write_text(HEAD + ROWS)
    create_project("shop", "good.csv", target="left", here=here)
    with connect(Workspace(here / "shop")) as door:
        snapshot(door, "shop", "shop", read_table(source), str(source))
    return here / "shop"


@pytest.fixture
def good(shop: Path) -> Iterator[Path]:
    """The project; afterwards it is as it was: its data there, its record whole."""
    before = (shop / "millwright.yaml").read_text()
    yield shop
    (shop / "millwright.yaml").write_text(before)
    (shop.parent / "good.csv").write_text(HEAD + ROWS)
    with connect(Workspace(shop)) as door:
        assert door.get("/audit/verify")["ok"]
        table = load(door, "shop", "shop", 1)
        assert table == read_table(shop.parent / "good.csv")
        # The same rows are the same version: nothing was added on the way.
        assert snapshot(door, "shop", "shop", table, "again").version == 1


ONE_CLASS = HEAD + "".join(f"{i},Bonn,a,no\n" for i in range(90))
ALL_NULL_TARGET = HEAD + "".join(f"{i},Bonn,a,\n" for i in range(90))
NOTHING_BUT_TARGET = HEAD + "".join(f",,,{('no', 'yes')[i % 2]}\n" for i in range(90))
TWICE = "age,city,age,left\n" + ROWS
THREE = HEAD + "20,Bonn,a,no\n30,Ulm,b,yes\n40,Ulm,a,no\n"
MIXED = HEAD + ROWS + "old,Bonn,a,no\n"


@pytest.mark.parametrize(
    ("content", "target", "code", "said"),
    [
        (HEAD + ROWS, "lefd", 2, ("'lefd'", "Did you mean 'left'?")),
        (ONE_CLASS, "left", 2, ("'left'", "'no' in every row", "at least two outcomes")),
        (ALL_NULL_TARGET, "left", 2, ("'left'", "empty in all 90 rows")),
        (NOTHING_BUT_TARGET, "left", 2, ("no column with values besides the target 'left'",)),
        (TWICE, "left", 2, ("more than one column named 'age'",)),
        (THREE, "left", 2, ("3 rows", "at least 50")),
        (MIXED, "left", 2, ("Column 'age'", "numbers", "'old' in row 122")),
        ("", "left", 2, ("bad.csv is empty",)),
        (HEAD, "left", 2, ("no rows",)),
    ],
    ids=[
        "unknown target",
        "one class",
        "target never known",
        "no inputs",
        "duplicate columns",
        "three rows",
        "mixed types",
        "empty file",
        "no rows",
    ],
)
def test_data_that_cannot_be_learned_from(
    mw: Mw, tmp_path: Path, content: str, target: str, code: int, said: tuple[str, ...]
) -> None:
    (tmp_path / "bad.csv").write_text(content)
    refused(mw("init", "new", "--data", "bad.csv", "--target", target), code, *said)
    assert not (tmp_path / "new").exists()


def test_a_missing_file(mw: Mw, good: Path) -> None:
    started = mw("init", "new", "--data", "goood.csv", "--target", "left", folder=good.parent)
    refused(started, 3, "There is no file", "Did you mean", "good.csv")
    refused(mw("data", "add", "../gone.csv", folder=good), 3, "There is no file")


def test_a_column_without_any_value_is_left_out_and_said(mw: Mw, tmp_path: Path) -> None:
    lines = (HEAD + ROWS).splitlines()
    (tmp_path / "data.csv").write_text(
        "\n".join([lines[0] + ",note", *(x + "," for x in lines[1:])])
    )
    done = mw("init", "new", "--data", "data.csv", "--target", "left")
    assert done.returncode == 0
    assert "without any value, so ignored: note" in done.stdout
    assert "ignore: [note]" in (tmp_path / "new" / "millwright.yaml").read_text()


def test_data_that_turned_bad_is_refused_and_the_good_version_stays(mw: Mw, good: Path) -> None:
    source = good.parent / "good.csv"
    source.write_text(ONE_CLASS)
    refused(mw("run", folder=good), 2, "'no' in every row")
    source.write_text(TWICE)
    refused(mw("run", folder=good), 2, "more than one column named 'age'")


def test_a_big_file_with_a_broken_line_in_the_middle_names_the_row(mw: Mw, good: Path) -> None:
    big, half = good.parent / "big.csv", 250_000
    with big.open("w") as file:
        file.write(HEAD)
        file.writelines(f"{20 + i % 50},Bonn,a,no\n" for i in range(half))
        file.write("31,Ulm,b,yes,surplus\n")
        file.writelines(f"{20 + i % 50},Ulm,b,yes\n" for i in range(half))
    done = mw("data", "add", "--name", "shop", "../big.csv", folder=good)
    refused(done, 2, f"Row {half + 2:,} of big.csv has 5 values where 4 are expected", "31,Ulm,b")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("monitorin:\n  window: 7d\n", "monitoring"),
        ("training:\n  buget: 60s\n", "budget"),
        ("data: [a\n", ""),
    ],
)
def test_a_project_file_with_a_mistake(mw: Mw, good: Path, line: str, said: str) -> None:
    path = good / "millwright.yaml"
    before = path.read_text()
    kept = before.split("\ntraining:")[0] if line.startswith("training") else before
    path.write_text(f"{kept}\n{line}")
    done = mw("run", folder=good)
    refused(done, 2, "millwright.yaml", *([f"'{said}'"] if said else []))


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_an_occupied_port(mw: Mw, good: Path, taken: int) -> None:
    done = mw("up", "--port", str(taken), folder=good)
    refused(done, 6, f"Port {taken} on 127.0.0.1 cannot be used", "--port")


def test_no_project_here(mw: Mw) -> None:
    refused(mw("status"), 3, "There is no millwright.yaml", "mw init")


def test_an_unknown_command_is_answered_with_the_nearest(mw: Mw) -> None:
    done = mw("stauts")
    assert done.returncode == 2
    assert "Did you mean 'status'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_as_json_an_error_is_an_object_on_stdout(mw: Mw, tmp_path: Path) -> None:
    done = mw("init", "new", "--data", "gone.csv", "--target", "left", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "data.missing_file"


def namespaces() -> bool:
    """Whether this user may mount a small disk that nobody else sees."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    test = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "none",
        "/mnt",
    ]
    return subprocess.run(test, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="needs user namespaces, to mount a small disk")
@pytest.mark.parametrize("size", ["8k", "200k"])
def test_a_full_disk_is_said_and_the_same_command_goes_on_once_there_is_space(
    tmp_path: Path, good: Path, size: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    add = f"{Path(sys.executable).parent / 'mw'} data add --name shop {good.parent / 'good.csv'}"
    script = (
        f"mount -t tmpfs -o size={size} none {disk} && cp {good / 'millwright.yaml'} {disk} "
        f"&& cd {disk} && ! {add} && mount -o remount,size=50m {disk} && {add} "
        f"&& {add.split(' data ')[0]} audit verify"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    refused(
        subprocess.CompletedProcess([], 6, done.stdout, done.stderr),
        6,
        NO_SPACE,
        "nothing was lost",
    )
    assert "is whole" in done.stdout


@pytest.mark.parametrize("limit", [10, 60_000])
def test_a_file_that_may_not_grow_is_a_full_disk(mw: Mw, good: Path, limit: int) -> None:
    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    more = good.parent / "more.csv"
    more.write_text(HEAD + "".join(f"{i * 7919 % 9973},c{i},p{i},no\n" for i in range(20_000)))
    done = mw("data", "add", "--name", "shop", "../more.csv", folder=good, preexec_fn=small_files)
    refused(done, 6, NO_SPACE, "Free some space")

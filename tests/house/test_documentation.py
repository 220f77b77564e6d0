"""What the documentation shows works: marked examples run, links lead somewhere.

A fenced block directly after the line ``<!-- run -->`` is executed: ``python`` in this interpreter,
``bash`` with ``mw`` on the path. The blocks of one page run in order, in one fresh workspace, and
share their variables, so a page can be a walk. ``<!-- run: shared/data/telco_churn.csv -->`` needs
that file beside the checkout and copies it into the folder first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PROJECT = "project: example\ndata: {source: example.csv, target: y}\n"
_BLOCK = re.compile(
    r"^<!-- run(?:: (?P<needs>\S+))? -->\n+```(?P<language>python|bash)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"^<!-- run", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


@dataclass(frozen=True)
class Example:
    """One block that is to be run."""

    language: str
    code: str
    needs: str | None


def examples(page: Path) -> list[Example]:
    """The marked blocks of a page, in order."""
    text = page.read_text("utf-8")
    found = [Example(m["language"], m["code"], m["needs"]) for m in _BLOCK.finditer(text)]
    assert len(found) == len(_MARK.findall(text)), f"{page.name} has a mark without a block"
    return found


WALKS = [page for page in PAGES if examples(page)]


def environment() -> dict[str, str]:
    """This process's environment, with this installation's commands first on the path."""
    commands = Path(sys.executable).parent
    path = f"{commands}{os.pathsep}{os.environ.get('PATH', '')}"
    # Kept files are protected by mode bits, so that what a test left can be removed by root.
    return {**os.environ, "PATH": path, "MILLWRIGHT_PROTECT": "mode"}


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKS, ids=[str(page.relative_to(ROOT)) for page in WALKS])
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "millwright.yaml").write_text(PROJECT)
    monkeypatch.chdir(tmp_path)
    for name in ("MILLWRIGHT_URL", "MILLWRIGHT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    variables: dict[str, object] = {"__name__": "__main__"}
    for example in examples(page):
        if example.needs is not None:
            source = ROOT.parent / example.needs
            if not source.exists():
                pytest.skip(f"{example.needs} is not beside the checkout: put it there")
            shutil.copy(source, tmp_path)
        if example.language == "python":
            exec(compile(example.code, f"{page.name} (example)", "exec"), variables)
        else:
            script = ["bash", "-euo", "pipefail", "-c", example.code]
            done = subprocess.run(
                script,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{example.code}\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = _LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_decisions_are_numbered_without_gaps_and_keep_their_form() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert decisions
    for number, page in enumerate(decisions, start=1):
        assert page.name.startswith(f"{number:04d}-")
        headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name

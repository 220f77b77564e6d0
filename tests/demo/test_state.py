"""The demo remembers how far it came, whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from millwright.demo.state import DemoState, WeekResult, load_state, save_state

metric = st.none() | st.floats(0, 1)
weeks = st.builds(
    WeekResult,
    starts=st.just("2013-04-01T00:00:00.000Z"),
    rows=st.integers(0, 2000),
    drifted_share=st.floats(0, 1),
    champion_version=st.integers(0, 9),
    served=metric,
    frozen=metric,
)
states = st.builds(
    DemoState,
    weeks_played=st.integers(0, 39),
    seconds=st.floats(0, 1e4),
    results=st.lists(weeks, max_size=3).map(tuple),
)


def test_without_a_file_the_story_begins(tmp_path: Path) -> None:
    assert load_state(tmp_path / "demo-state.json") == DemoState()


@given(states)
def test_what_was_saved_is_loaded(tmp_path_factory, state: DemoState) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("state") / "demo-state.json"
    save_state(path, DemoState(weeks_played=1))
    save_state(path, state)
    assert load_state(path) == state


def test_a_writer_that_is_killed_leaves_a_whole_state(tmp_path: Path) -> None:
    path = tmp_path / "demo-state.json"
    save_state(path, DemoState())
    script = (
        "import sys, itertools\nfrom pathlib import Path\n"
        "from millwright.demo.state import DemoState, save_state\n"
        "print('ready', flush=True)\n"
        "for n in itertools.count():\n"
        "    save_state(Path(sys.argv[1]), DemoState(weeks_played=n))\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    while load_state(path).weeks_played < 20:
        pass
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert load_state(path).weeks_played >= 20

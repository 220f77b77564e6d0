"""Whatever is killed between a prediction and a retraining, each happens once."""

from __future__ import annotations

from pathlib import Path

import pytest

from killed_monitor import campaign


@pytest.mark.slow
def test_killed_controllers_come_to_what_living_ones_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MILLWRIGHT_URL", raising=False)
    monkeypatch.setenv("MILLWRIGHT_EGRESS_ALLOW", "")
    found = campaign(tmp_path, kills=4, seed=3)
    assert found["kills"] == 4
    assert not found["differences"]

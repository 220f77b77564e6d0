"""The same server and client as the tests of tracking have."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_path = Path(__file__).parents[2] / "tracking" / "mlflow" / "conftest.py"
_spec = importlib.util.spec_from_file_location("mlflow_fixtures", _path)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
server, served, client = _fixtures.server, _fixtures.served, _fixtures.client

"""Prints the OpenAPI document, from which the UI's types are generated."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from millwright.kernel.workspace import Workspace
from millwright.server.application import embedded


def document() -> dict[str, Any]:
    """The OpenAPI document of the whole API."""
    with tempfile.TemporaryDirectory() as folder:
        app = embedded(Workspace(Path(folder)))
        try:
            return app.openapi()
        finally:
            app.state.store.close()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")

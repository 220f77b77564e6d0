"""Makes the servers that all tests share importable by name."""

from __future__ import annotations

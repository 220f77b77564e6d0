"""The newest schema revision; a test holds it to the migrations folder."""

from __future__ import annotations

HEAD = "0019"

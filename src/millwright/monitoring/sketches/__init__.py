"""A table remembered in kilobytes: mergeable sketches that later tables are compared with.

Pure. ``columns`` sketches one column, ``profile`` a table.
"""

from __future__ import annotations

from millwright.monitoring.sketches.profile import TableSketch, sketch_of

__all__ = ["TableSketch", "sketch_of"]

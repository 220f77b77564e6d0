"""Walking the lineage graph, held against a brute-force search."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from millwright.kernel.database import Database
from millwright.kernel.lineage import walk
from millwright.kernel.tables import lineage

pytestmark = pytest.mark.core

Edge = tuple[int, int]
# Later things come of earlier ones, so the graph has no cycle.
EDGES = st.sets(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda edge: edge[0] < edge[1]),
    max_size=15,
)


def reachable(edges: set[Edge], start: int, *, upstream: bool) -> set[Edge]:
    """The edges on any path from ``start``, by searching until nothing new is found."""
    found: set[Edge] = set()
    nodes = {start}
    while True:
        new = {e for e in edges - found if (e[1] if upstream else e[0]) in nodes}
        if not new:
            return found
        found |= new
        nodes |= {e[0] if upstream else e[1] for e in new}


@given(EDGES, st.integers(0, 8), st.sampled_from(["up", "down", "both"]))
@settings(max_examples=80, deadline=None)
def test_the_walk_finds_just_the_ancestors_and_descendants(
    edges: set[Edge], start: int, direction: str
) -> None:
    expected: set[Edge] = set()
    if direction in ("up", "both"):
        expected |= reachable(edges, start, upstream=True)
    if direction in ("down", "both"):
        expected |= reachable(edges, start, upstream=False)
    database = Database("sqlite://")
    lineage.create(database.engine)
    rows = [
        {"project": project, "source": f"run:{a}", "target": f"run:{b}", "event": 1}
        for project in ("flights", "another")
        for a, b in edges
        if project == "flights" or (a + b) % 2
    ]
    with database.write() as connection:
        if rows:
            connection.execute(insert(lineage), rows)
        found = walk(connection, "flights", f"run:{start}", direction=direction)  # type: ignore[arg-type]
    database.dispose()
    pairs = [(int(e.source[4:]), int(e.target[4:])) for e in found.edges]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == expected

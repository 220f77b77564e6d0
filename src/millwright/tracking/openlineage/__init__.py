"""OpenLineage: runs told to others as RunEvents, and those of others taken into the graph."""

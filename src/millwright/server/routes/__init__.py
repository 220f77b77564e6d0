"""Routes of what belongs to no room: projects, objects, events and lineage."""

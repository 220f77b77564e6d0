"""`mw`: mounts each room's commands."""

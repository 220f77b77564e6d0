"""The HTTP application: mounts each room's routes and serves the UI."""

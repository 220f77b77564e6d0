"""`mw init`: from a table and a question to a project file that explains itself."""

from millwright.cli.init.command import init

__all__ = ["init"]

"""Groups of commands that cost nothing until one of their commands is called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from millwright.kernel.errors import nearest

Places = Mapping[str, tuple[str, str]]
"""Command names, each with where it is (``package.module:name``) and its one-line help."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is called, not before."""

    def __init__(self, *args: Any, commands_at: Places, **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order in which they were given."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself."""
        if cmd_name not in self._places:
            return None
        module, _, name = self._places[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command suggested for an unknown one."""
        name = args[0] if args else ""
        guess = None if name in self._places else nearest(name, self._places)
        if guess is not None:
            ctx.fail(f"There is no command '{name}'. Did you mean '{guess}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands with their one-line help, none of them imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._places.items()])

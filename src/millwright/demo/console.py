"""How the story is told: headings, sentences, and progress with rate and time left."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence

import click

from millwright.kernel.clock import format_duration


class Console:
    """Writes the story to the terminal; on a terminal progress redraws one line, elsewhere it
    writes a line now and then. Safe to use from several threads."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._lock = threading.Lock()
        self._drawn = False
        self._last_line = 0.0
        self.started = time.monotonic()

    def chapter(self, number: int, title: str) -> None:
        """A numbered heading."""
        elapsed = format_duration((time.monotonic() - self.started) * 1000)
        text = click.style(f"{number}. {title}", bold=True, fg="cyan")
        self._write(f"\n{text}  {click.style(f'({elapsed} since start)', dim=True)}")

    def say(self, sentence: str, *, mark: str = "·", colour: str | None = None) -> None:
        """One sentence of the story."""
        self._write(f"  {click.style(mark, fg=colour, bold=colour is not None)} {sentence}")

    def good(self, sentence: str) -> None:
        """Something went well."""
        self.say(sentence, mark="✓", colour="green")

    def warn(self, sentence: str) -> None:
        """Something needs attention."""
        self.say(sentence, mark="!", colour="yellow")

    def bad(self, sentence: str) -> None:
        """Something was refused or failed."""
        self.say(sentence, mark="✗", colour="red")

    def look(self, where: str) -> None:
        """Where to look at what just happened."""
        self._write(click.style(f"    → {where}", dim=True))

    def table(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Aligned columns; the first row is the heading."""
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for number, row in enumerate(rows):
            cells = [
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            line = "  ".join(cells)
            self._write(f"    {click.style(line, bold=True) if number == 0 else line}")

    def progress(
        self, label: str, done: float, total: float, started: float, unit: str = ""
    ) -> None:
        """How far a long piece of work is; call it as often as you like."""
        seconds = max(time.monotonic() - started, 1e-6)
        rate = done / seconds
        left = format_duration((total - done) / rate * 1000) if rate > 0 else "?"
        share = min(done / total, 1.0) if total else 1.0
        bar = "━" * round(share * 24) + "╌" * (24 - round(share * 24))
        pace = f"{rate:,.0f} {unit}/s, " if unit else ""
        text = f"  {bar} {share:4.0%}  {label}  {pace}{left} left"
        with self._lock:
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                sys.stdout.write(f"\r\x1b[2K{text[:width]}")
                self._drawn = True
            elif time.monotonic() - self._last_line > 10:
                sys.stdout.write(text + "\n")
                self._last_line = time.monotonic()
            sys.stdout.flush()

    def _write(self, text: str) -> None:
        with self._lock:
            if self._drawn:
                sys.stdout.write("\r\x1b[2K")
                self._drawn = False
            click.echo(text)
            sys.stdout.flush()

"""What tests do to stored bytes that no disk should: damage them, lose them, put them right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from millwright.kernel.objects import ProjectObjects


def damage(objects: ProjectObjects, digest: str) -> Callable[[], None]:
    """Turn over the bits of an object's first stored bytes; what is returned turns them back."""
    chunk, _ = next(iter(objects.recipe(digest)))
    place = objects.locate([chunk])[chunk]
    path = Path(objects.name_of(place))

    def turn() -> None:
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.seek(place.offset)
            stored = file.read(min(place.stored, 64))
            file.seek(place.offset)
            file.write(bytes(byte ^ 255 for byte in stored))

    turn()
    return turn


def lose(objects: ProjectObjects, digest: str) -> None:
    """Make an object unknown."""
    chunks = [chunk for chunk, _ in objects.recipe(digest)]
    objects.forget([digest], chunks)

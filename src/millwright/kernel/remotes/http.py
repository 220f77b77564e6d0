"""A published store read by plain HTTP: any web server that hands out files is enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from millwright.kernel.errors import Forbidden, InvalidInput
from millwright.kernel.remotes.cloud import CloudRemote
from millwright.kernel.remotes.folder import missing
from millwright.kernel.remotes.interface import RemoteEntry, Tagged
from millwright.kernel.remotes.publication import PUBLISHED, entries_of

if TYPE_CHECKING:
    from obstore.store import HTTPStore


class HttpRemote:
    """``interface.Remote``, of which what writes raises ``Forbidden``.

    Servers that know no ranges send whole objects, of which a part is taken; packs have 64 MiB at
    most.
    """

    def __init__(self, store: HTTPStore, address: str) -> None:
        self._inner = CloudRemote(store, address)

    @property
    def address(self) -> str:
        return self._inner.address

    @property
    def staging(self) -> None:
        return None

    def get(self, key: str) -> bytes | None:
        return self._inner.get(key)

    def get_tagged(self, key: str) -> Tagged | None:
        return self._inner.get_tagged(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        from obstore.exceptions import NotSupportedError

        try:
            return self._inner.get_range(key, start, length)
        except NotSupportedError:
            content = self.get(key)
        if content is None:
            raise missing(self.address, key)
        return content[start : start + max(length, 0)]

    def download(self, key: str, path: Path) -> int:
        from obstore.exceptions import NotSupportedError

        try:
            return self._inner.download(key, path)
        except NotSupportedError:
            # What is there already cannot be gone on with.
            path.unlink(missing_ok=True)
            return self._inner.download(key, path)

    def list(self, prefix: str) -> Iterator[RemoteEntry]:
        content = self.get(PUBLISHED)
        if content is None:
            raise InvalidInput(
                "remote.not_published",
                f"{self.address} has no list of what is there.",
                hint="Where it is written, make one with: mw data remote publish NAME",
                value=self.address,
            )
        return (entry for entry in entries_of(content) if entry.key.startswith(prefix))

    def put(self, key: str, content: bytes) -> None:
        self._refuse()

    def upload(self, key: str, path: Path) -> None:
        self._refuse()

    def create(self, key: str, content: bytes) -> bool:
        self._refuse()

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        self._refuse()

    def delete(self, keys: Iterable[str]) -> None:
        self._refuse()

    def tidy(self, before: float) -> int:
        return 0

    def _refuse(self) -> NoReturn:
        raise read_only(self.address)


def read_only(address: str) -> Forbidden:
    """The error for writing to what can only be read."""
    return Forbidden(
        "remote.read_only",
        f"{address} can only be read.",
        hint="Write where it is published from, or to another remote: --remote NAME.",
        value=address,
    )

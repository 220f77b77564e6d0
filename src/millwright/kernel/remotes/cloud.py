"""S3, Google Cloud Storage, Azure and memory as remotes, through obstore.

Credentials are obstore's matter: the environment (``AWS_…``, ``GOOGLE_…``, ``AZURE_…``), or the role
of the machine. obstore retries what a server refuses for the moment; what breaks in between (a
connection cut within an answer, a lost answer to a conditional write) is dealt with here.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from millwright.kernel.errors import Forbidden, MillwrightError, Unavailable, disk_full
from millwright.kernel.remotes.folder import missing
from millwright.kernel.remotes.interface import RemoteEntry, Tagged
from millwright.kernel.remotes.keys import original, stored

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART_BYTES = 8 << 20
_DELETE_AT_ONCE = 1000
_T = TypeVar("_T")


class CloudRemote:
    """``interface.Remote`` over an obstore store.

    Args:
        store: the bucket, with its prefix.
        address: where it is, for people.
        uploads: the same bucket, opened with more patience: each part of an upload that breaks is
            sent again by itself, and the upload anew only when that was in vain.
        part_bytes: size of the parts of a large upload (S3 takes no less than 5 MiB).
        attempts: how often an operation is tried before the remote counts as unreachable.
    """

    def __init__(
        self,
        store: ObjectStore,
        address: str,
        *,
        uploads: ObjectStore | None = None,
        part_bytes: int = PART_BYTES,
        attempts: int = 6,
    ) -> None:
        from obstore.store import GCSStore

        self._store = store
        # Google's conditions name the generation of an object, all others its ETag.
        self._by_version = isinstance(store, GCSStore)
        self._uploads = uploads or store
        self._address = address
        self._part_bytes = part_bytes
        self._attempts = attempts

    @property
    def address(self) -> str:
        return self._address

    @property
    def staging(self) -> None:
        return None

    def get(self, key: str) -> bytes | None:
        found = self.get_tagged(key)
        return None if found is None else found.content

    def get_tagged(self, key: str) -> Tagged | None:
        import obstore

        def once() -> Tagged | None:
            try:
                answer = obstore.get(self._store, stored(key))
            except FileNotFoundError:
                return None
            tag = self._tag(answer.meta)
            return Tagged(bytes(answer.bytes()), tag)

        return self._patiently(once)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        import obstore

        def once() -> bytes:
            if length <= 0:
                return b""
            try:
                size = obstore.head(self._store, stored(key))["size"]
                end = min(start + length, size)
                if start >= end:
                    return b""
                return bytes(obstore.get_range(self._store, stored(key), start=start, end=end))
            except FileNotFoundError as cause:
                raise missing(self.address, key) from cause

        return self._patiently(once)

    def download(self, key: str, path: Path) -> int:
        import obstore

        def once() -> int:
            # Each attempt goes on where the one before was cut off.
            done = path.stat().st_size if path.exists() else 0
            try:
                size = int(obstore.head(self._store, stored(key))["size"])
                if done >= size:
                    os.truncate(path, size) if path.exists() else path.touch()
                    return size
                options: Any = {"range": {"offset": done}} if done else {}
                answer = obstore.get(self._store, stored(key), options=options)
                with path.open("ab") as file:
                    for block in answer.stream(min_chunk_size=1 << 20):
                        file.write(block)
                if path.stat().st_size < size:
                    raise ConnectionResetError("the answer ended early")
                return size
            except FileNotFoundError as cause:
                raise missing(self.address, key) from cause

        return self._patiently(once)

    def put(self, key: str, content: bytes) -> None:
        import obstore

        self._patiently(
            lambda: obstore.put(
                self._store,
                stored(key),
                content,
                use_multipart=len(content) > self._part_bytes,
                chunk_size=self._part_bytes,
                max_concurrency=4,
            )
        )

    def upload(self, key: str, path: Path) -> None:
        import obstore

        large = path.stat().st_size > self._part_bytes
        self._patiently(
            lambda: obstore.put(
                self._uploads,
                stored(key),
                path,
                use_multipart=large,
                chunk_size=self._part_bytes,
                max_concurrency=4,
            )
        )

    def create(self, key: str, content: bytes) -> bool:
        return self.replace(key, content, None) is not None

    def replace(self, key: str, content: bytes, tag: str | None) -> str | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        unsure = False

        def once() -> str | None:
            nonlocal unsure
            known = "version" if self._by_version else "e_tag"
            mode: Any = "create" if tag is None else {known: tag}
            try:
                answer = obstore.put(
                    self._store, stored(key), content, mode=mode, use_multipart=False
                )
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                # After a lost answer the one who was first may be this caller.
                return self._own(key, content) if unsure else None
            except Exception:
                unsure = True
                raise
            return self._tag(answer)

        return self._patiently(once)

    def list(self, prefix: str) -> Iterator[RemoteEntry]:
        import obstore

        folder = stored(prefix.rstrip("/")) if prefix.rstrip("/") else None

        def once() -> list[RemoteEntry]:
            return [
                RemoteEntry(
                    original(item["path"]), int(item["size"]), item["last_modified"].timestamp()
                )
                for page in obstore.list(self._store, prefix=folder, chunk_size=1000)
                for item in page
            ]

        yield from self._patiently(once)

    def delete(self, keys: Iterable[str]) -> None:
        import obstore

        names = [stored(key) for key in keys]
        for start in range(0, len(names), _DELETE_AT_ONCE):
            some = names[start : start + _DELETE_AT_ONCE]

            def once(some: list[str] = some) -> None:
                try:
                    obstore.delete(self._store, some)
                except FileNotFoundError:
                    # Memory knows no bulk deletion: one at a time, so that the others go too.
                    for name in some:
                        try:
                            obstore.delete(self._store, name)
                        except FileNotFoundError:
                            continue

            self._patiently(once)

    def tidy(self, before: float) -> int:
        return 0

    def _tag(self, answer: Any) -> str:
        first, second = ("version", "e_tag") if self._by_version else ("e_tag", "version")
        return str(answer.get(first) or answer.get(second) or "")

    def _own(self, key: str, content: bytes) -> str | None:
        now = self.get_tagged(key)
        return now.tag if now is not None and now.content == content else None

    def _patiently(self, once: Callable[[], _T]) -> _T:
        """Call, and again after a growing pause while the trouble is of the passing kind."""
        for attempt in range(self._attempts):
            try:
                return once()
            except MillwrightError:
                raise
            except Exception as cause:
                final = self._final(cause)
                if final is not None:
                    raise final from cause
                if attempt == self._attempts - 1:
                    raise Unavailable(
                        "remote.unreachable",
                        f"{self.address} did not answer, after {self._attempts} attempts.",
                        hint="Check the network and run the same command again; "
                        "what was moved is not moved twice.",
                    ) from cause
                time.sleep(min(0.05 * 2**attempt, 5.0) * random.uniform(0.5, 1.0))  # noqa: S311
        raise AssertionError("unreachable")

    def _final(self, cause: Exception) -> Exception | None:
        """The error to raise at once, where trying again cannot help."""
        from obstore import exceptions as known

        if isinstance(cause, OSError) and (full := disk_full(cause)) is not None:
            return full
        if isinstance(cause, known.PermissionDeniedError | known.UnauthenticatedError):
            return Forbidden(
                "remote.denied",
                f"{self.address} refused the credentials.",
                hint="Set them in the environment, for example AWS_ACCESS_KEY_ID, "
                "AZURE_STORAGE_ACCOUNT_KEY or GOOGLE_SERVICE_ACCOUNT.",
            )
        if isinstance(cause, NotImplementedError | known.NotSupportedError | ValueError):
            return cause
        # Reading what is not there is answered before this; only a bucket is missing elsewhere.
        if isinstance(cause, FileNotFoundError) or "NoSuchBucket" in str(cause):
            return Unavailable(
                "remote.no_bucket",
                f"There is no bucket at {self.address}.",
                hint="Create it first.",
            )
        if isinstance(cause, known.BaseError | OSError):
            return None
        return cause

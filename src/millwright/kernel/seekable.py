"""Read-only files of known size whose bytes come from elsewhere, range by range."""

from __future__ import annotations

import io


class SeekableFile(io.RawIOBase):
    """Keeps the position; a subclass brings bytes from ``position`` on.

    Args:
        size: the file's bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position, in bytes from the start."""
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position, also behind the end; ``ValueError`` before the start."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("negative seek position")
        self.position = start + offset
        return self.position

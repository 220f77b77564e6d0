"""The one store of bytes: objects by the digest of their bytes, kept as chunks, each once.

An object's name is the BLAKE3 of its bytes, whatever its chunks are. Chunks are cut by content
(``chunking``), so versions of a file share what did not change. They lie in packs
(``pack_format``, ``packs``) or in the user's own files, linked into the store (``linked``); an
index says where (``index``). Bytes are flushed before the index refers to them, so whatever is
killed when, an object exists whole or not at all, and every chunk is verified when it is read.
"""

from millwright.kernel.objects.digest_set import DigestSet
from millwright.kernel.objects.digests import digest_of, digest_of_file
from millwright.kernel.objects.index import Location
from millwright.kernel.objects.packs import Pack
from millwright.kernel.objects.project import ProjectObjects
from millwright.kernel.objects.receiving import MOST_PIECES
from millwright.kernel.objects.recipe import Recipe
from millwright.kernel.objects.removing import Orphans
from millwright.kernel.objects.store import ObjectStore
from millwright.kernel.objects.verifying import Damage

__all__ = [
    "MOST_PIECES",
    "Damage",
    "DigestSet",
    "Location",
    "ObjectStore",
    "Orphans",
    "Pack",
    "ProjectObjects",
    "Recipe",
    "digest_of",
    "digest_of_file",
]

"""Things outside as nodes of the lineage graph, named as OpenLineage names datasets.

A dataset is a namespace (``s3://bucket``, ``postgres://host:5432``, ``file``) and a name in it, so
that what another tool writes and what is read here meet in one node. Source: "Dataset Naming" of
the OpenLineage specification.
"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from millwright.kernel.store import Node

DATASET = "external-dataset"
_DATABASES = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql"}
_PORTS = {"postgres": 5432, "mysql": 3306}


def external_node(kind: str, namespace: str, name: str, **details: object) -> Node:
    """The node of something outside; the same namespace and name are the same node."""
    identity = hashlib.sha256(f"{namespace}\n{name}".encode()).hexdigest()[:32]
    return Node(f"{kind}:{identity}", name, {"namespace": namespace, "name": name, **details})


def dataset_place(url: str, table: str | None = None) -> tuple[str, str] | None:
    """The namespace and name of the dataset behind an address; None where it is a path only.

    ``table``: of a database, where the address names the database alone.

    >>> dataset_place("s3://lake/raw/flights.parquet")
    ('s3://lake', 'raw/flights.parquet')
    >>> dataset_place("postgresql+psycopg://me@db/shop", "public.orders")
    ('postgres://db:5432', 'shop.public.orders')
    >>> dataset_place("file:///data/flights.csv")
    ('file', '/data/flights.csv')
    """
    if "://" not in url:
        return None
    parts = urlsplit(url)
    scheme = parts.scheme.split("+")[0]
    host = parts.hostname or ""
    if scheme == "file":
        return "file", parts.path
    if scheme in _DATABASES:
        system = _DATABASES[scheme]
        name = ".".join(part for part in (parts.path.strip("/"), table) if part)
        return f"{system}://{host}:{parts.port or _PORTS[system]}", name
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}", parts.path.lstrip("/")

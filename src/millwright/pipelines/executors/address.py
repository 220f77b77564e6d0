"""The URLs of executors, read: pure."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qs, urlsplit

from millwright.kernel.errors import InvalidInput
from millwright.kernel.record import Record


class RayAddress(Record):
    """``ray://local``, ``ray://auto`` or ``ray://HOST:PORT``."""

    host: str
    """``local`` starts a cluster on this machine; ``auto`` is the one that we run in."""
    port: int | None = None
    auth: Literal["token", "disabled"] = "token"
    files: Literal["own", "shared"] = "own"
    """``shared``: all nodes see the workspace's folder under the same path."""

    @property
    def is_here(self) -> bool:
        """Whether its nodes see this machine's files."""
        return self.host in ("local", "localhost", "127.0.0.1") or self.files == "shared"


class KubernetesAddress(Record):
    """``kubernetes://NAMESPACE?image=NAME:TAG``."""

    namespace: str
    image: str
    secret: str = ""
    """A Secret whose keys are variables of the step's container."""
    service_account: str = ""
    cpu: str = ""
    memory: str = ""
    parallel: int = 20
    """Jobs at a time."""
    server: str = ""
    """The address of the Kubernetes API; the pod's own cluster, or that of the kubeconfig."""


def address_of(url: str) -> RayAddress | KubernetesAddress:
    """The executor that a URL names.

    Raises:
        InvalidInput: it names none.

    >>> address_of("ray://head:10001")
    RayAddress(host='head', port=10001, auth='token', files='own')
    """
    parts = urlsplit(url if "://" in url else f"{url}://local")
    given = {key: found[-1] for key, found in parse_qs(parts.query).items()}
    if parts.username or parts.password:
        raise _wrong(url.partition("@")[2], "it holds a password; name secrets by reference")
    kinds: dict[str, type[RayAddress | KubernetesAddress]] = {
        "ray": RayAddress,
        "kubernetes": KubernetesAddress,
    }
    kind = kinds.get(parts.scheme)
    if kind is None:
        raise _wrong(url, f"there is no executor {parts.scheme!r}")
    try:
        if kind is RayAddress:
            return RayAddress.model_validate(
                {"host": parts.hostname or "local", "port": parts.port, **given}
            )
        namespace = parts.hostname if parts.hostname not in (None, "local") else "default"
        return KubernetesAddress.model_validate({"namespace": namespace, **given})
    except ValueError as cause:
        first = str(cause).splitlines()
        raise _wrong(url, " ".join(line.strip() for line in first[1:3])) from cause


def _wrong(url: str, why: str) -> InvalidInput:
    return InvalidInput(
        "pipelines.bad_executor",
        f"{url!r} names no executor: {why}.",
        hint="Write ray://local, ray://HOST:10001 or kubernetes://NAMESPACE?image=NAME:TAG.",
        value=url,
    )

"""The one way out: every HTTP request that Millwright makes to an address a user gave.

An address from a configuration file is a tool in the hands of whoever wrote it: it must not reach
what only this machine can reach (cloud metadata, databases on loopback, the neighbours in a private
network). So the host is resolved once, every answer is checked, and the connection goes to the
address that was checked: a second, different DNS answer is never asked for. Redirects are not
followed by ``send`` and checked anew by ``fetch``, proxies of the environment are not used, and no error or log line repeats more of the
address than scheme, host and port, because webhook paths are secrets.
"""

from __future__ import annotations

import http.client
import ipaddress
import json as jsonlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal
from urllib.parse import urljoin, urlsplit

from millwright.kernel.errors import Forbidden, InvalidInput, Unavailable

ALLOW_VARIABLE = "MILLWRIGHT_EGRESS_ALLOW"
MAX_ANSWER_BYTES = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to IP addresses as text, in the order to try."""

_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")
_FORBIDDEN_TEXT = frozenset('\\"<>^`{|}')


@dataclass(frozen=True)
class _Target:
    """A checked address: what to say in ``Host`` and in the error, and what to connect to."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def label(self) -> str:
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{name}:{self.port}"


def allowed_from_environment() -> tuple[str, ...]:
    """The ``host:port`` entries of ``MILLWRIGHT_EGRESS_ALLOW``, separated by commas."""
    text = os.environ.get(ALLOW_VARIABLE, "")
    return tuple(entry.strip().lower() for entry in text.split(",") if entry.strip())


def send(
    url: str,
    *,
    method: Literal["GET", "POST", "PUT"] = "POST",
    json: Any = None,
    allow: tuple[str, ...] = (),
    timeout_seconds: float = 5.0,
    resolve: Resolve | None = None,
) -> int:
    """Send one request and return the answer's status code.

    Args:
        url: ``http`` or ``https``, without user name or password.
        method: the HTTP method.
        json: the body, encoded as JSON; none where None.
        allow: ``host:port`` pairs that may be private, exactly as written in the URL.
        timeout_seconds: for the whole exchange, from connecting to the last byte.
        resolve: another resolver, for tests.

    Raises:
        InvalidInput: the URL is none that can be sent to.
        Forbidden: the host is, or resolves to, an address that is not public.
        Unavailable: it does not resolve, does not answer in time, or breaks off.
    """
    target = _parse(url)
    addresses = _checked_addresses(target, allow, resolve or _system_resolver)
    body = None if json is None else jsonlib.dumps(json).encode()
    deadline = time.monotonic() + timeout_seconds
    with _asked(target, addresses, method, body, deadline) as answer:
        answer.read(MAX_ANSWER_BYTES)
        return answer.status


@dataclass(frozen=True)
class Answer:
    """What came back: the status and the first 64 KiB of the body."""

    status: int
    body: bytes


def exchange(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    allow: tuple[str, ...] = (),
    timeout_seconds: float = 5.0,
    resolve: Resolve | None = None,
) -> Answer:
    """POST bytes with headers of the caller's and return the answer; else as ``send``."""
    target = _parse(url)
    addresses = _checked_addresses(target, allow, resolve or _system_resolver)
    deadline = time.monotonic() + timeout_seconds
    with _asked(target, addresses, "POST", body, deadline, headers) as answer:
        return Answer(answer.status, answer.read(MAX_ANSWER_BYTES))


def require_public(
    url: str, *, allow: tuple[str, ...] = (), resolve: Resolve | None = None
) -> None:
    """Raise what ``send`` would raise for this address, without connecting to it."""
    _checked_addresses(_parse(url), allow, resolve or _system_resolver)


def fetch(
    url: str,
    into: BinaryIO,
    *,
    allow: tuple[str, ...] = (),
    timeout_seconds: float = 300.0,
    max_bytes: int = 8 << 30,
    resolve: Resolve | None = None,
) -> dict[str, str]:
    """Download what is at an address. Redirects are followed, each checked like the first.

    Args:
        url: as in ``send``.
        into: where the bytes go.
        allow: as in ``send``.
        timeout_seconds: for the whole download.
        max_bytes: larger answers are cut off and refused.
        resolve: another resolver, for tests.

    Returns:
        the headers of the answer, their names in lower case.

    Raises:
        InvalidInput, Forbidden, Unavailable: as ``send``; or it answered with an error.
    """
    deadline = time.monotonic() + timeout_seconds
    with _followed(url, "GET", allow, deadline, resolve) as (answer, target):
        _refuse_errors(answer, target)
        _copy(answer, into, max_bytes, target)
        return {name.lower(): value for name, value in answer.getheaders()}


def look(
    url: str,
    *,
    allow: tuple[str, ...] = (),
    timeout_seconds: float = 30.0,
    resolve: Resolve | None = None,
) -> dict[str, str]:
    """The headers of what is at an address (HEAD), as ``fetch`` gives and raises them.

    Empty where the server does not answer HEAD.
    """
    deadline = time.monotonic() + timeout_seconds
    with _followed(url, "HEAD", allow, deadline, resolve) as (answer, target):
        if answer.status in (403, 405, 501):
            return {}
        _refuse_errors(answer, target)
        return {name.lower(): value for name, value in answer.getheaders()}


@contextmanager
def _followed(
    url: str, method: str, allow: tuple[str, ...], deadline: float, resolve: Resolve | None
) -> Iterator[tuple[http.client.HTTPResponse, _Target]]:
    for _ in range(_MOST_REDIRECTS + 1):
        target = _parse(url)
        addresses = _checked_addresses(target, allow, resolve or _system_resolver)
        with _asked(target, addresses, method, None, deadline) as answer:
            moved = answer.getheader("Location") if answer.status in _REDIRECTS else None
            if moved is None:
                yield answer, target
                return
            url = urljoin(url, moved)
    raise Unavailable("egress.redirects", f"{target.label} redirects again and again.")


def _refuse_errors(answer: http.client.HTTPResponse, target: _Target) -> None:
    if answer.status != 200:
        raise Unavailable(
            "egress.answer",
            f"{target.label} answered {answer.status} {answer.reason}.",
            hint="Check the address in a browser.",
        )


def _parse(url: str) -> _Target:
    if not isinstance(url, str) or any(
        c <= " " or c == "\x7f" or c in _FORBIDDEN_TEXT for c in url
    ):
        raise InvalidInput("egress.url", "The address contains characters that no URL has.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as cause:
        raise InvalidInput("egress.url", "The address is not a URL.") from cause
    if parts.scheme not in ("http", "https"):
        raise InvalidInput(
            "egress.scheme",
            "Only http and https addresses can be sent to.",
            hint="Write it as https://host/path.",
        )
    if "@" in parts.netloc:
        raise InvalidInput(
            "egress.credentials",
            "The address holds a user name or password.",
            hint="Use a receiver whose secret is part of the path, or a gateway that adds it.",
        )
    host = (parts.hostname or "").rstrip(".")
    if not host or "%" in host or port == 0:
        raise InvalidInput("egress.url", "The address names no usable host.")
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as cause:
        raise InvalidInput("egress.url", "The address names no usable host.") from cause
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise InvalidInput("egress.url", "The address contains characters that no URL has.")
    return _Target(secure, host.lower(), port or (443 if secure else 80), path)


def _checked_addresses(target: _Target, allow: tuple[str, ...], resolve: Resolve) -> list[str]:
    try:
        found = list(dict.fromkeys(resolve(target.host, target.port)))
    except (OSError, UnicodeError) as cause:
        raise Unavailable(
            "egress.unresolved",
            f"The host of {target.label} cannot be found.",
            hint="Check its spelling and this machine's DNS.",
        ) from cause
    name = f"[{target.host}]" if ":" in target.host else target.host
    permitted = f"{name}:{target.port}" in {entry.lower() for entry in allow}
    # One private answer among public ones is how a rebinding attack looks: refuse them all.
    if not found or not (permitted or all(_is_public(text) for text in found)):
        raise Forbidden(
            "egress.private",
            f"{target.label} is not a public address.",
            hint=f"If it is meant, allow it with {ALLOW_VARIABLE}={name}:{target.port}.",
        )
    return found


def _is_public(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return _public(address)


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return _public(inner)
        # Addresses that carry an IPv4 address to a translator this machine may route to.
        if address.teredo or address in _COMPATIBLE or any(address in net for net in _NAT64):
            return False
        if address.scope_id is not None or address.is_site_local:
            return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
    )


def _system_resolver(host: str, port: int) -> list[str]:
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


class _NotConnected(Exception):
    """The address could not be connected to; nothing was sent, so another may be tried."""


class _Pinned(http.client.HTTPConnection):
    """A connection that speaks to one given address in the name of the host."""

    def __init__(self, target: _Target, address: str, deadline: float) -> None:
        super().__init__(target.host, target.port)
        if target.secure:
            self.default_port = 443
        self._target, self._address, self._deadline = target, address, deadline

    def connect(self) -> None:
        """Connect to the pinned address; with TLS, to the certificate of the host's name."""
        left = max(self._deadline - time.monotonic(), 0.001)
        try:
            raw = socket.create_connection((self._address, self._target.port), timeout=left)
        except OSError as cause:
            raise _NotConnected from cause
        self.sock = raw
        if self._target.secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(raw, server_hostname=self._target.host)


@contextmanager
def _asked(
    target: _Target,
    addresses: Sequence[str],
    method: str,
    body: bytes | None,
    deadline: float,
    extra: Mapping[str, str] | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """The answer of the first address that can be connected to; its body not read yet."""
    headers = {"User-Agent": "millwright", "Accept": "*/*", "Connection": "close"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    headers.update(extra or {})
    connection = _connected(target, addresses, deadline)
    # Timeouts of a socket start anew with every byte; this one ends the exchange as a whole.
    watch = threading.Timer(max(deadline - time.monotonic(), 0.001), _hang_up, (connection,))
    watch.daemon = True
    watch.start()
    try:
        connection.request(method, target.path, body=body, headers=headers)
        yield connection.getresponse()
    except (OSError, http.client.HTTPException) as cause:
        raise Unavailable(
            "egress.broken",
            f"{target.label} did not answer properly: {type(cause).__name__}.",
            hint="Check that the other side speaks this protocol and answers in time.",
        ) from None
    finally:
        watch.cancel()
        connection.close()


def _connected(target: _Target, addresses: Sequence[str], deadline: float) -> _Pinned:
    failure: Exception | None = None
    for address in addresses[:2]:
        connection = _Pinned(target, address, deadline)
        try:
            connection.connect()
        except _NotConnected as cause:
            failure = cause
        except OSError as cause:
            # The other side is there, and what it says of itself is not to be believed (TLS).
            raise Unavailable(
                "egress.broken",
                f"{target.label} did not answer properly: {type(cause).__name__}.",
                hint="Check that the other side speaks this protocol and answers in time.",
            ) from None
        else:
            return connection
    raise Unavailable(
        "egress.unreachable",
        f"Nothing answers at {target.label}.",
        hint="Check that the address is right and that the other side runs.",
    ) from failure


def _copy(
    answer: http.client.HTTPResponse, into: BinaryIO, max_bytes: int, target: _Target
) -> None:
    seen = 0
    while block := answer.read(1 << 20):
        seen += len(block)
        if seen > max_bytes:
            raise InvalidInput(
                "egress.too_large", f"{target.label} sends more than {max_bytes >> 20} MiB."
            )
        into.write(block)
    claimed = answer.getheader("Content-Length")
    if claimed is not None and claimed.isdigit() and seen < int(claimed):
        raise http.client.IncompleteRead(b"", int(claimed) - seen)


def _hang_up(connection: http.client.HTTPConnection) -> None:
    plain = connection.sock
    if plain is not None:
        try:
            plain.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

"""The models of one server: which are loaded, which are loaded when somebody asks, which make room.

All state lives on the event loop's thread; loading happens beside it. A model is replaced as a
whole: the new one is loaded and warmed while the old one answers, requests that began on the old
one finish on it, and it is let go with the last of them.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from millwright.kernel.errors import Conflict, MillwrightError, NotFound, nearest
from millwright.serving.config import ServerConfig
from millwright.serving.mirroring import Mirror
from millwright.serving.prediction_log import PredictionLog
from millwright.serving.replies import Busy, Reply, refusal
from millwright.serving.variant import Generation, Variant, load_generation, loaded_of

if TYPE_CHECKING:
    from millwright.serving.lookup.looking_up import Lookup

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Endpoint:
    """One model name that a server answers for.

    Attributes:
        generation: what is served now; None while nothing is loaded.
        log: where its predictions go.
        mirror: who scores them again, beside the answer.
        in_flight: its requests that have no reply yet.
        size: bytes of memory that loading it took.
        unloaded: whether somebody took it out of service until it is loaded again.
    """

    def __init__(self, config: ServerConfig) -> None:
        self.config = config
        self.generation: Generation | None = None
        self.log = PredictionLog(config.spool, capacity_rows=config.log_buffer_rows)
        self.mirror = Mirror(self.log)
        self.in_flight = 0
        self.size = 0
        self.unloaded = False
        self.trouble = ""
        self.loading = asyncio.Lock()
        self._busy: tuple[int, Reply] | None = None

    @property
    def name(self) -> str:
        """What callers name it."""
        return self.config.model_name

    def most_bytes(self, of_caller: int | None) -> int:
        """The largest body of a request, of a caller who may have a limit of their own."""
        most = self.config.max_body_bytes
        return most if of_caller is None else min(most, of_caller)

    @property
    def is_full(self) -> bool:
        """Whether as many requests are under way as the configuration allows."""
        return self.in_flight >= self.config.max_in_flight

    @property
    def busy(self) -> Reply:
        """What one request too many is answered."""
        most = self.config.max_in_flight
        if self._busy is None or self._busy[0] != most:
            self._busy = (most, refusal(_busy(most)))
        return self._busy[1]

    def refuse_if_busy(self) -> None:
        """Raise ``Busy`` where more requests are under way than the configuration allows."""
        most = self.config.max_in_flight
        if self.in_flight > most:
            raise _busy(most)

    def load(self, config: ServerConfig) -> Generation:
        """Load, verify and warm what ``config`` asks for; keeps what is in memory already."""
        before = _resident()
        known = loaded_of(self.generation) if self.generation is not None else {}
        generation = load_generation(config, known)
        on_disk = sum(_size(variant.package) for variant in config.variants)
        self.size = max(on_disk, _resident() - before, self.size if known else 0)
        self.mirror.expect(generation)
        return generation

    def let_go(self) -> None:
        """Keep nothing of it in memory; its last requests finish."""
        self.generation = None
        self.mirror.expect(None)

    def pinned(self, generation: Generation, version: str) -> Variant | None:
        """The variant that serves a version; None where none is asked for.

        Raises:
            NotFound: this version is not served.
        """
        if not version:
            return None
        variant = generation.by_version(version)
        if variant is None:
            served = ", ".join(str(v.config.version) for v in generation.variants)
            raise NotFound(
                "serving.unknown_version",
                f"Version '{version[:40]}' of '{self.name}' is not served here.",
                hint=f"Served now: {served}.",
            )
        return variant


class Models:
    """Every endpoint of a server, the first of them answering where no name is said."""

    def __init__(self, config: ServerConfig) -> None:
        """Prepare what ``config`` and its ``others`` ask for; ``start`` loads."""
        self._memory = config.memory_bytes
        self._endpoints = {one.model_name: Endpoint(one) for one in (config, *config.others)}
        self.primary = self._endpoints[config.model_name]
        self.evictions = 0

    @property
    def many(self) -> bool:
        """Whether there is more than one."""
        return len(self._endpoints) > 1

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """All of them, loaded or not, the most recently used last."""
        return tuple(self._endpoints.values())

    @property
    def lookups(self) -> Sequence[tuple[str, Lookup]]:
        """All that looks features up now, each with the name of its model."""
        return [
            (endpoint.name, lookup)
            for endpoint in self.endpoints
            if endpoint.generation is not None and endpoint.generation.lookups is not None
            for lookup in endpoint.generation.lookups.each
        ]

    @property
    def in_flight(self) -> int:
        """Requests for predictions under way."""
        return sum(endpoint.in_flight for endpoint in self._endpoints.values())

    def start(self) -> None:
        """Open the logs and load: everything, or with a limit of memory just the first.

        Raises:
            NotFound, Corrupt, Conflict: a package cannot be served.
            OSError: the folder of a log cannot be created.
        """
        for endpoint in self.endpoints:
            if endpoint is self.primary or self._memory is None:
                endpoint.generation = endpoint.load(endpoint.config)
            endpoint.log.start()

    def close(self) -> None:
        """Write what the logs hold."""
        for endpoint in self.endpoints:
            endpoint.mirror.close()
            endpoint.log.close()

    def named(self, name: str) -> Endpoint:
        """The endpoint of this name.

        Raises:
            NotFound: the server has no such model.
        """
        endpoint = self._endpoints.get(name)
        if endpoint is None:
            guess = nearest(name, self._endpoints)
            served = ", ".join(f"'{known}'" for known in list(self._endpoints)[:20])
            raise NotFound(
                "serving.unknown_model",
                f"This server has no model '{name[:100]}'.",
                hint=f"Did you mean '{guess}'?" if guess else f"It serves {served}.",
            )
        return endpoint

    async def ready(self, endpoint: Endpoint) -> Generation:
        """What answers for an endpoint, loaded now where it is not in memory.

        Raises:
            NotFound: somebody unloaded it. NotFound, Corrupt, Conflict: it cannot be loaded.
        """
        if self.many:
            # The order of the dictionary is the order of use.
            self._endpoints[endpoint.name] = self._endpoints.pop(endpoint.name)
        if endpoint.generation is not None:
            return endpoint.generation
        if endpoint.unloaded:
            raise NotFound(
                "serving.unloaded",
                f"The model '{endpoint.name}' was unloaded.",
                hint=f"Load it with: POST /v2/repository/models/{endpoint.name}/load",
            )
        return await self.load(endpoint)

    async def load(self, endpoint: Endpoint) -> Generation:
        """Load an endpoint that is not in memory, making room; errors as ``ready``."""
        async with endpoint.loading:
            if endpoint.generation is None:
                await self._take_over(endpoint, endpoint.config)
        assert endpoint.generation is not None
        return endpoint.generation

    async def replace(self, config: ServerConfig) -> None:
        """Serve another configuration under the name it has, without a gap.

        Raises:
            NotFound: no endpoint of this name. Conflict: it is another deployment's.
            NotFound, Corrupt: what it names cannot be loaded; the old one stays.
        """
        endpoint = self.named(config.model_name) if self.many else self.primary
        _refuse_another_deployment(endpoint.config, config)
        async with endpoint.loading:
            await self._take_over(endpoint, config)

    def unload(self, endpoint: Endpoint) -> None:
        """Take a model out of memory and of service; its last requests finish."""
        endpoint.let_go()
        endpoint.unloaded = True

    async def _take_over(self, endpoint: Endpoint, config: ServerConfig) -> None:
        loop = asyncio.get_running_loop()
        try:
            generation = await loop.run_in_executor(None, endpoint.load, config)
        except MillwrightError as error:
            endpoint.trouble = str(error)
            raise
        endpoint.config, endpoint.generation = config, generation
        endpoint.unloaded, endpoint.trouble = False, ""
        self._make_room(endpoint)

    def _make_room(self, newest: Endpoint) -> None:
        """Let go of what was not used for longest until the rest fits."""
        if self._memory is None:
            return
        loaded = [one for one in self.endpoints if one.generation is not None]
        used = sum(one.size for one in loaded)
        for endpoint in loaded:
            if used <= self._memory:
                return
            if endpoint is not newest and not endpoint.in_flight:
                endpoint.let_go()
                used -= endpoint.size
                self.evictions += 1


def _busy(most: int) -> Busy:
    return Busy(
        "serving.busy",
        f"The model has {most} requests under way and takes no more for the moment.",
        hint="Ask again in a second, or serve with more workers.",
    )


def _refuse_another_deployment(current: ServerConfig, new: ServerConfig) -> None:
    for name in ("deployment", "model_name", "spool"):
        if getattr(current, name) != getattr(new, name):
            raise Conflict(
                "serving.another_deployment",
                f"This server's {name} is '{getattr(current, name)}' and cannot become "
                f"'{getattr(new, name)}'.",
                hint="Start a server of its own for it.",
            )


def _size(package: Path) -> int:
    return sum(file.stat().st_size for file in package.glob("model.*"))


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0

"""Values of fields that are looked up: from memory while they are fresh, else from the online store.

Requests of the same moment ask the store together, each entity once. When the store does not answer,
what was known of an entity is used although it is older than its time in memory; what was never
known is a refusal (503), since a prediction on nothing would look like one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import msgspec

from millwright.kernel.clock import parse_duration
from millwright.kernel.egress import allowed_from_environment, exchange
from millwright.kernel.errors import InvalidInput, MillwrightError, Unavailable, nearest
from millwright.kernel.model_package import Field
from millwright.kernel.serving_config import LookupConfig
from millwright.serving.lookup.online import Found, Key, read, written
from millwright.serving.signature import InputSignature, Rows

_AT_ONCE = 50
"""Entities of one request to the store, whose answer has to stay small."""
_KEPT = 100_000


class _Kept(msgspec.Struct, frozen=True):
    found: Found
    until: float


class Lookup:
    """Looks up the fields of one configuration. Used from the event loop's thread.

    Attributes:
        config: what is looked up, and where.
        outcomes: entities by where their values came from: ``hit`` (memory), ``miss`` (the store),
            ``old`` (memory, the store not answering), ``failed``.
        absent: values that the store had not, or that were too old.
        fetches: requests to the store; ``nanoseconds``: how long they took together.
    """

    def __init__(self, config: LookupConfig, signature: InputSignature) -> None:
        """Compile against an endpoint's signature, which has the entities and the fields."""
        self.config = config
        self.outcomes: Counter[str] = Counter()
        self.absent = self.fetches = self.nanoseconds = 0
        self._entities = [signature.positions[name] for name in config.entities]
        self._fields = [
            (signature.positions[name], index) for index, name in enumerate(config.features)
        ]
        self._signature = signature
        self._age_ms = None if config.max_age is None else parse_duration(config.max_age)
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._waiting: dict[Key, asyncio.Future[Found]] = {}
        self._asked: dict[Key, asyncio.Future[Found]] = {}

    async def fill(self, rows: Rows, values: list[Any]) -> None:
        """Write what is known into ``values``, where callers sent nothing.

        Raises:
            InvalidInput: an entity is not known, and that is to be refused. Unavailable: the store
                does not answer.
        """
        keys = [
            tuple(values[row * rows.width + position] for position in self._entities)
            for row in range(rows.count)
        ]
        found = await self._found(set(keys))
        now_ms = time.time() * 1000
        for row, key in enumerate(keys):
            start = row * rows.width
            for position, index in self._fields:
                if values[start + position] is None:
                    values[start + position] = self._value(found.get(key), index, position, now_ms)
            if self.config.missing == "reject":
                self._refuse_unknown(key, values[start : start + rows.width])

    def _value(self, found: Found | None, index: int, position: int, now_ms: float) -> Any:
        value = None if found is None else found.values[index]
        if found is not None and value is not None and self._age_ms is not None:
            at = found.times_ms[index]
            if at is not None and at < now_ms - self._age_ms:
                value = None
        if value is None:
            self.absent += 1
            return None
        return _typed(value, self._signature.fields[position], self.config)

    def _refuse_unknown(self, key: Key, row: Sequence[Any]) -> None:
        for position, _ in self._fields:
            if row[position] is None:
                ids = ", ".join(
                    f"{name}={value!r:.60}"
                    for name, value in zip(self.config.entities, key, strict=True)
                )
                raise InvalidInput(
                    "serving.unknown_entity",
                    f"Nothing, or nothing recent, is known of '{self._signature.fields[position].name}'"
                    f" for {ids}.",
                    hint="Send the value, or see why the online store has none.",
                )

    async def _found(self, keys: set[Key]) -> dict[Key, Found]:
        known: dict[Key, Found] = {}
        coming: dict[Key, asyncio.Future[Found]] = {}
        now = time.monotonic()
        for key in keys:
            kept = self._kept.get(key)
            if None in key:
                continue  # nobody has no id
            if kept is not None and kept.until > now:
                self._kept.move_to_end(key)
                self.outcomes["hit"] += 1
                known[key] = kept.found
            else:
                coming[key] = self._asked.get(key) or self._wait(key)
        for key, future in coming.items():
            known[key] = await asyncio.shield(future)
        return known

    def _wait(self, key: Key) -> asyncio.Future[Found]:
        waiting = self._waiting.get(key)
        if waiting is not None:
            return waiting
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        future: asyncio.Future[Found] = loop.create_future()
        self._waiting[key] = future
        return future

    def _flush(self) -> None:
        """Ask the store for all that this turn of the event loop brought."""
        loop = asyncio.get_running_loop()
        waiting, self._waiting = self._waiting, {}
        self._asked.update(waiting)
        left = iter(waiting)
        while keys := list(islice(left, _AT_ONCE)):
            began = time.perf_counter_ns()
            asking = loop.run_in_executor(None, self._ask, keys)

            def told(
                asked: asyncio.Future[list[Found]], keys: list[Key] = keys, began: int = began
            ) -> None:
                self.fetches += 1
                self.nanoseconds += time.perf_counter_ns() - began
                self._told(keys, asked)

            asking.add_done_callback(told)

    def _told(self, keys: Iterable[Key], asked: asyncio.Future[list[Found]]) -> None:
        error = asked.exception()
        until = time.monotonic() + self.config.ttl_seconds
        for index, key in enumerate(keys):
            future = self._asked.pop(key)
            kept = self._kept.get(key)
            if error is None:
                kept = self._kept[key] = _Kept(asked.result()[index], until)
                self._kept.move_to_end(key)
                self.outcomes["miss"] += 1
            else:
                self.outcomes["failed" if kept is None else "old"] += 1
            if kept is not None:
                future.set_result(kept.found)
            else:
                future.set_exception(error or AssertionError())
                future.exception()  # who asked may have hung up
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _ask(self, keys: Sequence[Key]) -> list[Found]:
        headers = {"content-type": "application/json"}
        if self.config.token_variable is not None:
            token = os.environ.get(self.config.token_variable, "")
            headers["authorization"] = f"Bearer {token}"
        try:
            answer = exchange(
                self.config.url,
                body=written(self.config, keys),
                headers=headers,
                allow=allowed_from_environment(),
                timeout_seconds=self.config.timeout_ms / 1000,
            )
            if answer.status != 200:
                raise Unavailable("serving.lookup_failed", f"it answered {answer.status}.")
            return read(self.config, answer.body, len(keys))
        except MillwrightError as cause:
            raise Unavailable(
                "serving.lookup_failed",
                f"The features of '{self.config.name}' cannot be looked up: {cause.message}",
                hint=cause.hint,
            ) from cause


class Lookups:
    """All lookups of an endpoint."""

    def __init__(self, configs: Sequence[LookupConfig], signature: InputSignature) -> None:
        """Compile them against the endpoint's signature."""
        self.each = [Lookup(config, signature) for config in configs]
        self.fields = frozenset(name for config in configs for name in config.features)
        self._never_null = [
            signature.positions[name]
            for name in self.fields
            if not signature.fields[signature.positions[name]].nullable
        ]
        self._signature = signature

    async def filled(self, rows: Rows) -> Rows:
        """The rows with what was looked up; raises as ``Lookup.fill``, or InvalidInput where a field
        that must be known is not."""
        values = list(rows.values)
        await asyncio.gather(*(one.fill(rows, values) for one in self.each))
        whole = Rows(rows.count, rows.width, values)
        for position in self._never_null:
            column = whole.column(position)
            if None in column:
                raise InvalidInput(
                    "serving.null",
                    f"Tensor '{self._signature.fields[position].name}' must not hold null, and nothing "
                    f"was found for row {column.index(None)}.",
                    hint="Send the value, or see why the online store has none.",
                )
        return whole


def signature_with(
    configs: Sequence[LookupConfig], champion: Sequence[Field], others: Sequence[Sequence[Field]]
) -> InputSignature:
    """The signature of an endpoint some of whose fields are looked up: callers send the entities,
    and those fields only where they know better.

    Raises:
        InvalidInput: a field is none of the model's, or is looked up twice.
    """
    names = [field.name for field in champion]
    looked_up: set[str] = set()
    entities: dict[str, Field] = {}
    for config in configs:
        for name in config.features:
            if name not in names or name in looked_up:
                guess = nearest(name, names)
                raise InvalidInput(
                    "serving.lookup",
                    f"The lookup '{config.name}' gives '{name}', which "
                    + (
                        "is looked up already."
                        if name in looked_up
                        else "is no field of the model."
                    ),
                    hint=f"Did you mean '{guess}'?" if guess and guess != name else None,
                )
            looked_up.add(name)
        for name, kind in config.entities.items():
            if name not in names:
                entities[name] = Field(name=name, kind=kind, monitored=False)
    sent = [*(field for field in champion if field.name not in looked_up), *entities.values()]
    return InputSignature.compile(
        sent, [field for field in champion if field.name in looked_up], *others
    )


def _typed(value: Any, field: Field, config: LookupConfig) -> Any:
    """A value of the store as the model takes it."""
    if field.kind == "categorical" and type(value) in (str, int):
        return str(value)
    if field.kind != "categorical" and type(value) in (int, float, bool):
        return float(value)
    raise Unavailable(
        "serving.lookup_failed",
        f"The lookup '{config.name}' gave {value!r:.60} as '{field.name}', which is {field.kind}.",
        hint="Name another feature of the store for it.",
    )

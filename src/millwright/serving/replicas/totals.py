"""The metrics of several workers as those of one server: samples of the same name are added up."""

from __future__ import annotations

from collections.abc import Iterable


def added_up(texts: Iterable[str]) -> str:
    """Expositions in the Prometheus text format as one, families and samples in their order.

    >>> print(added_up(["# TYPE a counter\\na 1\\n", "# TYPE a counter\\na 2\\n"]), end="")
    # TYPE a counter
    a 3
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, dict[str, float]] = {}
    for text in texts:
        sums = samples.setdefault("", {})
        for line in text.splitlines():
            if line.startswith("#"):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if line not in known:
                    known.append(line)
                sums = samples.setdefault(family, {})
            elif line:
                name, _, value = line.rpartition(" ")
                sums[name] = sums.get(name, 0.0) + float(value)
    lines = []
    for family, head in heads.items():
        lines += head
        lines += [f"{name} {_number(value)}" for name, value in samples.get(family, {}).items()]
    return "\n".join(lines) + "\n" if lines else ""


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)

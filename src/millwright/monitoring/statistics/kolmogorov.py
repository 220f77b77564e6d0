"""How likely a Kolmogorov–Smirnov or Kuiper distance is by chance.

The two-sample distance is exact up to 10,000 rows a side, by counting lattice paths, and above
that the one-sample distribution at the effective size n·m/(n+m), as SciPy does it: exact for few
rows (Durbin 1973, in the form of Marsaglia, Tsang & Wang 2003), Pelz & Good (1976) and twice the
one-sided tail (Smirnov 1944) for many; which is used where follows Simard & L'Ecuyer (2011).
"""

from __future__ import annotations

import math

import numpy as np

from millwright.monitoring.statistics.special import Floats, log_factorial

EXACT_ROWS = 10_000
_EXACT_TERMS = 40_000


def two_sample_sf(distance: float, n: int, m: int, *, exact: bool | None = None) -> float:
    """P(D ≥ distance) for two samples of n and m rows of one distribution.

    Args:
        exact: count paths; by default where neither sample has more than ``EXACT_ROWS``.
    """
    if n == 0 or m == 0 or distance <= 0.0:
        return 1.0
    if exact is None:
        exact = max(n, m) <= EXACT_ROWS
    if exact:
        return paths_outside(distance, n, m)
    return one_sample_sf(distance, round(n * m / (n + m)))


def paths_outside(distance: float, n: int, m: int) -> float:
    """The share of lattice paths from (0, 0) to (n, m) that leave |x/n − y/m| < distance.

    Along each antidiagonal the share of a cell is a mean of its two neighbours', so every term is
    positive and even p-values of 1e-200 keep their digits.
    """
    least = math.lcm(n, m)
    reach = round(distance * least)
    if reach <= 0:
        return 1.0
    by_x, by_y = least // n, least // m
    # Only cells inside the band are kept; all beyond them are 1.
    start, held = 0, np.zeros(1)
    for total in range(1, n + m + 1):
        low = max(_ceil(by_y * total - reach + 1, by_x + by_y), 0, total - m)
        high = min((by_y * total + reach - 1) // (by_x + by_y), n, total)
        if high < low:
            return 1.0
        x = np.arange(low, high + 1)
        padded = np.ones(x.size + 1)
        first, last = max(low - 1, start), min(high, start + held.size - 1)
        if last >= first:
            padded[first - low + 1 : last - low + 2] = held[first - start : last - start + 1]
        held = (x * padded[:-1] + (total - x) * padded[1:]) / total
        start = low
    return float(min(max(held[n - start], 0.0), 1.0))


def one_sample_sf(distance: float, n: int) -> float:
    """P(D ≥ distance) of one sample of n rows against its own continuous distribution."""
    if n <= 0 or distance <= 0.0:
        return 1.0
    if distance >= 1.0:
        return 0.0
    t, squared = n * distance, n * distance * distance
    if t <= 0.5:
        return 1.0
    if t <= 1.0:
        log = float(log_factorial(np.array([float(n)]))[0]) - n * math.log(n)
        return 1.0 - math.exp(log + n * math.log(2.0 * t - 1.0)) if t > 0.5 else 1.0
    if t >= n - 1:
        return 2.0 * float((1.0 - distance) ** n)
    if distance >= 0.5 or squared >= (4.0 if n <= 140 else 2.2):
        return min(2.0 * _one_sided(distance, n), 1.0)
    if n <= 140 or (n <= 100_000 and n * distance**1.5 <= 1.4):
        return 1.0 - _durbin(distance, n)
    return min(max(1.0 - _pelz_good(distance, n), 0.0), 1.0)


def kuiper_sf(distance: float, n: int, m: int) -> float:
    """P(V ≥ distance) for Kuiper's two-sample distance (Stephens 1970), asymptotic."""
    if n == 0 or m == 0:
        return 1.0
    root = math.sqrt(n * m / (n + m))
    z = (root + 0.155 + 0.24 / root) * distance
    if z < 0.4:
        return 1.0
    j = np.arange(1, 101)
    terms = (4.0 * j * j * z * z - 1.0) * np.exp(-2.0 * j * j * z * z)
    return float(min(max(2.0 * terms.sum(), 0.0), 1.0))


def _ceil(top: int, bottom: int) -> int:
    return -(-top // bottom)


def _one_sided(distance: float, n: int) -> float:
    if n > _EXACT_TERMS:
        shifted = (6.0 * n * distance + 1.0) ** 2 / (18.0 * n)
        # The next term of Smirnov's expansion.
        return math.exp(-shifted) * (1.0 - (2.0 * shifted**2 - 4.0 * shifted - 1.0) / (18.0 * n))
    j = np.arange(0, math.floor(n * (1.0 - distance)) + 1, dtype=np.float64)
    left = distance + j / n
    right = np.maximum(1.0 - left, 0.0)
    logs = log_factorial(np.array([float(n)]))[0] - log_factorial(j) - log_factorial(n - j)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = logs + (j - 1.0) * np.log(left) + np.where(j < n, (n - j) * np.log(right), 0.0)
    return float(distance * np.exp(logs).sum())


def _durbin(distance: float, n: int) -> float:
    k = math.floor(n * distance) + 1
    h = k - n * distance
    size = 2 * k - 1
    rows, columns = np.indices((size, size))
    matrix = np.where(rows - columns + 1 >= 0, 1.0, 0.0)
    powers = h ** np.arange(1, size + 1)
    matrix[:, 0] -= powers
    matrix[-1, :] -= powers[::-1]
    matrix[-1, 0] += max(2.0 * h - 1.0, 0.0) ** size
    below = np.maximum(rows - columns + 1, 0).astype(np.float64)
    matrix /= np.exp(log_factorial(below.ravel())).reshape(size, size)
    power, exponent = _matrix_power(matrix, n)
    value, log = power[k - 1, k - 1], exponent
    if value <= 0.0:
        return 0.0
    factorial = float(log_factorial(np.array([float(n)]))[0])
    return math.exp(math.log(value) + log + factorial - n * math.log(n))


def _matrix_power(matrix: Floats, n: int) -> tuple[Floats, float]:
    result, log = np.eye(matrix.shape[0]), 0.0
    base, base_log = matrix, 0.0
    while n:
        if n & 1:
            result, log = result @ base, log + base_log
            result, log = _scaled(result, log)
        base, base_log = _scaled(base @ base, 2.0 * base_log)
        n >>= 1
    return result, log


def _scaled(matrix: Floats, log: float) -> tuple[Floats, float]:
    largest = float(np.abs(matrix).max())
    return (matrix / largest, log + math.log(largest)) if largest > 0.0 else (matrix, log)


def _pelz_good(distance: float, n: int) -> float:
    z = math.sqrt(n) * distance
    z2 = z * z
    half = (np.arange(-40, 40) + 0.5) ** 2 * math.pi**2
    whole = np.arange(-40, 41).astype(np.float64) ** 2 * math.pi**2
    by_half, by_whole = np.exp(-half / (2.0 * z2)), np.exp(-whole / (2.0 * z2))
    root = math.sqrt(math.pi / 2.0)
    k0 = root / z * by_half.sum()
    k1 = root / (6.0 * z**4) * ((half - z2) * by_half).sum()
    k2 = (
        root
        / (72.0 * z**7)
        * (
            (
                (6.0 * z**6 + 2.0 * z**4)
                + (2.0 * z**4 - 5.0 * z2) * half
                + (1.0 - 2.0 * z2) * half**2
            )
            * by_half
        ).sum()
        - root / (36.0 * z**3) * (whole * by_whole).sum()
    )
    k3 = (
        root
        / (6480.0 * z**10)
        * (
            (
                (5.0 - 30.0 * z2) * half**3
                + (-60.0 * z2 + 212.0 * z**4) * half**2
                + (135.0 * z**4 - 96.0 * z**6) * half
                - (30.0 * z**6 + 90.0 * z**8)
            )
            * by_half
        ).sum()
        + root / (216.0 * z**6) * ((3.0 * whole * z2 - whole**2) * by_whole).sum()
    )
    return float(k0 + k1 / math.sqrt(n) + k2 / n + k3 / n**1.5)

"""The few distribution functions that tests need, in float64 and without SciPy.

SciPy is not among Millwright's own dependencies, and a tail of χ² is no reason to install 100 MB.
All agree with ``scipy.stats`` to 1e-9 or better, which the tests hold them to.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_TINY = 1e-300
_STEPS = 1_000_000


def normal_sf(z: float) -> float:
    """P(Z > z) of the standard normal distribution.

    >>> round(normal_sf(1.959964), 6)
    0.025
    """
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def chi_square_sf(value: float, freedom: float) -> float:
    """P(χ² > value) with ``freedom`` degrees of freedom; 1 where there is no freedom.

    >>> round(chi_square_sf(3.841459, 1), 6)
    0.05
    """
    if freedom <= 0 or value <= 0.0:
        return 1.0
    if math.isinf(value):
        return 0.0
    return _upper_gamma(freedom / 2.0, value / 2.0)


def _upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x).

    The series below a + 1, the continued fraction above (Lentz; Press et al., *Numerical Recipes*,
    §6.2), each where it converges fast.
    """
    scale = a * math.log(x) - x - math.lgamma(a)
    if x < a + 1.0:
        term = total = 1.0 / a
        for step in range(1, _STEPS):
            term *= x / (a + step)
            total += term
            if term < total * 1e-17:
                break
        return max(0.0, 1.0 - total * math.exp(scale))
    b = x + 1.0 - a
    c, d = 1.0 / _TINY, 1.0 / b
    fraction = d
    for step in range(1, _STEPS):
        top = -step * (step - a)
        b += 2.0
        d = 1.0 / (top * d + b or _TINY)
        c = b + top / c or _TINY
        change = d * c
        fraction *= change
        if abs(change - 1.0) < 1e-16:
            break
    return min(1.0, fraction * math.exp(scale)) if scale > -745.0 else 0.0


def log_factorial(values: Floats) -> Floats:
    """ln(n!) of many numbers at once: Stirling's series, exact below 32."""
    small = np.array([math.lgamma(n + 1.0) for n in range(32)])
    x = np.maximum(values, 31.0) + 1.0
    inverse = 1.0 / (x * x)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x
    stirling = (x - 0.5) * np.log(x) - x + 0.5 * math.log(2.0 * math.pi) + series
    found: Floats = np.where(values < 32, small[np.minimum(values, 31).astype(np.int64)], stirling)
    return found


def bessel_k_quarter_scaled(q: Floats) -> Floats:
    """e^q K_¼(q), by the trapezoidal rule on its integral, which converges exponentially."""
    t = np.linspace(0.0, 12.0, 1201)
    weights = np.full(t.size, t[1])
    weights[0] /= 2.0
    exponent = -q[:, None] * (np.cosh(t) - 1.0)[None, :]
    found: Floats = (np.exp(exponent) * np.cosh(0.25 * t) * weights).sum(axis=1)
    return found

"""Curves of an evaluation as SVG, readable on light and dark pages; free of any library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_SIZE, _LEFT, _TOP = 320, 52, 34
_INK, _LINE, _ACCENT, _OTHER = "#566372", "#cbd2da", "#0b7482", "#d55e00"


def curve(title: str, axes: tuple[str, str], lines: Sequence[tuple[str, Points]]) -> str:
    """An SVG of lines in the unit square, over its diagonal.

    Args:
        title: what it shows.
        axes: the names of x and y.
        lines: a name and points within 0 to 1 for each line, two at the most.
    """
    width, height = _LEFT + _SIZE + 20, _TOP + _SIZE + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#ffffff" rx="8"/>',
        f'<text x="{_LEFT}" y="20" font-size="14" font-weight="600">{escape(title)}</text>',
    ]
    for step in range(5):
        share = step / 4
        x, y = _place(share, share)
        parts += [
            f'<path d="M{_LEFT} {y:.1f}h{_SIZE}M{x:.1f} {_TOP}v{_SIZE}" stroke="{_LINE}" stroke-width="0.5"/>',
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{_INK}">{share:g}</text>',
            f'<text x="{x:.1f}" y="{_TOP + _SIZE + 16}" text-anchor="middle" fill="{_INK}">{share:g}</text>',
        ]
    parts.append(_path([(0, 0), (1, 1)], _LINE, dashed=True))
    for (name, points), colour in zip(lines, (_ACCENT, _OTHER), strict=False):
        parts.append(_path(points, colour))
        y = _TOP + _SIZE - 12 - 18 * [line for line, _ in lines].index(name)
        parts.append(
            f'<text x="{_LEFT + _SIZE - 8}" y="{y}" text-anchor="end" fill="{colour}">{escape(name)}</text>'
        )
    middle = _LEFT + _SIZE / 2
    parts += [
        f'<text x="{middle}" y="{height - 8}" text-anchor="middle" fill="{_INK}">{escape(axes[0])}</text>',
        f'<text transform="translate(14 {_TOP + _SIZE / 2}) rotate(-90)" text-anchor="middle" '
        f'fill="{_INK}">{escape(axes[1])}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _place(x: float, y: float) -> tuple[float, float]:
    return _LEFT + x * _SIZE, _TOP + (1 - y) * _SIZE


def _path(points: Points, colour: str, *, dashed: bool = False) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*point) for point in points))
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'

"""Reliability diagrams as a small SVG: what was promised across, what was measured up, a dot a distance.

Decides how they look. Equal input gives equal text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

_SIDE, _GAP, _LEFT, _TOP = 180, 26, 34, 24
_LEAST = 5e-4  # share of hits of a distance below which its dot is left out
Curve = Mapping[str, Sequence[float]]


def reliability_svg(panels: Mapping[str, Curve]) -> str:
    """Draws panels side by side.

    Args:
        panels: By title: ``promised``, ``low``, ``high``, ``measured`` and ``n`` by distance.

    Returns:
        An SVG document with a white ground.
    """
    width, height = _LEFT + len(panels) * (_SIDE + _GAP), _TOP + _SIDE + 30
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="10">'
    drawn = [_panel(title, curve, _LEFT + place * (_SIDE + _GAP)) for place, (title, curve) in enumerate(panels.items())]
    return "\n".join([head, f'<rect width="{width}" height="{height}" fill="#fff"/>', *drawn, "</svg>\n"])


def _panel(title: str, curve: Curve, left: int) -> str:
    bottom = _TOP + _SIDE
    parts = [
        f'<text x="{left}" y="{_TOP - 8}" fill="#222">{title}</text>',
        f'<rect x="{left}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#bbb"/>',
        f'<path d="M{left} {bottom}L{left + _SIDE} {_TOP}" stroke="#999" stroke-dasharray="4 3"/>',
    ]
    for tick in (0, 0.5, 1):
        at = tick * _SIDE
        parts.append(f'<text x="{left + at:g}" y="{bottom + 14}" text-anchor="middle" fill="#666">{tick:g}</text>')
        parts.append(f'<text x="{left - 5}" y="{bottom - at + 3:g}" text-anchor="end" fill="#666">{tick:g}</text>')
    total = sum(curve["n"])
    for promised, low, high, measured, n in zip(
        *(curve[name] for name in ("promised", "low", "high", "measured", "n")), strict=True
    ):
        if n >= _LEAST * total:
            y = bottom - measured * _SIDE
            ends = f"M{left + low * _SIDE:.1f} {y:.1f}H{left + high * _SIDE:.1f}"
            parts.append(f'<path d="{ends}" stroke="#4477aa" stroke-opacity=".3"/>')
            radius = 1 + 14 * sqrt(n / total)
            parts.append(
                f'<circle cx="{left + promised * _SIDE:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#4477aa" fill-opacity=".6"/>'
            )
    return "\n".join(parts)

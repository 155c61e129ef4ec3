"""Draws plots as small SVG files that are the same, byte for byte, for the same numbers.

Decides colours, size and format. Does not know what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "bitlens",  # names of parts do not depend on the moment
    "svg.fonttype": "none",  # letters stay letters: smaller, and the reader's own font
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "path.simplify": True,
}
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#999999", "#000000")  # Okabe and Ito, 2008
_MARKERS = "os^Dv<>P"


def draw(plot: Mapping[str, Any], path: Path) -> None:
    """Writes one plot.

    Args:
        plot: As :class:`bench.result.Plot`, read from JSON.
        path: Of the SVG file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(5.4, 3.0))
        axes = figure.subplots()
        for i, (name, points) in enumerate(plot["series"].items()):
            xs, ys = zip(*points, strict=True)
            axes.plot(xs, ys, label=name, color=_COLOURS[i % 8], marker=_MARKERS[i % 8], markersize=4, linewidth=1.2)
        axes.set(title=plot["title"], xlabel=plot["x"], ylabel=plot["y"])
        axes.set_xscale("log" if "x" in plot["log"] else "linear")
        axes.set_yscale("log" if "y" in plot["log"] else "linear")
        if "y" not in plot["log"]:
            axes.set_ylim(bottom=0)
        if len(plot["series"]) > 1:
            axes.legend(frameon=False, fontsize=8)
        figure.savefig(path, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})

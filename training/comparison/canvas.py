"""Panels of a plot as one inline SVG that takes the page's colours and type.

Decides size, grid and how colours become the page's variables. Does not know what is plotted.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

N_SERIES = 8
_WIDTH = 2.7  # of a panel, in inches
_INK, _MUTED, _LINE = "#010101", "#020202", "#030303"
_SERIES = [f"#0400{index:02x}" for index in range(N_SERIES)]
_VARIABLES = {_INK: "--ink", _MUTED: "--muted", _LINE: "--line"} | {
    color: f"--series-{index}" for index, color in enumerate(_SERIES)
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # labels are data: a $ is a $
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _MUTED,
    "axes.titlecolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.5,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _MUTED,
    "ytick.labelcolor": _MUTED,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
}
_MARKERS = "osD^vPX*"
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)))


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes.

    Attributes:
        title: Above it; empty for none.
        x_label: Below it.
        y_label: Beside it.
        draw: Draws into it.
        height: In inches.
    """

    title: str
    x_label: str
    y_label: str
    draw: Callable[[Axes], None]
    height: float = 2.5


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot.

    Attributes:
        title: Above it; may be empty.
        svg: The ``<svg>`` element.
    """

    title: str
    svg: str


def series_style(index: int) -> dict[str, Any]:
    """Returns colour, marker and dashes of a method: no two are alike before all three have been round.

    Args:
        index: Of the method.

    Returns:
        Keyword arguments of a line.
    """
    n_rounds = index // N_SERIES
    return {
        "color": _SERIES[index % N_SERIES],
        "marker": _MARKERS[(index + n_rounds) % len(_MARKERS)],
        "linestyle": _DASHES[n_rounds % len(_DASHES)],
    }


def marker_svg(index: int) -> str:
    """Draws a piece of a method's line, for the legend.

    Args:
        index: Of the method.

    Returns:
        An ``<svg>`` element.
    """
    style = series_style(index)
    figure = Figure(figsize=(0.42, 0.16), facecolor="none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False, xlim=(0, 2), ylim=(-1, 1), xticks=[], yticks=[])
    axes.plot([0.1, 1, 1.9], [0, 0, 0], **style, markevery=[1], markersize=5, linewidth=1.8)
    return _to_svg(figure, f"legend-{index}")


def draw_svg(name: str, panels: Sequence[Sequence[Panel]], *, left: float = 0.6) -> str:
    """Draws rows of panels that share their y axis; equal input gives equal text.

    Args:
        name: Put before every id, so that plots do not share any.
        panels: Rows of equal length.
        left: Room for the labels of the y axis, in inches.

    Returns:
        An ``<svg>`` element.
    """
    n_rows, n_columns, height = len(panels), len(panels[0]), panels[0][0].height
    size = (left + _WIDTH * n_columns, height * n_rows)
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the page's own type is used, not matplotlib's
        figure = Figure(figsize=size)
        # Margins in inches, not a layout engine: that would take as long as the drawing.
        bottom, top, gap = 0.5 / size[1], 1 - 0.3 / size[1], 0.25
        room = {"wspace": gap / (_WIDTH - gap), "hspace": 0.6 / (height - 0.6)}
        axes = figure.subplots(
            n_rows,
            n_columns,
            sharey=True,
            squeeze=False,
            gridspec_kw={"left": left / size[0], "right": 0.99, "bottom": bottom, "top": top, **room},
        )
        for i, row in enumerate(panels):
            for j, panel in enumerate(row):
                axes[i][j].set_title(panel.title)
                axes[i][j].set_xlabel(panel.x_label if i == n_rows - 1 else "")
                axes[i][j].set_ylabel(panel.y_label if j == 0 else "")
                panel.draw(axes[i][j])
        return _to_svg(figure, name)


def _to_svg(figure: Figure, name: str) -> str:
    file = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return _for_page(file.getvalue(), name)


def _for_page(text: str, name: str) -> str:
    svg = text[text.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", svg)
    return re.sub("#0[0-9a-f]{5}", lambda found: f"var({_VARIABLES[found[0]]})" if found[0] in _VARIABLES else found[0], svg)

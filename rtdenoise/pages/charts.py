"""Charts as SVG that stands in a page and takes its colours from the page's stylesheet.

They are drawn by matplotlib in the colours named here. In a page each of these becomes a variable of the stylesheet, so
that a chart is read in light and in dark; in a PNG it is what it is.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID = "#333334", "#6e6e70", "#e4e4e5"
GOOD, BAD, ACCENT, OTHER = "#2a7f3f", "#c23b30", "#2b6cb0", "#b7791f"
# Light, blue and red differences; told apart by the colour-blind too.
LUMA, BLUE, RED = "#3d3d3d", "#1f77b4", "#d1495b"
_VARIABLES = {
    "#000000": "ink",
    INK: "ink",
    MUTED: "muted",
    GRID: "line",
    GOOD: "good",
    BAD: "bad",
    ACCENT: "accent",
    OTHER: "other",
    LUMA: "luma",
    BLUE: "blue",
    RED: "red",
}
_WIDTH, _HEIGHT = (
    4.6,
    3.0,
)  # inches: letters are as large as the text around where a chart is 360 pixels wide


@dataclass(frozen=True)
class Chart:
    """A chart in a page, under its title and a sentence about it; ``drawing`` is what :func:`svg` made."""

    title: str
    drawing: Markup
    note: str = ""


def chart(height: float = _HEIGHT, width: float = _WIDTH) -> tuple[Figure, Axes]:
    """An empty figure of one pair of axes, in inches, with little ink besides the data."""
    # Not pyplot: it keeps figures alive and may look for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    plain(axes)
    return figure, axes


def plain(axes: Axes) -> None:
    """Takes away the ink that isn't data."""
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(which="both", color=MUTED, labelcolor=INK)
    axes.title.set_fontsize(11)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def svg(figure: Figure, name: str, text: str) -> Markup:
    """A figure as an SVG element.

    Args:
        figure: Drawn in this module's colours.
        name: Of the chart, unlike any other in the page: letters and ``-``.
        text: What it shows, for those who don't see it.
    """
    import matplotlib

    data = io.StringIO()
    # Text stays text: it takes the page's letters, and a search finds it.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rtdenoise"}):
        figure.savefig(data, format="svg", transparent=True, metadata={"Date": None})
    drawn = data.getvalue()
    box = re.search(r'viewBox="([\d. -]+)"', drawn)
    assert box is not None
    inside = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    inside = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", inside, flags=re.S
    )
    inside = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", inside)
    for colour, variable in _VARIABLES.items():
        inside = inside.replace(colour, f"var(--{variable})")
    return Markup('<svg class="chart" role="img" aria-label="{}" viewBox="{}">{}</svg>').format(
        text, box[1], Markup(re.sub(r"\n\s*", "\n", inside))
    )

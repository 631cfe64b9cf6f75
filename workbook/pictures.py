"""The pictures of the lessons: timelines of point-in-time lookups, bars and lines to compare, and a blank one to draw on.

Each function draws one figure with matplotlib and returns it, so that a notebook cell which ends with the call shows
it. Pictures are small, because the solved notebooks keep them, and each carries a text that says what it shows.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import display
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from PIL import Image

from lakehouse.errors import InvalidValue

_KNOWN, _FUTURE, _CHOSEN = "#3b6ea5", "#c0c0c0", "#d9822b"


BLUE, ORANGE, GREY, GREEN, RED = _KNOWN, _CHOSEN, _FUTURE, "#4f9d69", "#b8433f"


class Picture(Figure):
    """A figure that a notebook shows by itself, whether or not pyplot was ever imported.

    Attributes
    ----------
    alt : str
        What the picture shows, for those who cannot see it.
    """

    alt = ""

    def _ipython_display_(self) -> None:
        # Once a library has imported pyplot, its backend draws every figure in its own way, without a text. This comes
        # before all such ways.
        png = self.png()
        display({"image/png": png, "text/plain": repr(self)}, metadata={"image/png": {"alt": self.alt}}, raw=True)

    def png(self) -> bytes:
        """The picture as a file: the same picture gives the same bytes."""
        drawn = io.BytesIO()
        self.savefig(drawn, format="png")
        # A drawing has few colours; a palette makes a file of a third of the size. What matplotlib writes beside the
        # pixels, such as its version, goes too.
        palette = Image.open(drawn).convert("RGB").quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        file = io.BytesIO()
        palette.save(file, "PNG", optimize=True)
        return file.getvalue()


def draw(
    *, alt: str, size: tuple[float, float] = (8, 3), rows: int = 1, columns: int = 1, **subplots: Any
) -> tuple[Picture, Any]:
    """Give a blank picture to draw on, in the style of the others.

    Parameters
    ----------
    alt : str
        One or two sentences that say what the picture shows, with its numbers.
    size : (float, float)
        Width and height in inches of 80 pixels.
    rows, columns : int
        Number of panels.
    **subplots
        As of ``Figure.subplots``, such as ``sharey=True``.

    Returns
    -------
    Picture
        The last expression of the cell that shows it.
    Axes or numpy.ndarray of Axes
        One, or an array of shape (columns,), (rows,) or (rows, columns).

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    if not alt.strip():
        raise InvalidValue("alt is empty: say in a sentence what the picture shows.")
    figure = Picture(figsize=size, dpi=80, layout="constrained")
    figure.alt = alt
    axes = figure.subplots(rows, columns, **subplots)
    for one in figure.axes:
        one.spines[["right", "top"]].set_visible(False)
    return figure, axes


def timeline(
    features: pd.DataFrame, *, ts: str, value: str, label_ts: Any, lookback: pd.Timedelta | None = None, title: str = ""
) -> Picture:
    """Draw the rows of one key on a line of time, with the moment of the label as a cut.

    Parameters
    ----------
    features : pandas.DataFrame
        The feature rows of one key.
    ts, value : str
        Columns with the timestamp and with the value written beside each dot.
    label_ts : datetime-like
        Moment of the label. The row that a point-in-time lookup takes is drawn in another colour.
    lookback : pandas.Timedelta, optional
        Shade the time in which a row may be taken.
    title : str

    Returns
    -------
    Picture
    """
    rows = features.sort_values(ts)
    cut = pd.Timestamp(label_ts)
    usable = rows[rows[ts] <= cut]
    if lookback is not None:
        usable = usable[usable[ts] >= cut - lookback]
    chosen = usable.index[-1] if len(usable) else None
    points = ", ".join(f"{row[value]} at {row[ts]:%Y-%m-%d %H:%M}".replace(" 00:00", "") for _, row in rows.iterrows())
    taken = "no row" if chosen is None else str(rows.loc[chosen, value])
    alt = f"{title or value}: {points}. The label is at {cut:%Y-%m-%d %H:%M}; a lookup takes {taken}."
    figure, axes = draw(alt=alt.replace(" 00:00", ""), size=(8, 1.9))
    axes.axhline(0, color="#888888", linewidth=1, zorder=0)
    if lookback is not None:
        axes.axvspan(date2num(cut - lookback), date2num(cut), color="#f3e6d4", zorder=0)
    axes.axvline(date2num(cut), color="black", linestyle="--")
    axes.annotate("label", (cut, 0.8), xytext=(4, 0), textcoords="offset points", va="center")
    for index, row in rows.iterrows():
        colour = _CHOSEN if index == chosen else _KNOWN if row[ts] <= cut else _FUTURE
        axes.scatter(row[ts], 0, s=90, color=colour, zorder=2)
        axes.annotate(str(row[value]), (row[ts], 0), xytext=(0, -22), textcoords="offset points", ha="center")
    axes.set(ylim=(-1, 1), yticks=[], title=title)
    locator = AutoDateLocator(maxticks=8)
    axes.xaxis.set(major_locator=locator, major_formatter=ConciseDateFormatter(locator))
    axes.spines["left"].set_visible(False)
    return figure


def bars(
    values: Mapping[str, float], *, title: str, limit: tuple[str, float] | None = None, fmt: str = "%.3f"
) -> Picture:
    """Draw horizontal bars to compare a few numbers.

    Parameters
    ----------
    values : mapping of str to float
        Text of each bar and its length, drawn from top to bottom.
    title : str
    limit : (str, float), optional
        A line across the bars with its text: what cannot be honestly passed.
    fmt : str
        How the numbers are written, as ``%`` takes it.

    Returns
    -------
    Picture
    """
    said = [f"{name} {fmt % length}" for name, length in values.items()]
    said += [f"{limit[0]} {fmt % limit[1]}"] if limit else []
    alt = f"{title}: {', '.join(said)}."
    figure, axes = draw(alt=alt, size=(8, (0.9 if limit else 0.6) + 0.5 * len(values)))
    names, lengths = list(values), list(values.values())
    drawn = axes.barh(names[::-1], lengths[::-1], color=_KNOWN, height=0.6)
    axes.bar_label(drawn, fmt=fmt, padding=4)
    if limit is not None:
        axes.axvline(limit[1], color=_CHOSEN, linestyle="--", label=f"{limit[0]} {fmt % limit[1]}")
        figure.legend(loc="outside lower right", frameon=False)
    axes.set(xlim=(0, max(lengths) * 1.15), title=title)
    return figure


def lines(
    x: Sequence[Any], values: Mapping[str, Sequence[float]], *, title: str, unit: str, along: str = ""
) -> Picture:
    """Draw one line for each named series.

    Parameters
    ----------
    x : sequence of float or datetime-like, shape (n,)
    values : mapping of str to sequence of float, shape (n,)
    title, unit : str
        Title, and what the vertical axis measures.
    along : str
        What the horizontal axis measures, where it is not time.

    Returns
    -------
    Picture
    """
    said = [f"{name} goes from {series[0]:.3g} to {series[-1]:.3g}" for name, series in values.items()]
    figure, axes = draw(alt=f"{title}: {', '.join(said)} ({unit}).")
    for name, series in values.items():
        axes.plot(x, series, marker="o", label=name)
    axes.set(title=title, ylabel=unit, xlabel=along)
    axes.legend(frameon=False)
    return figure

"""The pictures of the churn lessons: timelines of point-in-time lookups and bars to compare.

Each function draws one figure with matplotlib and returns it, so that a notebook cell which ends with the call shows
it. Pictures are small: the solved notebooks keep them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

_KNOWN, _FUTURE, _CHOSEN = "#3b6ea5", "#c0c0c0", "#d9822b"


class Picture(Figure):
    """A figure that a notebook shows by itself, whether or not pyplot was ever imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        # Without the version in its metadata the same picture has the same bytes.
        self.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()


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
    figure = Picture(figsize=(8, 1.9), dpi=80, layout="constrained")
    axes = figure.subplots()
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
    axes.spines[["left", "right", "top"]].set_visible(False)
    return figure


def bars(values: Mapping[str, float], *, title: str, limit: tuple[str, float] | None = None) -> Picture:
    """Draw horizontal bars to compare a few numbers.

    Parameters
    ----------
    values : mapping of str to float
        Text of each bar and its length, drawn from top to bottom.
    title : str
    limit : (str, float), optional
        A line across the bars with its text: what cannot be honestly passed.

    Returns
    -------
    Picture
    """
    figure = Picture(figsize=(8, (0.9 if limit else 0.6) + 0.5 * len(values)), dpi=80, layout="constrained")
    axes = figure.subplots()
    names, lengths = list(values), list(values.values())
    drawn = axes.barh(names[::-1], lengths[::-1], color=_KNOWN, height=0.6)
    axes.bar_label(drawn, fmt="%.3f", padding=4)
    if limit is not None:
        axes.axvline(limit[1], color=_CHOSEN, linestyle="--", label=f"{limit[0]} {limit[1]:.3f}")
        figure.legend(loc="outside lower right", frameon=False)
    axes.set(xlim=(0, max(lengths) * 1.15), title=title)
    axes.spines[["right", "top"]].set_visible(False)
    return figure


def lines(days: Sequence[Any], values: Mapping[str, Sequence[float]], *, title: str, unit: str) -> Picture:
    """Draw one line for each named series over time.

    Parameters
    ----------
    days : sequence of datetime-like, shape (n,)
    values : mapping of str to sequence of float, shape (n,)
    title, unit : str
        Title, and what the vertical axis measures.

    Returns
    -------
    Picture
    """
    figure = Picture(figsize=(8, 3), dpi=80, layout="constrained")
    axes = figure.subplots()
    for name, series in values.items():
        axes.plot(days, series, marker="o", label=name)
    axes.set(title=title, ylabel=unit)
    axes.legend(frameon=False)
    axes.spines[["right", "top"]].set_visible(False)
    return figure

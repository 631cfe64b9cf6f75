"""Pictures of chapter 03 that need more than a line. Each function returns one figure with a text that says what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbook import pictures

LOG_STEP = 0.1
"""Width of an interval of ``log10(minutes)``."""


def _log_bars(axes: Any, logged: pd.DataFrame, colour: str) -> None:
    left = 10 ** logged["edge"]
    axes.bar(left, logged["count"], width=left * (10**LOG_STEP - 1), align="edge", color=colour)
    axes.set(xscale="log", xlabel="minutes in a week, log scale")


def two_axes(plain: pd.DataFrame, logged: pd.DataFrame, mean: float, median: float) -> pictures.Picture:
    """Minutes per week on a plain and on a log axis."""
    figure, (left, right) = pictures.draw(
        alt=f"Two histograms of minutes per week. On a plain axis most weeks are near zero and a long tail runs to the right, with the "
        f"mean at {mean:.0f} and the median at {median:.0f} minutes. On a log axis the same weeks form a hill with a thin tail on the left.",
        columns=2,
    )
    left.bar(plain["edge"], plain["count"], width=25, align="edge", color=pictures.BLUE)
    left.axvline(median, color="black", linestyle=":", label=f"median {median:.0f}")
    left.axvline(mean, color=pictures.ORANGE, linestyle="--", label=f"mean {mean:.0f}")
    left.set(xlim=(0, 1200), xlabel="minutes in a week", ylabel="weeks", title="plain axis")
    left.legend(frameon=False)
    _log_bars(right, logged, pictures.BLUE)
    right.set_title("log axis, weeks without minutes left out")
    return figure


def first_and_random(first: pd.Series, sampled: pd.Series) -> pictures.Picture:
    """The first rows of an ordered table beside a random sample."""
    figure, axes = pictures.draw(
        alt=f"Two histograms of minutes per week. The first {len(first):,} rows of the ordered table are all between {first.min():.0f} and "
        f"{first.max():.0f} minutes. A random sample of {len(sampled):,} rows shows the long tail of the whole table.",
        columns=2,
        size=(8, 2.4),
    )
    for axis, values, title in zip(axes, (first, sampled), ("limit(2000)", "sample(fraction=0.05)"), strict=True):
        axis.hist(values, bins=np.arange(0, 1000, 25), color=pictures.BLUE)
        axis.set(xlabel="minutes in a week", ylabel="rows", title=title)
    return figure


def box_and_histogram(days: pd.Series) -> pictures.Picture:
    """A box plot and a histogram of one column."""
    quarters = days.quantile([0.25, 0.5, 0.75]).round(1).tolist()
    figure, (left, right) = pictures.draw(
        alt=f"Days until the answer came. The box plot shows quartiles of {quarters[0]}, {quarters[1]} and {quarters[2]} days and a long "
        "upper part. The histogram shows two separate humps, at about 2 and 11 days, with few values between them.",
        columns=2,
        size=(8, 2.4),
    )
    left.boxplot(days, orientation="horizontal", widths=0.5)
    left.set(xlabel="days until the answer", yticks=[], title="box plot")
    right.hist(days, bins=np.arange(0, 18, 0.5), color=pictures.BLUE)
    right.set(xlabel="days until the answer", ylabel="customers", title="histogram")
    return figure


def gallery(asked: pd.DataFrame) -> pictures.Picture:
    """One plot for each kind of column or pair: sorted bars, grouped boxes, stacked shares, hexagons."""
    genres = asked["genre"].value_counts()
    shares = pd.crosstab(asked["channel"], asked["genre"], normalize="index")[genres.index]
    both = asked.dropna(subset=["hours", "satisfaction"])
    middle = asked.groupby("channel")["answer_days"].median()
    figure, (bars, boxes, stacks, hexes) = pictures.draw(
        alt=f"Four plots. Sorted bars: {genres.index[0]} is the most frequent genre with {genres.iloc[0]:,} customers, {genres.index[-1]} the "
        f"rarest with {genres.iloc[-1]:,}. Boxes: the median answer takes {middle['app']:.1f} days by app and {middle['letter']:.1f} by letter. "
        f"Stacked shares: {100 * shares.loc['app', 'news']:.0f} % of app users and {100 * shares.loc['letter', 'news']:.0f} % of letter writers "
        "prefer news. Hexagons: satisfaction rises with hours.",
        columns=4,
        size=(11, 3),
    )
    bars.barh(genres.index[::-1], genres[::-1], color=pictures.BLUE)
    bars.set(title="sorted bars", xlabel="customers")
    groups = [asked.loc[asked["channel"] == name, "answer_days"] for name in ("app", "letter")]
    boxes.boxplot(groups, tick_labels=["app", "letter"], widths=0.6)
    boxes.set(title="boxes", ylabel="days until the answer")
    start = np.zeros(2)
    for shade, genre in zip(np.linspace(0.25, 0.9, len(genres)), genres.index, strict=True):
        drawn = stacks.bar(["app", "letter"], shares[genre], bottom=start, color=str(shade), edgecolor="white")
        ink = "white" if shade < 0.6 else "black"
        stacks.bar_label(
            drawn, [genre if share > 0.06 else "" for share in shares[genre]], label_type="center", color=ink
        )
        start = start + shares[genre].to_numpy()
    stacks.set(title="stacked shares", ylabel="share of the channel")
    counted = hexes.hexbin(both["hours"], both["satisfaction"], gridsize=18, extent=(0, 40, 0, 100), cmap="Blues")
    figure.colorbar(counted, ax=hexes, label="customers")
    hexes.set(title="hexbin", xlabel="hours per week", ylabel="satisfaction")
    return figure


def outlier_limits(
    plain: pd.DataFrame,
    logged: pd.DataFrame,
    uppers: Mapping[str, float],
    log_limits: Sequence[float],
    lost: Mapping[str, float],
) -> pictures.Picture:
    """Where the two rules cut on a plain axis, and the IQR rule on a log axis."""
    said = " and ".join(
        f"the limit of {rule} at {uppers[rule]:.0f} minutes cuts off {100 * lost[rule]:.0f} % of all minutes"
        for rule in uppers
    )
    figure, (left, right) = pictures.draw(
        alt=f"Minutes per week on a plain and on a log axis. On the plain axis {said}, in the middle of a smooth tail. On the log axis the "
        "IQR limits lie at both ends of the hill.",
        columns=2,
        size=(8, 2.8),
    )
    left.bar(plain["edge"], plain["count"], width=25, align="edge", color=pictures.GREY)
    left.axvspan(min(uppers.values()), 1500, color="#f3e6d4", zorder=0)
    for (rule, high), style in zip(uppers.items(), ("--", "-"), strict=True):
        left.axvline(
            high,
            color=pictures.RED,
            linestyle=style,
            label=f"{rule}: above {high:.0f} are {100 * lost[rule]:.0f} %\nof all minutes",
        )
    left.set(xlim=(0, 1500), xlabel="minutes in a week", ylabel="weeks", title="upper limits on the plain axis")
    left.legend(loc="upper right", fontsize=9)
    _log_bars(right, logged, pictures.GREY)
    for limit in log_limits:
        right.axvline(10**limit, color=pictures.RED)
    right.set_title("IQR limits on the log axis")
    return figure


def four_shapes(
    x: np.ndarray, shapes: Mapping[str, np.ndarray], found: Mapping[str, Sequence[float]]
) -> pictures.Picture:
    """Scatter plots with Pearson, Spearman and mutual information above each."""
    said = "; ".join(
        f"{name}: Pearson {p:.2f}, Spearman {s:.2f}, mutual information {m:.1f}" for name, (p, s, m) in found.items()
    )
    figure, axes = pictures.draw(alt=f"Four scatter plots. {said}.", columns=4, size=(10, 2.7))
    for axis, (name, y) in zip(axes, shapes.items(), strict=True):
        p, s, m = found[name]
        axis.scatter(x, y, s=6, color=pictures.BLUE)
        title = f"{name}\nPearson {p:.2f}\nSpearman {s:.2f}\nmutual info {m:.1f}"
        axis.set(title=title, xticks=[], yticks=[], xlabel="x", ylabel="y")
    return figure


def filled_hours(treated: Mapping[str, pd.Series]) -> pictures.Picture:
    """Hours of letter writers after each fill."""
    said = ", ".join(f"{name} {values.mean():.1f}" for name, values in treated.items())
    figure, axes = pictures.draw(
        alt="Hours per week of letter writers, four histograms. The truth is a broad hill. Filling with the mean puts a spike, cut off in "
        "the picture, far left of the middle; filling with the mean of the channel puts it near the middle; drawing restores the hill. "
        f"Averages: {said}.",
        columns=4,
        size=(11, 2.7),
        sharey=True,
    )
    bins = np.arange(0, 50, 1.5)
    top = 1.15 * np.histogram(treated["truth"], bins)[0].max()
    for axis, (name, values) in zip(axes, treated.items(), strict=True):
        tallest = axis.hist(values, bins=bins, color=pictures.BLUE)[0].max()
        axis.axvline(values.mean(), color=pictures.ORANGE, linestyle="--")
        if tallest > top:
            axis.annotate(f"spike of {tallest:.0f}", (0.98, 0.9), xycoords="axes fraction", ha="right")
        how = "true values" if name == "truth" else f"filled: {name}"
        axis.set(title=f"{how}\naverage {values.mean():.1f} hours", xlabel="hours per week", ylim=(0, top))
    axes[0].set_ylabel("letter writers")
    return figure


def dots(
    values: Mapping[str, float], *, title: str, limit: tuple[str, float], unit: str, fmt: str = "%.3f"
) -> pictures.Picture:
    """Compare a few numbers that lie close together: dots on an axis that need not start at zero."""
    said = ", ".join(f"{name} {fmt % value}" for name, value in values.items())
    figure, axes = pictures.draw(
        alt=f"{title}: {said}; {limit[0]} {fmt % limit[1]}.", size=(8, 1.2 + 0.45 * len(values))
    )
    for row, value in enumerate(reversed(values.values())):
        axes.plot([limit[1], value], [row, row], color=pictures.GREY, linewidth=3, zorder=0)
        axes.scatter(value, row, s=60, color=pictures.BLUE)
        axes.annotate(fmt % value, (value, row), xytext=(0, 7), textcoords="offset points", ha="center")
    axes.axvline(limit[1], color=pictures.ORANGE, linestyle="--", zorder=-1, label=f"{limit[0]} {fmt % limit[1]}")
    axes.set(yticks=range(len(values)), yticklabels=list(values)[::-1], ylim=(-0.5, len(values) - 0.3), title=title)
    axes.set_xlabel(unit)
    axes.margins(x=0.12)
    figure.legend(loc="outside lower right", frameon=False)
    return figure


def by_levels(levels: Sequence[int], on_train: Sequence[float], on_test: Sequence[float], without: float) -> Any:
    """AUC by the number of levels, with the AUC of a model that lacks the column."""
    figure, axes = pictures.draw(
        alt=f"AUC of a model with a one-hot encoded random code, by its number of levels. Training rows: from {on_train[0]:.2f} with "
        f"{levels[0]} levels to {on_train[-1]:.2f} with {levels[-1]:,}. Held-out rows: {', '.join(f'{auc:.2f}' for auc in on_test)}. "
        f"Held-out rows without the code: {without:.2f}.",
    )
    names = [f"{level:,}" for level in levels]
    axes.plot(names, on_train, marker="s", color=pictures.ORANGE, label="training rows")
    axes.plot(names, on_test, marker="o", color=pictures.BLUE, label="held-out rows")
    axes.axhline(
        without, color="black", linestyle="--", linewidth=1, label=f"held-out, without the code: {without:.2f}"
    )
    axes.set(xlabel="levels of the code", ylabel="AUC", title="A random voucher code, one-hot encoded")
    axes.legend(frameon=False)
    return figure


def early_and_in_time(early: Mapping[str, float], in_time: Mapping[str, float]) -> pictures.Picture:
    """For each step the AUC if it was fitted on all rows and if it was fitted on training rows."""
    said = ", ".join(f"{step} {early[step]:.2f} against {in_time[step]:.2f}" for step in early)
    figure, axis = pictures.draw(
        alt=f"AUC on held-out rows, steps fitted on all rows against training rows only: {said}.", size=(8, 2.6)
    )
    for row, step in enumerate(reversed(early)):
        axis.plot([in_time[step], early[step]], [row, row], color=pictures.GREY, linewidth=3, zorder=0)
        ring = {"marker": "o", "s": 170, "facecolors": "none", "edgecolors": pictures.BLUE, "linewidths": 2.5}
        axis.scatter(in_time[step], row, label="fitted on training rows" if row == 0 else None, **ring)
        axis.scatter(
            early[step], row, marker="s", s=40, color=pictures.ORANGE, label="fitted on all rows" if row == 0 else None
        )
    axis.set(yticks=range(len(early)), yticklabels=list(early)[::-1], xlabel="AUC on held-out rows")
    axis.set_ylim(-0.5, len(early) - 0.5)
    figure.legend(loc="outside lower right", frameon=False, ncols=2)
    return figure
